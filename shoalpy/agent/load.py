"""How much does this machine send, and how much could it? From the counters of its network card below ``/sys`` (row S53).

The load is the difference of two readings, and the second one of a heartbeat is the first of the next: nobody waits for it.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from shoalpy.model import DEFAULT_MAX_LOAD_KBPS

# Nine tenths of what the card could send, in kilobytes of 1000 bytes, as shoal's agents count it (reference section 4).
_KBPS_PER_MBPS = 1000 * 0.9 / 8


@dataclass(frozen=True, slots=True)
class Sample:
    """The counter of bytes sent, and when it was read (monotonic)."""

    at_s: float
    sent_bytes: int


def rate_kbps(before: Sample | None, now: Sample | None) -> float:
    """Kilobytes (1024 bytes) sent in a second; 0 when it cannot be told, or the counter began anew."""
    if before is None or now is None or now.at_s <= before.at_s:
        return 0.0
    return max(0, now.sent_bytes - before.sent_bytes) / 1024 / (now.at_s - before.at_s)


def max_load_kbps(speed_mbps: int | None, default_kbps: float = DEFAULT_MAX_LOAD_KBPS) -> float:
    """What a card of this speed can send; virtual ones say -1, and get the default."""
    if speed_mbps is None or speed_mbps <= 0:
        return default_kbps
    return speed_mbps * _KBPS_PER_MBPS


def parse_default_interface(route: str, ipv6_route: str = "") -> str:
    """The card of the default route, by ``/proc/net/route`` and, failing that, ``ipv6_route``; empty when there is none."""
    for line in route.splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == "00000000":
            return words[0]
    for line in ipv6_route.splitlines():
        words = line.split()
        if len(words) == 10 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            return words[9]
    return ""


class Card:
    """A network card: the one that was asked for, or the one through which the world is reached."""

    def __init__(
        self, name: str = "", *, sys: Path = Path("/sys"), proc: Path = Path("/proc")
    ) -> None:
        self._sys = sys
        self.name = name or self._find(proc)

    def __repr__(self) -> str:
        return f"<Card {self.name or 'none'}>"

    def sample(self, now_s: float) -> Sample | None:
        """What it has sent so far."""
        sent = self._number("statistics/tx_bytes")
        return None if sent is None else Sample(now_s, sent)

    def speed_mbps(self) -> int | None:
        """Its speed, if it says one."""
        return self._number("speed")

    def _find(self, proc: Path) -> str:
        tables = []
        for table in ("net/route", "net/ipv6_route"):
            try:
                tables.append((proc / table).read_text())
            except OSError:
                tables.append("")
        if name := parse_default_interface(*tables):
            return name
        with contextlib.suppress(OSError):
            names = sorted(one.name for one in (self._sys / "class/net").iterdir())
            return next((one for one in names if one != "lo"), "")
        return ""

    def _number(self, what: str) -> int | None:
        try:
            # a card that is down answers the question for its speed with an error
            return int((self._sys / "class/net" / self.name / what).read_text())
        except (OSError, ValueError):
            return None

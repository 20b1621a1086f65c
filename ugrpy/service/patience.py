"""How long is a client waited for, and does it take what it is sent?

Nothing here keeps a timer per request. The server looks at all its connections every ``look_every_s`` and compares; a
limit is therefore overstepped by at most that much.
"""

import array
import asyncio
import fcntl
import termios
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

# A look at an idle connection costs well under a microsecond, so a thousand of them may be looked at now and then.
_LONGEST_PAUSE_S = 2.0
_SHORTEST_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Patience:
    """``head_s``: from the first byte of a head, or the opening of a connection, to the end of the head.
    ``send_s``: without the client taking a byte of what it is sent. ``connections``: most at a time, ``network_connections``
    of them from one client network; 0 means any number. ``proxies`` are not limited so: their connections are everybody's.
    """

    head_s: float = 30.0
    send_s: float = 60.0
    connections: int = 0
    network_connections: int = 0
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def look_every_s(self) -> float:
        """A tenth of the shorter limit, within bounds."""
        return min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, min(self.head_s, self.send_s) / 10))


class Outflow:
    """Whether what is written to one connection leaves it."""

    __slots__ = ("_since_s", "_unsent_bytes")

    def __init__(self) -> None:
        self._unsent_bytes = 0
        self._since_s = 0.0

    def __repr__(self) -> str:
        return f"<Outflow {self._unsent_bytes} bytes unsent since {self._since_s:g}>"

    def stalled_s(self, unsent_bytes: int, now: float) -> float:
        """For how long nothing has left, given what is unsent now. More of it is no standstill's end, less of it is."""
        if not unsent_bytes or not self._unsent_bytes or unsent_bytes < self._unsent_bytes:
            self._since_s = now
        self._unsent_bytes = unsent_bytes
        return now - self._since_s

    def moved(self) -> None:
        """Something has left since the last look, however much was written after it."""
        self._unsent_bytes = 0


def unsent_bytes(transport: asyncio.Transport) -> int:
    """What the client has not acknowledged, in our buffer and the kernel's; 0 when our buffer is empty.

    The kernel asks for more only when a third of its buffer is free, which for a slow client can be minutes away; its own
    count shows every acknowledged byte.
    """
    ours = transport.get_write_buffer_size()
    if not ours:
        return 0
    kernels = array.array("i", [0])
    try:
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, kernels)
    except OSError:
        return ours
    return ours + kernels[0]

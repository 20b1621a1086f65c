"""How does DynaFed's dashboard read which storages are well? From numbered records in memcached (reference row D152). Pure.

``Ugrpluginstats_idx`` counts, and ``Ugrpluginstats_<n>`` is the record of that turn: for each endpoint its name twice, when it was last heard of, its
state, its latency in milliseconds, an HTTP status and an explanation, with ``%%`` between them and ``&&`` between endpoints; a NUL ends it.
The status is 0, *not known*: an endpoint is judged by all that it is asked, and not by one probe.
"""

from collections.abc import Iterable

from ugrpy.health.states import HealthSnapshot

COUNTER = "Ugrpluginstats_idx"
KEPT_S = 30 * 24 * 3600
UNKNOWN, ONLINE, OFFLINE = 0, 1, 2
LONGEST_WORDS = 200


def record_key(number: int) -> str:
    """The key of one record."""
    return f"Ugrpluginstats_{number}"


def monitor_record(snapshots: Iterable[HealthSnapshot], wall_s: float) -> bytes:
    """The record of this moment; ``wall_s`` is in seconds since the epoch."""
    return "&&".join(_endpoint(one, wall_s) for one in snapshots).encode() + b"\0"


def _endpoint(one: HealthSnapshot, wall_s: float) -> str:
    ages = (one.last_good_age_s, one.last_probe_age_s, one.last_error_age_s)
    age_s = min((age for age in ages if age is not None), default=None)
    heard_s = 0 if age_s is None else round(wall_s - age_s)
    latency_ms = 0 if one.latency_s is None else round(one.latency_s * 1000)
    name, state = _plain(one.endpoint), _state(one, heard=age_s is not None)
    words = "" if state == ONLINE else _plain(one.note)[:LONGEST_WORDS]
    return "%%".join((name, name, str(heard_s), str(state), str(latency_ms), "0", words))


def _state(one: HealthSnapshot, *, heard: bool) -> int:
    if not one.in_service:
        return OFFLINE
    return ONLINE if heard else UNKNOWN


def _plain(text: str) -> str:
    """Without what would end a field, and what no terminal or page should be given."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("%", "").replace("&", "")

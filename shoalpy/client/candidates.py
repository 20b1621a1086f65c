"""Which caches are worth a test, and in which order are those used that passed?

A version 1 answer of any shoal server is an object whose keys count from ``"0"``, or ``null`` (reference section 2.2); only the server
was asked, so what it names is not believed to work before it has been tested. Its ranking chooses what is tested, the time of
the test decides the order, and caches in this network come before all others (section 5.2).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shoalpy.model import Address
from shoalpy.proxylist import Group, Proxy
from ugrpy.core.errors import DataError
from ugrpy.locality import parse_address

MAX_ANSWER_BYTES = 1 << 20
MAX_CANDIDATES = 100


class BadAnswer(DataError):
    """A server's answer that names no caches in the way of version 1."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cache and the ways to it. ``near`` is its private address, where the server says that it stands in our network."""

    port: int
    public: Address | None = None
    near: Address | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One way to a cache. ``cache`` is the same for all ways to one."""

    cache: int
    proxy: Proxy
    near: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """A way that works, and the seconds its test took."""

    route: Route
    rtt_s: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which caches are as good as each other: those no slower than the fastest by this much. Both zero: none are."""

    ratio: float = 0.25
    margin_s: float = 0.005


def parse_answer(body: bytes) -> tuple[Candidate, ...]:
    """The caches in the order of the server; one that cannot be used is passed over. Raises ``BadAnswer``."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer("the server's answer is not JSON") from None
    if said is None:
        return ()
    if not isinstance(said, dict):
        raise BadAnswer("the server's answer is neither an object nor null")
    if not all(key.isascii() and key.isdigit() for key in said):
        raise BadAnswer("the keys of the server's answer do not count from 0")
    ordered = (said[key] for key in sorted(said, key=int))
    found = (_candidate(one) for one in ordered if isinstance(one, dict))
    return tuple(one for one in found if one is not None)[:MAX_CANDIDATES]


def routes(
    candidates: Sequence[Candidate], own_address: Callable[[Address], Address | None]
) -> tuple[Route, ...]:
    """All ways worth a test, each proxy once. ``own_address`` tells ours towards another."""
    found: dict[Proxy, Route] = {}
    for number, one in enumerate(candidates):
        if one.near is not None and is_neighbour(own_address(one.near), one.near):
            near = Proxy(str(one.near), one.port)
            found.setdefault(near, Route(number, near, near=True))
        if one.public is not None:
            public = Proxy(str(one.public), one.port)
            found.setdefault(public, Route(number, public))
    return tuple(found.values())


def is_neighbour(own: Address | None, other: Address) -> bool:
    """Whether a private address is likely to mean the same machine here: it shares the first two octets, or 48 bits in IPv6.

    Many sites number their machines alike, and behind the private address of another's cache may stand anything of ours.
    """
    if own is None or own.version != other.version:
        return False
    bits = 16 if own.version == 4 else 80
    return int(own) >> bits == int(other) >> bits


def best(passed: Sequence[Passed], count: int) -> tuple[Passed, ...]:
    """So many of those that work: near ones first, then by time; one way to each cache."""
    chosen: dict[int, Passed] = {}
    for one in sorted(passed, key=lambda one: (not one.route.near, one.rtt_s)):
        chosen.setdefault(one.route.cache, one)
    return tuple(chosen.values())[:count]


def grouped(chosen: Sequence[Passed], grouping: Grouping) -> tuple[Group, ...]:
    """The groups of a proxy list: caches as good as each other share the load (row S65), the others are there for when they fail.

    Within a group the order means nothing, so it is that of the names: the same caches give the same list each time.
    """
    groups: list[list[Passed]] = []
    for one in chosen:
        if groups and _as_good(one, groups[-1][0], grouping):
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(tuple(sorted((one.route.proxy for one in group), key=str)) for group in groups)


def _as_good(one: Passed, fastest: Passed, grouping: Grouping) -> bool:
    if not (grouping.ratio or grouping.margin_s) or one.route.near != fastest.route.near:
        return False
    return one.rtt_s <= fastest.rtt_s * (1 + grouping.ratio) + grouping.margin_s


def _candidate(said: dict[str, Any]) -> Candidate | None:
    port = said.get("squid_port", said.get("cache_port"))
    try:
        number = int(port) if isinstance(port, int | str) else 0
    except ValueError:
        return None
    public = _address(said.get("public_ip")) or _address(said.get("external_ip"))
    near = _address(said.get("private_ip")) if said.get("local") is True else None
    if not 0 < number < 65536 or not (public or near):
        return None
    return Candidate(number, public, near)


def _address(value: object) -> Address | None:
    return parse_address(value) if isinstance(value, str) else None

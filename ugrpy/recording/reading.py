"""Which decisions of the ring fit a question? Read from the files alone, of a gateway that runs or one that does not.

Files and blocks are passed over by their times and sieves; what is left is read from the newest block back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from ugrpy.namespace.paths import is_within
from ugrpy.recording.flights import Flight
from ugrpy.recording.frames import Damage, Frame, read_content, scan
from ugrpy.recording.ring import Segment, segments_in
from ugrpy.recording.sieve import may_hold, network_token, parse_network, path_token
from ugrpy.recording.unpacking import Block, Damaged

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is left out does not matter.

    ``path`` is a name as clients wrote it; ``below``: everything below it as well. ``client`` holds the client, or is held by what was kept of it. Times are in
    seconds since the epoch, ``until_s`` not included. ``statuses`` are whole ones (404) or classes (4, as in 4xx). ``endpoint`` is where the client was sent.
    """

    path: str | None = None
    below: bool = False
    client: Network | None = None
    since_s: float = float("-inf")
    until_s: float = float("inf")
    statuses: tuple[int, ...] = ()
    endpoint: str | None = None
    id: str | None = None
    ranked: bool = False


@dataclass(slots=True)
class Looked:
    """How much was read, and how much of it was of no use."""

    blocks: int = 0
    passed_over: int = 0
    damaged: int = 0
    damaged_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The newest ones first, at most as many as were wanted; ``more``: there are others."""

    flights: tuple[Flight, ...]
    more: bool
    looked: Looked = field(default_factory=Looked)


@dataclass(frozen=True, slots=True)
class _Placed:
    segment: Segment
    frame: Frame


def find(folder: Path, query: Query, most: int) -> Found:
    """The newest decisions that fit. Raises ``OSError`` when there is no such folder."""
    looked = Looked()
    best: list[Flight] = []
    for placed in _blocks(folder, query, looked):
        if len(best) > most and placed.frame.head.last_s < best[-1].at_s:
            break  # what follows is older than what there is
        best = nlargest(
            most + 1, [*best, *_fitting(placed, query, looked)], key=lambda one: one.at_s
        )
    return Found(tuple(best[:most]), len(best) > most, looked)


def every(folder: Path, query: Query, looked: Looked) -> Iterator[Flight]:
    """All decisions that fit, roughly the newest first. Raises ``OSError`` when there is no such folder."""
    for placed in _blocks(folder, query, looked):
        yield from _fitting(placed, query, looked)


def oldest_s(folder: Path) -> float | None:
    """When the oldest decision in the ring was made; ``None`` when there is none. Raises ``OSError``."""
    firsts = (next(_frames(segment, Looked()), None) for segment in segments_in(folder))
    return min((first.head.first_s for first in firsts if first is not None), default=None)


def _blocks(folder: Path, query: Query, looked: Looked) -> Iterator[_Placed]:
    """The blocks that may hold what is looked for, the newest first."""
    found: list[_Placed] = []
    for segment in segments_in(folder):
        if segment.changed_ns / 1e9 < query.since_s:
            continue
        for frame in _frames(segment, looked):
            if _may_fit(frame, query):
                found.append(_Placed(segment, frame))
            else:
                looked.passed_over += 1
    return iter(sorted(found, key=lambda one: one.frame.head.last_s, reverse=True))


def _frames(segment: Segment, looked: Looked) -> Iterator[Frame]:
    try:
        with segment.path.open("rb") as file:
            for one in scan(file, segment.size_bytes):
                if isinstance(one, Damage):
                    looked.damaged += 1
                    looked.damaged_bytes += one.size_bytes
                else:
                    yield one
    except FileNotFoundError:
        return  # the ring has gone on


def _may_fit(frame: Frame, query: Query) -> bool:
    head = frame.head
    if head.last_s < query.since_s or head.first_s >= query.until_s:
        return False
    token = None if query.path is None else path_token(query.path, below=query.below)
    if token is not None and not may_hold(frame.sieve, token):
        return False
    if query.id is not None and head.facts.get("process") != query.id.partition("-")[0]:
        return False
    token = None if query.client is None else _client_token(query.client, head.facts.get("kept"))
    return token is None or may_hold(frame.sieve, token)


def _client_token(network: Network, kept: object) -> str | None:
    bits = kept.get(str(network.version)) if isinstance(kept, dict) else None
    return network_token(network, bits) if isinstance(bits, int) else None


def _fitting(placed: _Placed, query: Query, looked: Looked) -> Iterator[Flight]:
    looked.blocks += 1
    flights: Sequence[Flight] = ()
    try:
        with placed.segment.path.open("rb") as file:
            block = Block(placed.frame.head, read_content(file, placed.frame))
        flights = [block.flight(row) for row in _rows(block, query)]
    except FileNotFoundError:
        pass  # the ring has gone on
    except Damaged:
        looked.damaged += 1
        looked.damaged_bytes += placed.frame.body_bytes
    yield from flights


def _rows(block: Block, query: Query) -> Iterator[int]:
    """The rows that fit, found without building what is in them."""
    fitting = [
        (block.numbers(column), _numbers(block.texts(column), fits))
        for column, fits in _text_tests(query)
    ]
    if query.ranked:
        orders = block.table("order")
        fitting.append((block.numbers("order"), {n for n, one in enumerate(orders) if one}))
    if query.id is not None:
        number = _number_in(query.id)
        fitting.append((block.numbers("number"), set() if number is None else {number}))
    statuses = block.numbers("status")
    for row in range(block.rows):
        if (
            query.since_s <= block.at_s(row) < query.until_s
            and (not query.statuses or status_fits(statuses[row], query.statuses))
            and all(numbers[row] in wanted for numbers, wanted in fitting)
        ):
            yield row


def _text_tests(query: Query) -> Iterator[tuple[str, Callable[[str], bool]]]:
    path, client, endpoint = query.path, query.client, query.endpoint
    if path is not None:
        yield "path", lambda one: is_within(one, path) if query.below else one == path
    if client is not None:
        yield "client", lambda one: overlaps(one, client)
    if endpoint is not None:
        yield "endpoint", lambda one: one == endpoint


def _numbers(texts: Sequence[str], fits: Callable[[str], bool]) -> set[int]:
    return {number for number, text in enumerate(texts) if fits(text)}


def _number_in(request_id: str) -> int | None:
    try:
        return int(request_id.partition("-")[2], 16)
    except ValueError:
        return None


def overlaps(client: str, network: Network) -> bool:
    """Whether what was kept of a client may be in the network."""
    kept = parse_network(client)
    return kept is not None and kept.version == network.version and kept.overlaps(network)


def status_fits(status: int, wanted: Sequence[int]) -> bool:
    """Whether a status is one of those, or of one of those classes."""
    return status in wanted or status // 100 in wanted

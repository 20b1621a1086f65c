"""How do many decisions become few bytes, at a cost that a request does not feel?

What a request leaves behind is a tuple of references to what is there anyway: the name as it is known, the client's zone, the order. Here they are turned into
columns, and everything that several of them share (a zone, a set of holders, a path) is written once, as a table, with its number in the
column. A column in which all are alike is written as one value. Columns of small numbers are what both ``json`` and ``zlib`` are quick
at, and a reader who looks for a path need not build the rest.

::

    {"from":1790000000.1,"columns":{"at":[0,113],"path":[0,1],"status":[302],...},"tables":{"path":["/atlas/f","/atlas/g"],
     "zone":[{"place":[48.4,-123.3,"CA",16462,"10.0.0.0/8 by the operator"],"rule":0,"standings":{"uvic":[0,3.1]}}],...}}
"""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import islice
from typing import Any

from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.locality.model import Candidate, Place, PreferenceRule
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import EndpointId
from ugrpy.recording.flights import Among
from ugrpy.recording.frames import Head
from ugrpy.recording.sieve import (
    add_path_tokens,
    client_tokens,
    kept_bits,
    make_sieve,
    parse_network,
)
from ugrpy.security.identity import Identity

Row = tuple[
    float,  # at_s, monotonic
    float,  # took_s
    int,  # the request's number in its process
    int,  # status
    str,  # method
    str,  # path as the client wrote it
    str,  # client
    str,  # cache
    str,  # endpoint
    str,  # why
    tuple[EndpointId, ...],  # order
    tuple[float, ...],  # drawn
    frozenset[EndpointId],  # withheld
    Identity,
    Zone,
    KnownName | KnownListing | None,
    Mapping[str, str] | None,  # missing
    Among | None,
    Mapping[str, Candidate],
]
"""What one request leaves behind, in the order in which ``Packer`` takes it."""

MICRO = 1_000_000


class _Values:
    """Distinct values, each written once."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.column: list[int] = []

    def add(self, values: Iterable[Hashable]) -> None:
        numbers = self.numbers
        known = numbers.setdefault
        self.column += [known(value, len(numbers)) for value in values]

    def table(self) -> list[Any]:
        return list(self.numbers)


class _Objects:
    """Distinct objects, told apart by identity; they are held, so that no other takes the place of one."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.things: list[Any] = []
        self.column: list[int] = []

    def add(self, things: Iterable[object]) -> None:
        numbers, held, column = self._numbers, self.things, self.column
        for thing in things:
            number = numbers.get(id(thing))
            if number is None:
                number = numbers[id(thing)] = len(held)
                held.append(thing)
            column.append(number)


class _Scenes:
    """What was known of names: a table of columns too, since in the worst case each row has another name."""

    def __init__(self) -> None:
        self._path: list[str | int | None] = []
        self._at: list[float] = []
        self._said = _Values()
        self._more = _Values()

    def add(
        self, scenes: Sequence[KnownName | KnownListing | None], paths: Mapping[str, int]
    ) -> None:
        """Some more; a path that is in the table of the clients' paths already is written as its number there."""
        find = paths.get
        self._path += [None if one is None else find(one.path, one.path) for one in scenes]
        self._at += [0.0 if one is None else one.at_s for one in scenes]
        self._said.add([_said(one) for one in scenes])
        self._more.add([_more(one) for one in scenes])

    def table(self, first_s: float) -> dict[str, list[Any]]:
        """Times are in milliseconds, before or after that of the first row."""
        return {
            "path": self._path,
            "at": [int((at - first_s) * 1000) for at in self._at],
            "said": self._said.column,
            "more": self._more.column,
            "saids": self._said.table(),
            "mores": [json.loads(text) if text else None for text in self._more.table()],
        }


_VALUES = ("method", "path", "client", "cache", "endpoint", "why", "order", "drawn", "out")
_OBJECTS = ("identity", "zone", "scene", "missing", "among", "candidates")


class Packer:
    """Gathers rows for one block. ``since_epoch_s`` turns the rows' times into those of the calendar; ``kept``: how much of addresses is kept."""

    def __init__(self, since_epoch_s: float, kept: "KeptBits") -> None:
        self._since_epoch_s = since_epoch_s
        self._kept = kept
        self._at: list[float] = []
        self._took: list[int] = []
        self._number: list[int] = []
        self._status: list[int] = []
        self._values = {name: _Values() for name in _VALUES}
        self._objects = {name: _Objects() for name in _OBJECTS}
        self._scenes = _Scenes()
        self._clients: list[str] = []
        self._tokens: set[str] = set()

    def __len__(self) -> int:
        return len(self._at)

    def add(self, rows: Sequence[Row]) -> None:
        """Some rows more; about two microseconds for each."""
        at, took, number, status, *shared = zip(*rows, strict=True)
        self._at += at
        self._took += [int(seconds * MICRO) for seconds in took]
        self._number += number
        self._status += status
        paths, clients = self._values["path"], self._values["client"]
        before = len(paths.numbers), len(clients.numbers), len(self._objects["scene"].things)
        for values, column in zip(self._values.values(), shared, strict=False):
            values.add(column)
        for objects, column in zip(self._objects.values(), shared[len(_VALUES) :], strict=True):
            objects.add(column)
        for path in islice(paths.numbers, before[0], None):
            add_path_tokens(self._tokens, path)
        for client in islice(clients.numbers, before[1], None):
            self._clients.append(self._kept.of(client))
            self._tokens.update(client_tokens(self._clients[-1]))
        self._scenes.add(self._objects["scene"].things[before[2] :], paths.numbers)

    @property
    def withheld(self) -> list[frozenset[EndpointId]]:
        """The sets of endpoints, out of service or reserved, that rows were decided under."""
        return self._values["out"].table()

    def document(
        self, reasons: Mapping[str, str], rules: Sequence[PreferenceRule]
    ) -> dict[str, Any]:
        """All of it as JSON has it. ``reasons``: why each endpoint that is withheld is."""
        values, objects = self._values, self._objects
        first = self._at[0]
        columns = {
            "at": [round((at - first) * MICRO) for at in self._at],
            "took": self._took,
            "number": self._number,
            "status": self._status,
            **{name: one.column for name, one in (values | objects).items()},
        }
        tables = {
            **{name: one.table() for name, one in values.items()},
            "client": self._clients,
            "out": [{name: reasons.get(name, "") for name in sorted(out)} for out in self.withheld],
            "identity": [_identity(one) for one in objects["identity"].things],
            "zone": [_zone(one, rules) for one in objects["zone"].things],
            "missing": [dict(one) if one else {} for one in objects["missing"].things],
            "among": [_among(one) for one in objects["among"].things],
            "candidates": [_candidates(one) for one in objects["candidates"].things],
            "scene": self._scenes.table(first),
        }
        return {
            "from": first + self._since_epoch_s,
            "columns": {
                name: column if len(set(column)) > 1 else column[:1]
                for name, column in columns.items()
            },
            "tables": tables,
        }

    def head(self, document: Mapping[str, Any], facts: Mapping[str, object]) -> tuple[Head, bytes]:
        """What a reader wants to know before it reads the document, and the sieve; ``facts`` are added to it."""
        first_s: float = document["from"]
        offsets: list[int] = document["columns"]["at"]
        head = Head(
            len(self),
            first_s + min(offsets) / MICRO,
            first_s + max(offsets) / MICRO,
            {**facts, "kept": kept_bits(self._clients)},
        )
        return head, make_sieve(self._tokens)


class KeptBits:
    """How much of a client's address is kept, by version of the protocol."""

    def __init__(self, bits_v4: int, bits_v6: int) -> None:
        self._bits = {4: bits_v4, 6: bits_v6}

    def of(self, client: str) -> str:
        """The client as it is written down."""
        network = parse_network(client)
        if network is None or network.prefixlen <= (bits := self._bits[network.version]):
            return client
        return str(ip_network((network.network_address, bits), strict=False))


def render_document(document: Mapping[str, Any]) -> Iterator[bytes]:
    """The text of a document in pieces, none of which takes long to make."""
    yield b'{"from":%s' % _json(document["from"])
    for part in ("columns", "tables"):
        yield b',"%s":{' % part.encode()
        for number, (name, value) in enumerate(document[part].items()):
            yield b'%s"%s":%s' % (b"," if number else b"", name.encode(), _json(value))
        yield b"}"
    yield b"}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


# -- the tables ------------------------------------------------------------------------------------


def _identity(one: Identity) -> str:
    """What kind of client it was; who it was is in the access log, for as long as that is kept."""
    return "anonymous" if one.anonymous else "authenticated"


def _place(place: Place) -> list[object]:
    at = place.position
    coordinates = (None, None) if at is None else (at.latitude_deg, at.longitude_deg)
    return [*coordinates, place.country, place.asn, place.source]


def _zone(zone: Zone, rules: Sequence[PreferenceRule]) -> dict[str, object]:
    number = next((n for n, rule in enumerate(rules) if rule == zone.rule), None)
    return {
        "place": _place(zone.place),
        "rule": number,
        "standings": {n: [s.rule_class, s.distance_km] for n, s in zone.standings.items()},
    }


def _among(among: Among | None) -> dict[str, object] | None:
    return None if among is None else {"rooms": dict(among.rooms), "ahead": dict(among.ahead)}


def _candidates(candidates: Mapping[str, Candidate]) -> dict[str, list[object]]:
    return {n: [c.weight, c.load, c.sluggish, c.excluded] for n, c in candidates.items()}


def _said(known: KnownName | KnownListing | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who holds it, and who says that it is not there."""
    if known is None:
        return (), ()
    if isinstance(known, KnownListing):
        return known.itself.holders, ()
    return () if known.merged is None else known.merged.holders, known.summary.absent


def _more(known: KnownName | KnownListing | None) -> str:
    """What is rare: trouble, refusals and disagreements; as text, so that equal ones are written once."""
    if known is None or isinstance(known, KnownListing):
        return ""  # who was missing in a listing, its client is told
    summary = known.summary
    conflicts = known.merged.conflicts if known.merged else ()
    if not (conflicts or known.out or known.silent or summary.unknown or summary.denied):
        return ""
    return json.dumps(
        {
            "outvoted": [[c.endpoint, c.about, c.says, c.majority] for c in conflicts],
            "silent": sorted(known.silent),
            "denied": {name: one.detail for name, one in summary.denied.items()},
            "unknown": {
                name: one.inside or one.detail or one.cause.value
                for name, one in summary.unknown.items()
            },
            "out": {name: one.reason for name, one in known.out.items()},
        }
    )

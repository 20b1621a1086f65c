"""From the text of a block back to the decisions in it; the other half of ``packing``.

The bytes have passed a check sum, but whoever wrote them may have been another version, or another program: what has not the expected
form raises ``Damaged`` and nothing else.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ugrpy.core.errors import DataError
from ugrpy.locality.model import Place, Position
from ugrpy.locality.tiers import Standing
from ugrpy.recording.flights import (
    Among,
    Flight,
    Outvoted,
    Scene,
    SeenCandidate,
    SeenZone,
)
from ugrpy.recording.frames import Head
from ugrpy.recording.packing import MICRO

T = TypeVar("T")

# Many times what one block of ours has.
MOST_ROWS = 1_000_000


class Damaged(DataError):
    """A block whose content cannot be made sense of."""


@contextmanager
def _understanding() -> Iterator[None]:
    try:
        yield
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise Damaged(f"a block that cannot be read: {type(error).__name__}: {error}") from error


class Block:
    """The decisions of one block, built one by one as they are asked for. Everything raises ``Damaged`` for what is not as ``packing`` writes it."""

    def __init__(self, head: Head, content: bytes) -> None:
        with _understanding():
            document = json.loads(content)
            if not 0 <= head.rows <= MOST_ROWS:
                raise ValueError(f"{head.rows} rows")
            self.rows = head.rows
            self._from_s = float(document["from"])
            self._columns: dict[str, list[Any]] = document["columns"]
            self._tables: dict[str, Any] = document["tables"]
            self._process = str(head.facts["process"])
            self._worker = int(str(head.facts["worker"]))
            self._rules = str(head.facts["rules"])
        self._checked: dict[str, Sequence[int]] = {}
        self._made: dict[tuple[str, int], Any] = {}

    def numbers(self, column: str) -> Sequence[int]:
        """One column, a number for each row."""
        if (checked := self._checked.get(column)) is not None:
            return checked
        with _understanding():
            values = _list(self._columns[column])
            if len(values) == 1 < self.rows:
                values = values * self.rows
            if len(values) != self.rows or not all(type(one) is int for one in values):
                raise ValueError(f"{column} has not {self.rows} whole numbers")
            self._checked[column] = values
            return values

    def texts(self, table: str) -> Sequence[str]:
        """The texts that a column counts."""
        with _understanding():
            return [str(text) for text in _list(self._tables[table])]

    def table(self, column: str) -> Sequence[object]:
        """The values that a column counts."""
        with _understanding():
            return _list(self._tables[column])

    def at_s(self, row: int) -> float:
        """When the request of that row came."""
        with _understanding():
            return self._from_s + self.numbers("at")[row] / MICRO

    def flight(self, row: int) -> Flight:
        """The decision of that row."""
        with _understanding():
            return Flight(
                id=f"{self._process}-{self.numbers('number')[row]:x}",
                at_s=self.at_s(row),
                took_s=self.numbers("took")[row] / MICRO,
                worker=self._worker,
                status=int(self.numbers("status")[row]),
                method=self._shared(row, "method", str),
                path=self._shared(row, "path", str),
                client=self._shared(row, "client", str),
                identity=self._shared(row, "identity", str),
                cache=self._shared(row, "cache", str),
                endpoint=self._shared(row, "endpoint", str),
                why=self._shared(row, "why", str),
                order=self._shared(row, "order", _names),
                drawn=self._shared(row, "drawn", _drawn),
                zone=self._shared(row, "zone", _zone),
                candidates=self._shared(row, "candidates", _candidates),
                among=self._shared(row, "among", _among),
                withheld=self._shared(row, "out", _reasons),
                missing=self._shared(row, "missing", _reasons),
                rules=self._rules,
                scene=self._scene(row),
            )

    def _shared(self, row: int, column: str, parse: Callable[[Any], T]) -> T:
        """What several rows have in common is made once."""
        key = column, self.numbers(column)[row]
        if key not in self._made:
            self._made[key] = parse(self._tables[column][key[1]])
        made: T = self._made[key]
        return made

    def _scene(self, row: int) -> Scene | None:
        number = self.numbers("scene")[row]
        key = "scene", number
        if key not in self._made:
            self._made[key] = self._make_scene(number)
        scene: Scene | None = self._made[key]
        return scene

    def _make_scene(self, number: int) -> Scene | None:
        table = self._tables["scene"]
        path = table["path"][number]
        if path is None:
            return None
        holders, absent = table["saids"][table["said"][number]]
        more = table["mores"][table["more"][number]] or {}
        return Scene(
            str(self._tables["path"][path] if isinstance(path, int) else path),
            self._from_s + table["at"][number] / 1000,
            _names(holders),
            _names(absent),
            _names(more.get("silent", [])),
            tuple(Outvoted(*map(str, one)) for one in _list(more.get("outvoted", []))),
            *(_reasons(more.get(name, {})) for name in ("denied", "unknown", "out")),
        )


def _names(said: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in _list(said))


def _list(said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise TypeError("not a list")
    return said


def _drawn(said: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in _list(said))


def _reasons(said: Any) -> dict[str, str]:
    return {str(name): str(reason) for name, reason in said.items()}


def _zone(said: Any) -> SeenZone:
    rule = said["rule"]
    return SeenZone(
        parse_place(said["place"]),
        None if rule is None else int(rule),
        {
            str(name): Standing(int(number), None if km is None else float(km))
            for name, (number, km) in said["standings"].items()
        },
    )


def parse_place(said: Sequence[Any]) -> Place:
    """A place as ``packing`` writes it. Raises ``ValueError`` or ``TypeError`` for what is none."""
    latitude, longitude, country, asn, source = said
    position = None if latitude is None else Position(float(latitude), float(longitude))
    return Place(
        position,
        None if country is None else str(country),
        None if asn is None else int(asn),
        str(source),
    )


def _among(said: Any) -> Among | None:
    if said is None:
        return None
    return Among(
        {str(name): float(room) for name, room in said["rooms"].items()},
        {str(name): int(group) for name, group in said["ahead"].items()},
    )


def _candidates(said: Any) -> dict[str, SeenCandidate]:
    return {
        str(name): SeenCandidate(float(weight), float(load), bool(sluggish), str(excluded))
        for name, (weight, load, sluggish, excluded) in said.items()
    }

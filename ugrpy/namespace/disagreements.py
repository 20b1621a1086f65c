"""Which replicas were last seen to differ from the others, since when, and on what?

The report for operators (row M2). A replica is in it from the first look at its name that finds it outvoted until a later one finds it
agreeing, gone, or outvoted no more; a look at the whole collection around it serves as well. What an endpoint in trouble keeps to itself
changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import join, parent_of

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One replica that was outvoted. Times are in seconds since the epoch."""

    path: str
    endpoint: EndpointId
    about: str
    says: str
    majority: str
    first_seen_s: float
    last_seen_s: float

    @property
    def subject(self) -> tuple[EndpointId, str]:
        """What tells it from others about the same name."""
        return self.endpoint, self.about


@dataclass(frozen=True, slots=True)
class NewsOfDisagreements:
    """What is to be written down: names whose lines are all replaced by those of ``seen``."""

    names: tuple[str, ...] = ()
    seen: tuple[Disagreement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)


class Disagreements:
    """The report. Of more than ``most`` names, those longest not seen go."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._names: dict[str, tuple[Disagreement, ...]] = {}
        self._changed: set[str] = set()

    def __repr__(self) -> str:
        return f"<Disagreements about {len(self._names)} names>"

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Disagreement]:
        """All of them, those seen last at the end."""
        for lines in list(self._names.values()):
            yield from lines

    def note_name(self, path: str, merged: Merged | None, now_s: float) -> None:
        """Everybody has spoken of this name."""
        if merged is None or not merged.conflicts:
            self._drop(path)
            return
        before = {one.subject: one for one in self._names.pop(path, ())}
        lines = []
        for conflict in merged.conflicts:
            line = Disagreement(
                path, conflict.endpoint, conflict.about, conflict.says, conflict.majority,
                now_s, now_s,
            )  # fmt: skip
            known = before.get(line.subject)
            lines.append(line if known is None else replace(line, first_seen_s=known.first_seen_s))
        self._names[path] = tuple(lines)
        self._changed.add(path)
        while len(self._names) > self._most:
            self._drop(next(iter(self._names)))

    def note_listing(
        self, path: str, clashing: Sequence[Merged], now_s: float, *, whole: bool
    ) -> None:
        """These names of a collection clash; when it is ``whole``, no others of it do."""
        for merged in clashing[-self._most :]:
            self.note_name(join(path, merged.entry.name), merged, now_s)
        if whole and self._names:
            seen = {join(path, merged.entry.name) for merged in clashing}
            inside = [name for name in self._names if parent_of(name) == path and name != path]
            for name in inside:
                if name not in seen:
                    self._drop(name)

    def unwritten(self) -> NewsOfDisagreements:
        """What is to be written down; asked again, only what has come since."""
        names = tuple(sorted(self._changed))
        self._changed = set()
        return NewsOfDisagreements(
            names, tuple(line for name in names for line in self._names.get(name, ()))
        )

    def take_over(self, written: Iterable[Disagreement]) -> None:
        """What is written down by now, by whomever; what has been noted here since stays."""
        kept = {name: self._names.get(name) for name in self._changed}
        names: dict[str, tuple[Disagreement, ...]] = {}
        for line in sorted(written, key=lambda one: one.last_seen_s):
            if line.path not in kept:
                names[line.path] = (*names.get(line.path, ()), line)
        self._names = names | {name: lines for name, lines in kept.items() if lines}

    def _drop(self, path: str) -> None:
        if self._names.pop(path, None) is not None:
            self._changed.add(path)

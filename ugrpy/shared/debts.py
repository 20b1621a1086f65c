"""What is owed to a store that was away when a name was changed, and of which names it must not be believed here until then?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ugrpy.namespace.paths import is_within

# More buckets than this are made good by changing the number of all.
MOST_OWED = 2000
# More names than this are not told apart any more: nothing in the store is believed.
MOST_DISTRUSTED = 5000
MOST_DISTRUSTED_BELOW = 50


@dataclass(slots=True)
class Debts:
    """Keys that must be taken out of the store. ``all_key`` stands for all of them."""

    all_key: str
    _keys: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Iterable[str]) -> None:
        """These could not be taken out."""
        self._keys.update(dict.fromkeys(keys))
        if len(self._keys) > MOST_OWED:
            self._keys = {self.all_key: None}

    def some(self, most: int) -> tuple[str, ...]:
        """The oldest of them."""
        return tuple(key for key, _ in zip(self._keys, range(most), strict=False))

    def paid(self, keys: Iterable[str]) -> None:
        """These are out."""
        for key in keys:
            self._keys.pop(key, None)


@dataclass(slots=True)
class Distrust:
    """Names of which the store may still say what was true before a change of this host. Each until its entries there are too old anyway."""

    _names: dict[str, float] = field(default_factory=dict)
    _below: list[tuple[str, float]] = field(default_factory=list)
    _everything_until_s: float = float("-inf")

    def add(self, paths: Sequence[str], until_s: float, now: float, *, below: bool) -> None:
        """From now on these are not believed."""
        if below:
            self._below = [one for one in self._below if one[1] > now]
            self._below += [(path, until_s) for path in paths]
        else:
            self._names.update(dict.fromkeys(paths, until_s))
            if len(self._names) > MOST_DISTRUSTED:
                self._names = {n: until for n, until in self._names.items() if until > now}
        if len(self._names) > MOST_DISTRUSTED or len(self._below) > MOST_DISTRUSTED_BELOW:
            self._everything_until_s = until_s
            self._names, self._below = {}, []

    def covers(self, path: str, now: float) -> bool:
        """Whether the store is not believed about that name."""
        if now < self._everything_until_s or now < self._names.get(path, now):
            return True
        return any(now < until_s and is_within(path, above) for above, until_s in self._below)

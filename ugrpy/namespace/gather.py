"""Which children of a collection are known for good, while several endpoints are still naming theirs?

Each endpoint names its children in an order of its own. A child is *settled* when every endpoint that is still listing has
named it: nothing that comes later can change it, and it can be sent to the client. What waits is only what somebody
may still have a word on: nothing at all for a collection that one endpoint holds, little for copies kept in step, and in the
worst case (several endpoints with nothing in common) what all but the last of them hold.

Waiting for everybody before the first child would need the whole union in memory and keep the client without a byte;
sending a child at its first sighting would count replicas wrong and hide clashes of size and kind (rows D53, D57).
"""

from collections.abc import Iterator, Sequence

from ugrpy.namespace.merge import Merged, merge_entries
from ugrpy.namespace.model import EndpointId, Entry

# Who named a child and how, by turns: (endpoint, entry, endpoint, entry, ...). A dictionary for each would take four times the memory.
_Named = tuple[EndpointId | Entry, ...]


class Gathering:
    """The children of one collection. ``count`` is how many names have been seen, ``named_by`` how many each endpoint named."""

    __slots__ = ("_gone", "_open", "_settled", "_stale", "_sweep", "_waiting", "count", "named_by")

    def __init__(self, endpoints: Sequence[EndpointId]) -> None:
        self.count = 0
        self.named_by = dict.fromkeys(endpoints, 0)
        self._open = set(endpoints)
        self._waiting: dict[str, _Named] = {}
        self._settled: list[Merged] = []
        # Names handed over, or a careless server's second mention would make a second child. Hashes, since the names
        # would weigh ten times as much; they have 64 bits and a seed of the process, so that two names among a million meet
        # once in thirty million such collections.
        self._gone: set[int] = set()
        self._stale = False
        self._sweep: Iterator[str] = iter(())

    def __repr__(self) -> str:
        return (
            f"<Gathering {self.count} names, {len(self._waiting)} waiting for {sorted(self._open)}>"
        )

    def add(self, endpoint: EndpointId, entries: Sequence[Entry]) -> None:
        """Children that an endpoint has named; of two by the same name the first counts."""
        self.named_by[endpoint] += len(entries)
        waiting, gone = self._waiting, self._gone
        alone = len(self._open) == 1 and endpoint in self._open
        for entry in entries:
            name = entry.name
            before = waiting.get(name)
            if before is None:
                if hash(name) in gone:
                    continue
                self.count += 1
                if alone:
                    gone.add(hash(name))
                    self._settled.append(Merged(entry, (endpoint,)))
                else:
                    waiting[name] = (endpoint, entry)
            elif endpoint not in before:
                waiting[name] = named = (*before, endpoint, entry)
                if self._is_settled(named):
                    self._settle(name)

    def end(self, endpoint: EndpointId) -> None:
        """The endpoint names no more: it has finished, broken off, or been given up."""
        if endpoint in self._open:
            self._open.discard(endpoint)
            self._stale = True

    def holds(self, name: str) -> bool:
        """Whether somebody has named this child."""
        return name in self._waiting or hash(name) in self._gone

    def take(self, at_most: int) -> list[Merged]:
        """Settled children that nobody has taken yet; an empty list when there are none now.

        ``at_most`` bounds the work done in one call when the end of an endpoint settles many.
        """
        self._ripen(at_most - len(self._settled))
        taken = self._settled[:at_most]
        del self._settled[:at_most]
        return taken

    def _ripen(self, room: int) -> None:
        """Settle what the last ends have made ripe, up to ``room`` children."""
        while room > 0:
            name = next(self._sweep, None)
            if name is None:
                if not self._stale:
                    return
                # a list, since the dictionary changes while it is walked over
                self._sweep, self._stale = iter(list(self._waiting)), False
                continue
            named = self._waiting.get(name)
            if named is not None and self._is_settled(named):
                self._settle(name)
                room -= 1

    def _is_settled(self, named: _Named) -> bool:
        return all(endpoint in named for endpoint in self._open)

    def _settle(self, name: str) -> None:
        named = self._waiting.pop(name)
        self._gone.add(hash(name))
        found = dict(zip(named[::2], named[1::2], strict=True))
        self._settled.append(merge_entries(found))  # type: ignore[arg-type]  # by turns, see _Named

"""Whose word counts less when two say different things of one name?

Replicas vote, and two votes against one decide. One against one decides nothing, and the newer or the larger copy is believed
then. An endpoint that talks nonsense, or is outvoted by several again and again, should not win that way: it would be the only holder of the file
in the eyes of the gateway, and the file gone when the endpoint is ejected at last.

So bad words are counted against all words of an endpoint, the older ones for less and less. It takes several, and more than the odd stale copy that
every large storage has. Whoever is doubted loses ties, and nothing else: with others behind it, or alone, its word is as good as any.
"""

from ugrpy.namespace.model import EndpointId

# After so many words an old one counts for a third.
MEMORY = 64
# So many bad ones, and this share of all: half of the endpoints we met have one stale copy or two, none has one in twenty.
BAD_WORDS, BAD_SHARE = 3, 0.05

_KEPT = 1 - 1 / MEMORY


class _Mark:
    """One endpoint's words."""

    __slots__ = ("bad", "words")

    def __init__(self) -> None:
        self.words = self.bad = 0.0

    def note(self, *, bad: bool) -> None:
        self.words = self.words * _KEPT + 1
        self.bad = self.bad * _KEPT + bad

    @property
    def is_bad(self) -> bool:
        # the third one of a row counts as three, though the first has aged a little
        return round(self.bad) >= BAD_WORDS and self.bad >= BAD_SHARE * self.words


class Credit:
    """Counts the words of those that have ever said a bad one."""

    def __init__(self) -> None:
        self.doubted: frozenset[EndpointId] = frozenset()
        """Those who lose ties; kept up to date, so that it costs nothing to look."""
        self._marks: dict[EndpointId, _Mark] = {}

    def __repr__(self) -> str:
        marks = ", ".join(
            f"{name}: {mark.bad:.1f} of {mark.words:.1f}" for name, mark in self._marks.items()
        )
        return f"<Credit, bad words {{{marks}}}>"

    def note(self, name: EndpointId, *, bad: bool) -> None:
        """The endpoint has said something, which made sense or not."""
        mark = self._marks.get(name)
        if mark is None:
            if not bad:
                return
            mark = self._marks[name] = _Mark()
        mark.note(bad=bad)
        if mark.is_bad is not (name in self.doubted):
            self.doubted = self.doubted ^ {name}

"""May the store be believed, if one who takes changes cannot reach it?

A process that deletes something takes the generations out of the store before it tells its client. When it cannot, it owes that, and the others must come to doubt on
their own. So each process that takes changes has a *seat* in the store where it shows that it owes nothing, again and again, and
all others look at the seats. What is believed beyond ``lease_s`` needs that everybody was seen owing nothing less than ``lease_s`` ago.

How old is a sign of life? Neither the clocks of others nor the store's own times can say: a store that was stopped for an hour and goes on
still takes what was sent to it an hour ago. So there is a counter, the *tick*. Who shows himself first increases it, then looks whether
he owes anything, and then writes the number he got. Who sees that number knows: it was got after each of his own looks at
which the tick was still smaller. He remembers his last looks, and so has an age by his own clock, on the safe side.

A tick that was lost begins anew in another *lineage* (its upper half, drawn by lot), and numbers of different lineages say nothing about each other.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ugrpy.shared.generations import LONG_AGO_S

SEATS = 128
TICK_KEY = "t"
LINEAGE_BITS = 32
_LOOKS_KEPT = 32


def seat_key(number: int) -> str:
    """Where a seat is kept."""
    return f"m{number:x}"


SEAT_KEYS = tuple(seat_key(number) for number in range(SEATS))


@dataclass(frozen=True, slots=True)
class Sign:
    """What somebody has written on his seat.

    ``member`` is the same after a restart, ``run`` is not. ``left``: he has gone and owes nothing.
    """

    member: str
    run: str
    tick: int
    left: bool = False

    def render(self) -> bytes:
        """As it is kept."""
        return f"{self.member} {self.run} {self.tick} {'left' if self.left else 'here'}".encode()


def parse_sign(value: bytes) -> Sign | None:
    """What stands on a seat; ``None`` for garbage."""
    try:
        member, run, tick, state = value.decode("ascii").split(" ")
    except ValueError:
        return None
    if not tick.isdigit() or state not in ("left", "here") or not (member and run):
        return None
    return Sign(member, run, int(tick), state == "left")


@dataclass(slots=True)
class Member:
    """Somebody who takes changes. ``seen_s``: he owed nothing at some time after that."""

    tick: int
    seen_s: float = LONG_AGO_S


@dataclass(slots=True)
class Roster:
    """Who takes changes, and since when which of them has been silent. ``own`` is not waited for."""

    lease_s: float
    forget_s: float
    own: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    trusted_until_s: float = LONG_AGO_S
    """What was confirmed counts until then, and no longer than ``lease_s``."""
    _looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LOOKS_KEPT))
    _forgotten: dict[str, int] = field(default_factory=dict)
    _first_look_s: float | None = None

    def looked(self, sent_s: float, tick: int | None, signs: Iterable[Sign]) -> list[str]:
        """What a look at the tick and the seats has shown; who is forgotten by it."""
        if self._first_look_s is None:
            self._first_look_s = sent_s
        for sign in signs:
            self._note(sign)
        if tick is not None:
            self._looks.append((sent_s, tick))
        forgotten = [name for name, one in self.members.items() if self._is_lost(one, sent_s)]
        for name in forgotten:
            self._forgotten[name] = self.members.pop(name).tick
        seen = [one.seen_s for one in self.members.values()]
        self.trusted_until_s = min((sent_s, *seen)) + self.lease_s
        return forgotten

    def silent(self, now: float) -> list[str]:
        """Those because of whom nothing is believed."""
        return [n for n, one in self.members.items() if one.seen_s + self.lease_s <= now]

    def _note(self, sign: Sign) -> None:
        name = sign.member
        if name == self.own or self._forgotten.get(name) == sign.tick:
            return
        if sign.left:
            self.members.pop(name, None)
            return
        self._forgotten.pop(name, None)
        member = self.members.setdefault(name, Member(sign.tick))
        member.tick = sign.tick
        member.seen_s = max(member.seen_s, self._got_after(sign.tick))

    def _got_after(self, tick: int) -> float:
        """When the tick was still smaller for the last time."""
        lineage = tick >> LINEAGE_BITS
        for sent_s, then in reversed(self._looks):
            if then < tick and then >> LINEAGE_BITS == lineage:
                return sent_s
        return LONG_AGO_S

    def _is_lost(self, one: Member, now: float) -> bool:
        assert self._first_look_s is not None
        return max(one.seen_s, self._first_look_s) + self.forget_s <= now

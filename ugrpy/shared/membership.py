"""May the store be believed, if one who takes changes cannot reach it?

A process that deletes something takes the generations out of the store before it tells its client. When it cannot, it owes that, and the others must come to doubt on
their own. So each process that takes changes has a *seat* in the store where it shows that it owes nothing, again and again, and
all others look at the seats. What is believed beyond ``lease_s`` needs that everybody was seen owing nothing less than ``lease_s`` ago.

How old is a sign of life? Neither the clocks of others nor the store's own times can say: a store that was stopped for an hour and goes on
still takes what was sent to it an hour ago. So there is a counter, the *tick*. Who shows himself first increases it, then looks whether
he owes anything, and then writes the number he got. Who sees that number knows: it was got after each of his own looks at
which the tick was still smaller. He remembers his last looks, and so has an age by his own clock, on the safe side.

That somebody owes nothing *now* does not say that he owed nothing when a generation was confirmed: he may have paid since. So a sign also has the number of
times that its writer came to owe anything. When that has changed, or when somebody is seen for the first time, whatever was confirmed before the
look that has shown it is void.

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
_LONGEST_SIGN = 250


def seat_key(number: int) -> str:
    """Where a seat is kept."""
    return f"m{number:x}"


SEAT_KEYS = tuple(seat_key(number) for number in range(SEATS))


@dataclass(frozen=True, slots=True)
class Sign:
    """What somebody has written on his seat.

    ``member`` is the same after a restart, ``run`` is not. ``debts`` is how often he has come to owe anything. ``left``: he has gone and owes
    nothing.
    """

    member: str
    run: str
    tick: int
    debts: int
    left: bool = False

    def render(self) -> bytes:
        """As it is kept."""
        state = "left" if self.left else "here"
        return f"{self.member} {self.run} {self.tick} {self.debts} {state}".encode()


def parse_sign(value: bytes) -> Sign | None:
    """What stands on a seat; ``None`` for garbage."""
    try:
        member, run, tick, debts, state = value[:_LONGEST_SIGN].decode("ascii").split(" ")
    except ValueError:
        return None
    if not (tick.isdigit() and debts.isdigit() and member and run and state in ("left", "here")):
        return None
    return Sign(member, run, int(tick), int(debts), state == "left")


@dataclass(slots=True)
class Member:
    """Somebody who takes changes. ``seen_s``: he owed nothing at some time after that. ``account`` changes when he has come to owe anything."""

    tick: int
    account: tuple[str, int]
    seen_s: float = LONG_AGO_S


@dataclass(slots=True)
class Roster:
    """Who takes changes, and since when which of them has been silent.

    ``own`` is not waited for. ``expected`` is how many there are, itself included, when that is known: somebody who was never seen here, since the store
    was lost while he was cut off from it, is missed then.
    """

    lease_s: float
    forget_s: float
    own: str = ""
    expected: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    trusted_until_s: float = LONG_AGO_S
    """What was confirmed counts until then, and no longer than ``lease_s``."""
    trusted_since_s: float = LONG_AGO_S
    """What was asked before does not count."""
    _looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LOOKS_KEPT))
    _last_look_s: float = LONG_AGO_S
    _forgotten: dict[str, int] = field(default_factory=dict)
    _looking_since_s: float = LONG_AGO_S
    """Since when there was a look in every lease: nobody is forgotten for a time in which nobody could be seen."""

    def looked(
        self, sent_s: float, arrived_s: float, tick: int | None, signs: Iterable[Sign]
    ) -> list[str]:
        """What a look at the tick and the seats has shown; who is forgotten by it."""
        if sent_s > self._last_look_s + self.lease_s:
            self._looking_since_s = sent_s
        self._last_look_s = sent_s
        for sign in signs:
            self._note(sign, arrived_s)
        if tick is not None:
            self._looks.append((sent_s, tick))
        forgotten = [name for name, one in self.members.items() if self._is_lost(one, sent_s)]
        for name in forgotten:
            self._forgotten[name] = self.members.pop(name).tick
        seen = [one.seen_s for one in self.members.values()]
        whole = len(seen) + bool(self.own) >= self.expected
        self.trusted_until_s = min((sent_s, *seen)) + self.lease_s if whole else LONG_AGO_S
        return forgotten

    def silent(self, now: float) -> list[str]:
        """Those because of whom nothing is believed."""
        return [n for n, one in self.members.items() if one.seen_s + self.lease_s <= now]

    def _note(self, sign: Sign, arrived_s: float) -> None:
        name, account = sign.member, (sign.run, sign.debts)
        if name == self.own or self._forgotten.get(name) == sign.tick:
            return
        if sign.left:
            self.members.pop(name, None)
            return
        self._forgotten.pop(name, None)
        member = self.members.get(name)
        if member is None or member.account != account:
            self.trusted_since_s = arrived_s
        if member is None:
            member = self.members[name] = Member(sign.tick, account)
        member.tick, member.account = sign.tick, account
        member.seen_s = max(member.seen_s, self._got_after(sign.tick))

    def _got_after(self, tick: int) -> float:
        """When the tick was still smaller for the last time."""
        lineage = tick >> LINEAGE_BITS
        for sent_s, then in reversed(self._looks):
            if then < tick and then >> LINEAGE_BITS == lineage:
                return sent_s
        return LONG_AGO_S

    def _is_lost(self, one: Member, now: float) -> bool:
        return max(one.seen_s, self._looking_since_s) + self.forget_s <= now

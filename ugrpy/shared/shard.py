"""One store of those among which the buckets are spread: reading its generations, changing them, and showing that nothing is owed to it.

Each store answers for its own buckets alone, so that one that is away takes nothing from the others.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from ugrpy.core.aio import spawn
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Instrument, NullMeter
from ugrpy.shared.base import StoreAway
from ugrpy.shared.debts import Debts
from ugrpy.shared.generations import (
    EPOCH_KEY,
    Bucket,
    keys_of,
    parse_number,
    render_number,
)
from ugrpy.shared.membership import (
    LINEAGE_BITS,
    SEAT_KEYS,
    TICK_KEY,
    Roster,
    Sign,
    parse_sign,
    seat_key,
)
from ugrpy.shared.settings import SharedSettings
from ugrpy.shared.steady import SteadyStore

log = structlog.get_logger("ugrpy.shared")

# A number that nobody has read for so long may go: the next reader draws another.
NUMBER_TTL_S = 7 * 24 * 3600.0
_DRAWN = 1 << 60
# Buckets confirmed ahead of time wait so much of a lease for others, and go together, at most so many at once.
GATHER_SHARE = 0.01
CONFIRMED_AT_ONCE = 500
PAID_AT_ONCE = 200
SHOWN_PER_LEASE = 5


class Shard:
    """This process's part in one store. ``member`` is its name among those who take changes, empty when it takes none; ``run`` tells it from its predecessors."""

    def __init__(
        self,
        name: str,
        store: SteadyStore,
        settings: SharedSettings,
        clock: Clock,
        draw: Callable[[], float],
        *,
        member: str = "",
        run: str = "",
        forgotten: Instrument | None = None,
    ) -> None:
        self.name = name
        self.store = store
        self.buckets: dict[int, Bucket] = {}
        self.roster = Roster(settings.lease_s, settings.forget_s, member, settings.members)
        self.debts = Debts(EPOCH_KEY)
        self._settings = settings
        self._clock = clock
        self._draw = draw
        self._member = member
        self._run = run
        self._forgotten = forgotten or NullMeter().instrument("")
        self._begun = False
        self._times_owed = 0
        self._seat: int | None = None
        self._shown_s = float("-inf")
        self._soon: set[int] = set()
        self._gathering: asyncio.Task[None] | None = None
        self._confirming: dict[int, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"<Shard {self.name}, {len(self.buckets)} buckets, {len(self.debts)} owed>"

    def bucket(self, number: int) -> Bucket:
        """What is known of that bucket."""
        bucket = self.buckets.get(number)
        if bucket is None:
            bucket = self.buckets[number] = Bucket(number)
        return bucket

    @property
    def away(self) -> bool:
        """Whether the store gives no usable answers at the moment."""
        return self.store.breaker.away

    # -- generations --------------------------------------------------------------------------------

    async def read(self, buckets: Sequence[Bucket], more: Sequence[str] = ()) -> dict[str, bytes]:
        """Learn these generations; returns those of the values ``more`` that were there at the same time. Raises ``StoreAway``."""
        sent_s = self._clock.monotonic()
        keys = keys_of(buckets)
        values = await self.store.get([*keys, *more])
        if lost := [key for key in keys if parse_number(values.get(key)) is None]:
            await self._draw_anew(lost, values.keys())
            sent_s = self._clock.monotonic()
            values = await self.store.get(keys)
        arrived_s = self._clock.monotonic()
        numbers = {key: parse_number(values.get(key)) for key in keys}
        epoch = numbers[EPOCH_KEY]
        for bucket, key in zip(buckets, keys[1:], strict=True):
            if epoch is None or (number := numbers[key]) is None:
                raise StoreAway("it does not keep what it is given")
            bucket.heard((epoch, number), sent_s, arrived_s)
        return {key: values[key] for key in more if key in values}

    async def _draw_anew(self, lost: Sequence[str], there: Iterable[str]) -> None:
        if garbage := [key for key in lost if key in there]:
            await self.store.drop(garbage)
        for key in lost:
            await self.store.add(key, render_number(self._drawn(_DRAWN)), NUMBER_TTL_S)

    def _drawn(self, below: int) -> int:
        # two draws, since a float has 53 bits
        high, low = int(self._draw() * (1 << 30)), int(self._draw() * (1 << 30))
        return 1 + (high << 30 | low) % (below - 1)

    async def confirm(self, bucket: Bucket) -> None:
        """Learn this generation, together with all who want to know it now. Raises ``StoreAway``."""
        task = self._confirming.get(bucket.number)
        if task is None:
            task = spawn(self._confirm(bucket), name="confirm a generation", on_error=_heard)
            self._confirming[bucket.number] = task
        await asyncio.shield(task)

    async def _confirm(self, bucket: Bucket) -> None:
        try:
            await self.read([bucket])
        finally:
            del self._confirming[bucket.number]

    def confirm_soon(self, bucket: Bucket) -> None:
        """Have it confirmed before its lease is over, so that nobody waits for it; together with others."""
        self._soon.add(bucket.number)
        if self._gathering is None:
            self._gathering = spawn(self._confirm_gathered(), name="confirm generations")

    async def _confirm_gathered(self) -> None:
        try:
            await asyncio.sleep(GATHER_SHARE * self._settings.lease_s)
            while self._soon:
                numbers = [self._soon.pop() for _ in range(min(len(self._soon), CONFIRMED_AT_ONCE))]
                await self.read([self.bucket(number) for number in numbers])
        except StoreAway:
            self._soon.clear()  # they will be asked for by those who need them
        finally:
            self._gathering = None

    async def change(self, keys: Sequence[str]) -> bool:
        """Other numbers for these from now on; whether the store has taken it. What it has not is owed."""
        try:
            await self.store.drop(keys)
        except StoreAway:
            self.debts.add(keys)
            self._times_owed += 1
            return False
        return True

    # -- whom to believe ----------------------------------------------------------------------------

    async def show(self) -> None:
        """Pay what is owed, show that nothing is owed, and look who else shows himself. Raises ``StoreAway``."""
        await self._pay()
        if self._member:
            await self._show_self()
            await (
                self._pay()
            )  # what its predecessor may have owed: before that nothing is believed here either
        await self._look()

    async def _pay(self) -> None:
        while owed := self.debts.some(PAID_AT_ONCE):
            await self.store.drop(owed)
            self.debts.paid(owed)

    async def leave(self) -> None:
        """Others need not wait for this one any more, unless it owes something."""
        if self._member and self._seat is not None and not self.debts:
            sign = self._sign(await self._next_tick(), left=True)
            await self.store.put(seat_key(self._seat), sign.render(), self._settings.forget_s)

    async def _show_self(self) -> None:
        tick = await self._next_tick()
        now = self._clock.monotonic()
        if self._seat is None or now - self._shown_s > self._settings.forget_s / 2:
            self._seat = await self._take_seat(tick)
        # the tick was got before this look at the debts: see ``membership``
        if self._seat is None or self.debts:
            return
        sign = self._sign(tick).render()
        await self.store.put(seat_key(self._seat), sign, self._settings.forget_s)
        self._shown_s = now

    def _sign(self, tick: int, *, left: bool = False) -> Sign:
        return Sign(self._member, self._run, tick, self._times_owed, left)

    async def _take_seat(self, tick: int) -> int | None:
        """The seat it had before, or a free one."""
        values = await self._drop_garbage(SEAT_KEYS, parse_sign)
        signs = {key: parse_sign(value) for key, value in values.items()}
        own = [key for key, sign in signs.items() if sign and sign.member == self._member]
        if not self._begun:
            # a predecessor that has not taken his leave may have owed anything, and his seat may be lost
            left = any(sign is not None and sign.left for sign in map(signs.get, own))
            self.debts.add([] if left else [EPOCH_KEY])
            self._begun = True
        if own:
            return SEAT_KEYS.index(own[0])
        mine = self._sign(tick).render()
        for number, key in enumerate(SEAT_KEYS):
            if key not in values and await self.store.add(key, mine, self._settings.forget_s):
                return number
        log.error("more gateways than seats in the shared store", seats=len(SEAT_KEYS))
        return None

    async def _next_tick(self) -> int:
        for _ in range(2):
            try:
                tick = await self.store.increase(TICK_KEY)
            except StoreAway:
                await self._drop_garbage([TICK_KEY], parse_number)
                raise
            if tick is not None:
                return tick
            lineage = self._drawn(1 << 28) << LINEAGE_BITS
            await self.store.add(TICK_KEY, render_number(lineage), NUMBER_TTL_S)
        raise StoreAway("it does not keep what it is given")

    async def _drop_garbage(
        self, keys: Sequence[str], parse: Callable[[bytes], object]
    ) -> dict[str, bytes]:
        """What is kept under these keys; what cannot be read would stand in the way for ever."""
        values = await self.store.get(keys)
        if garbage := [key for key, value in values.items() if parse(value) is None]:
            await self.store.drop(garbage)
        return {key: value for key, value in values.items() if key not in garbage}

    async def _look(self) -> None:
        sent_s = self._clock.monotonic()
        values = await self.store.get([TICK_KEY, *SEAT_KEYS])
        arrived_s = self._clock.monotonic()
        signs = [parse_sign(values[key]) for key in SEAT_KEYS if key in values]
        tick = parse_number(values.get(TICK_KEY))
        known = [sign for sign in signs if sign is not None]
        for name in self.roster.looked(sent_s, arrived_s, tick, known):
            self._forgotten.add()
            log.warning("a gateway was silent for too long and is forgotten", member=name)


def _heard(_error: BaseException) -> None:
    """By those who wait; when nobody does any more, it is counted."""

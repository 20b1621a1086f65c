"""How fast may we ask? No more often than a rate, all together and each target for itself (row S48).

Requests go out evenly and not in bursts: whoever reads the log of a target sees the rate hold in every second.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ugrpy.core.clock import Clock


@dataclass(slots=True)
class Spacing:
    """When the next request may go; times are of one clock that only moves forward."""

    rate_per_s: float
    free_at_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """How long to wait until then."""
        return max(0.0, self.free_at_s - now_s)

    def take(self, now_s: float) -> None:
        """A request goes now."""
        self.free_at_s = now_s + 1 / self.rate_per_s


@dataclass(slots=True)
class _Lane:
    spacing: Spacing
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Pacing:
    """Lets requests go one after another. Those for one target queue up before they queue up with all others, so a target that many
    want holds up nobody else's.
    """

    def __init__(self, clock: Clock, *, rate_per_s: float, target_rate_per_s: float) -> None:
        self._clock = clock
        self._all = _Lane(Spacing(rate_per_s))
        self._target_rate_per_s = target_rate_per_s
        self._targets: dict[str, _Lane] = {}

    def __repr__(self) -> str:
        return f"<Pacing of {len(self._targets)} targets>"

    async def turn(self, target: str) -> None:
        """Return when a request to this target may go."""
        with self._lane(target) as mine:
            async with mine.turn:
                await self._wait(mine)
                async with self._all.turn:
                    await self._wait(self._all)
                    now_s = self._clock.monotonic()
                    self._all.spacing.take(now_s)
                    mine.spacing.take(now_s)

    async def _wait(self, lane: _Lane) -> None:
        # it is time that is awaited; and a timer may fire a little early by another clock than its own
        while (wait_s := lane.spacing.wait_s(self._clock.monotonic())) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait_s)

    @contextmanager
    def _lane(self, target: str) -> Iterator[_Lane]:
        """Kept as long as somebody waits in it, or its last request is too recent."""
        lane = self._targets.get(target)
        if lane is None:
            self._forget()
            lane = self._targets[target] = _Lane(Spacing(self._target_rate_per_s))
        lane.users += 1
        try:
            yield lane
        finally:
            lane.users -= 1

    def _forget(self) -> None:
        now_s = self._clock.monotonic()
        for target, lane in list(self._targets.items()):
            if not lane.users and not lane.spacing.wait_s(now_s):
                del self._targets[target]

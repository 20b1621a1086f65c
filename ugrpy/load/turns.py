"""One endpoint's gate: which question may it be asked now?

An endpoint is asked so many things at a time as it has connections; the others wait here, where turns are shared, and not in the
pool of connections, where whoever floods has them all. Looking at a name and listing a collection are lanes: listings take at most
three quarters of the connections, so that however many of them hang, names can still be asked for.

What an endpoint may keep waiting is bounded by a share of all that the gateway may have at work; while it answers nothing at all by a smaller
one, which then also holds for what it is asked. A question beyond that is not put to it: its answer is *unknown*, since we are busy with it, which says
nothing of its health.
"""

from collections.abc import Callable
from enum import StrEnum

from ugrpy.load.gate import Gate, TurnedAway
from ugrpy.load.settings import LoadSettings
from ugrpy.load.share import Limit, Room


class Work(StrEnum):
    """The lanes."""

    STAT = "stat"
    LIST = "list"


class HeldBack(Exception):
    """The question was not put to the endpoint, for its own sake or for that of others; the message is for people."""


class Turns:
    """``connections`` is how much the endpoint is asked at a time. ``wait_s``: longer no question waits."""

    def __init__(
        self,
        connections: int,
        settings: LoadSettings,
        *,
        wait_s: float,
        now: Callable[[], float],
    ) -> None:
        reserve = connections // 8
        whole = settings.max_at_work + settings.reserve
        self._gate = Gate(
            Room(connections - reserve, reserve, waiting=whole),
            {Work.STAT: None, Work.LIST: max(1, connections - connections // 4)},
        )
        self._most = max(1, int(settings.endpoint_share * whole))
        self._most_silent = max(1, int(settings.silent_endpoint_share * whole))
        self._silent_after_s = settings.silent_after_s
        self._wait_s = wait_s
        self._now = now
        self._signs_s = 0.0
        self.held_back = 0

    def __repr__(self) -> str:
        return f"<Turns {self._gate!r}>"

    @property
    def at_work(self) -> int:
        """How much it is asked now."""
        return self._gate.share.at_work

    @property
    def waiting(self) -> int:
        """How much waits to be asked."""
        return self._gate.share.waiting

    def is_silent(self) -> bool:
        """Whether it has answered nothing for a while, though it is being asked."""
        return self.at_work > 0 and self._now() - self._signs_s >= self._silent_after_s

    def heard(self) -> None:
        """It has answered something, or a part of it."""
        self._signs_s = self._now()

    async def enter(self, network: str, work: Work) -> None:
        """Wait for a turn; then ``leave``. Raises ``HeldBack``."""
        if not self.at_work:
            self._signs_s = self._now()
        silent = self.is_silent()
        most = self._most_silent if silent else self._most
        try:
            await self._gate.enter(network, self._wait_s, work, most=most, strict=silent)
        except TurnedAway as error:
            self.held_back += 1
            raise HeldBack(self._words(error.limit)) from None

    def leave(self, network: str, work: Work) -> None:
        """The question has been answered, or given up."""
        self._gate.leave(network, work)

    def _words(self, limit: Limit) -> str:
        if limit is Limit.TOO_LONG:
            return f"busy: not asked, having waited {self._wait_s:g} s for a turn"
        return "busy: not asked, since enough is waiting for it"

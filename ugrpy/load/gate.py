"""Waiting for a turn of the machine in ``share``: futures around its decisions, and nothing else."""

import asyncio
from collections.abc import Mapping

from ugrpy.load.share import Admitted, Begun, Limit, Refused, Room, Share

Ticket = asyncio.Future[None]


class TurnedAway(Exception):
    """There is no turn to be had; ``limit`` says by which limit."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.value)
        self.limit = limit


class Gate:
    """One for whatever has room for so much. All methods belong to the loop in which it is used."""

    def __init__(self, room: Room, lanes: Mapping[str, int | None] | None = None) -> None:
        self.share: Share[str, Ticket] = Share(room, lanes)

    def __repr__(self) -> str:
        return f"<Gate {self.share!r}>"

    async def enter(
        self,
        flow: str,
        wait_s: float,
        lane: str = "",
        *,
        most: int | None = None,
        strict: bool = False,
    ) -> bool:
        """Wait for a turn, at most so long; whoever gets one must ``leave``. Returns whether there was anything to wait for.

        ``most`` and ``strict`` are those of ``Share.arrive``. Raises ``TurnedAway``. Cancelling it gives up the place in the queue.
        """
        ticket: Ticket = asyncio.get_running_loop().create_future()
        verdict = self.share.arrive(flow, ticket, lane, most=most, strict=strict)
        if isinstance(verdict, Admitted):
            return False
        if isinstance(verdict, Refused):
            raise TurnedAway(verdict.limit)
        if verdict.evicted is not None and not verdict.evicted.done():
            verdict.evicted.set_exception(TurnedAway(Limit.FULL))
        try:
            async with asyncio.timeout(wait_s):
                await ticket
        except BaseException as error:
            self._give_up(flow, ticket, lane)
            if isinstance(error, TimeoutError):
                raise TurnedAway(Limit.TOO_LONG) from None
            raise
        return True

    def leave(self, flow: str, lane: str = "") -> None:
        """Who had a turn has ended."""
        self._call(self.share.leave(flow, lane))

    def _give_up(self, flow: str, ticket: Ticket, lane: str) -> None:
        waited, begun = self.share.withdraw(flow, ticket, lane)
        self._call(begun)
        # called in the same moment in which it gave up: the turn goes to the next
        if not waited and ticket.done() and not ticket.cancelled() and ticket.exception() is None:
            self.leave(flow, lane)

    def _call(self, begun: list[Begun[str, Ticket]]) -> None:
        while begun:
            called = begun.pop(0)
            if called.item.done():  # it is about to give up, and will find that it waits no more
                begun += self.share.leave(called.flow, called.lane)
            else:
                called.item.set_result(None)

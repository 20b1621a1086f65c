"""How are messages from the broker taken, and the broker told of it, while callers wait to be answered?

Heartbeats come by the thousand a second, and in crowds where broker or network held them up. So they are taken in *turns* of a tenth of a millisecond,
between which callers are answered, and many are acknowledged at once. All are acknowledged, bad ones too (reference section 3). What
a link leaves unacknowledged when it breaks is gone with its queue.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog
from aiormq.exceptions import AMQPError

from shoalpy.intake.frames import Delivery
from shoalpy.wire import BadBeat

log = structlog.get_logger("shoalpy.intake")

Take = Callable[[bytes, str], object]
"""Takes the content of one message and who is shown to have sent it; raises ``BadBeat``."""

# What a broker that is not there, goes away or refuses us makes the library raise.
BROKEN = (AMQPError, OSError, EOFError, TimeoutError, RuntimeError)
# About five heartbeats: as long as a caller takes. To look whether somebody waits costs some microseconds between turns.
TURN_S = 0.0001


class Deliveries:
    """Those of one channel: acknowledged when half of those that may be on the way have come.

    ``tell`` takes the number of the last of those that are acknowledged. The rest is acknowledged by ``acknowledge``, to be called now and
    then: a broker ends channels that leave it waiting for half an hour.
    """

    def __init__(
        self,
        take: Take,
        tell: Callable[[int], None],
        prefetch: int,
        *,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._take = take
        self._tell = tell
        self._at_once = max(1, prefetch // 2)
        self._now_s = now_s
        self._taken = self._acknowledged = 0
        self._waiting: deque[Delivery] = deque()

    def __repr__(self) -> str:
        return f"<Deliveries {self._taken} taken, {self._acknowledged} acknowledged, {len(self._waiting)} waiting>"

    def came(self, deliveries: Sequence[Delivery]) -> None:
        """Take them, now or, when they are many, a turn after another."""
        idle = not self._waiting
        self._waiting.extend(deliveries)
        if idle:
            self._turn()

    def _turn(self) -> None:
        waiting, now_s = self._waiting, self._now_s
        end_s = now_s() + TURN_S
        while waiting:
            self._take_one(waiting.popleft())
            if now_s() >= end_s:
                break
        if waiting:
            asyncio.get_running_loop().call_soon(self._turn)

    def _take_one(self, one: Delivery) -> None:
        """It is acknowledged whatever it says, or it would come again for ever."""
        try:
            self._take(one.body, f"amqp:{one.user}" if one.user else "")
        except BadBeat as error:
            log.info("heartbeat dropped", transport="amqp", reason=error.reason, why=str(error))
        except Exception:
            log.exception("heartbeat failed", transport="amqp")
        # they are numbered from 1 on each channel, and taken in that order
        self._taken = one.tag
        if self._taken - self._acknowledged >= self._at_once:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Tell the broker of all that were taken."""
        if self._taken != self._acknowledged:
            self._acknowledged = self._taken
            self._tell(self._taken)

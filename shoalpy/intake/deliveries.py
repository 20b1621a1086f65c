"""How are messages taken off a channel of the broker, and the broker told of it?

Heartbeats come by the thousand a second, and callers wait meanwhile. So each is taken off the channel below aio-pika's, whose message object
costs several times what judging a heartbeat does, and many are acknowledged at once: 75 microseconds a heartbeat in place of 185, and p99 of
callers falls with it (``benchmarks/macro/shoal_intake.py``). All are acknowledged, bad ones too (reference section 3). What a link leaves
unacknowledged when it breaks is gone with its queue.
"""

import contextlib
from collections.abc import Callable

import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import AMQPError

from shoalpy.wire import BadBeat

log = structlog.get_logger("shoalpy.intake")

Take = Callable[[bytes, str], object]
"""Takes the content of one message and who is shown to have sent it; raises ``BadBeat``."""

# What a broker that is not there, goes away or refuses us makes the library raise.
BROKEN = (AMQPError, OSError, EOFError, TimeoutError, RuntimeError)


class Deliveries:
    """Those of one channel: acknowledged when half of those that may be on the way have come.

    The rest is acknowledged by ``acknowledge``, to be called now and then: a broker ends channels that leave it waiting for half an hour.
    """

    def __init__(self, take: Take, channel: AbstractChannel, prefetch: int) -> None:
        self._take = take
        self._channel = channel
        self._at_once = max(1, prefetch // 2)
        self._taken = self._acknowledged = 0

    def __repr__(self) -> str:
        return f"<Deliveries {self._taken} taken, {self._acknowledged} acknowledged>"

    async def take(self, message: DeliveredMessage) -> None:
        """Take one; it is acknowledged whatever it says, or it would come again for ever."""
        user = message.header.properties.user_id
        try:
            self._take(message.body, f"amqp:{user}" if user else "")
        except BadBeat as error:
            log.info("heartbeat dropped", transport="amqp", reason=error.reason, why=str(error))
        except Exception:
            log.exception("heartbeat failed", transport="amqp")
        # they are numbered from 1 on each channel, and taken in that order
        self._taken = message.delivery_tag or self._taken
        if self._taken - self._acknowledged >= self._at_once:
            await self.acknowledge()

    async def acknowledge(self) -> None:
        """Tell the broker of all that were taken."""
        if self._taken == self._acknowledged:
            return
        self._acknowledged = self._taken
        with contextlib.suppress(*BROKEN):
            await self._channel.basic_ack(self._taken, multiple=True, wait=False)

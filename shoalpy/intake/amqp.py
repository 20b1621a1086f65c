"""How do heartbeats come from a message broker? By AMQP 0-9-1 as shoal's agents speak it (reference section 3), for as long as the server runs.

Agents publish to a topic exchange that only the server declares, so a broker that comes back empty is useless to them until the server has
declared it anew. One link lasts from connecting to the first sign that something is gone: the connection, our channel, the queue, or the
consumer. Then everything is made anew after a pause that doubles up to ``longest_pause_s``, of which half is drawn, so that
many servers do not come at once. Exchange and binding can vanish without a sign; both are declared again every ``recheck_s``.

Each link has a queue of its own name: the broker may still hold the old one, with a consumer that it believes alive.
"""

import asyncio
import contextlib
import socket
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractConnection,
    AbstractExchange,
    AbstractQueue,
)
from aio_pika.connection import make_url
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelPreconditionFailed
from pydantic import Field

from shoalpy.intake.deliveries import BROKEN, Deliveries, Take
from shoalpy.intake.tap import Tap
from shoalpy.wire import MAX_BEAT_BYTES
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import ConfigError

log = structlog.get_logger("shoalpy.intake")

BINDING_KEY = "#"
_SHORTEST_PAUSE_S = 0.5
# They are taken in turns, so callers do not wait for them all; half as many are acknowledged at once. From a broker across an ocean, 150 ms away, some
# 600 a second still come: 20,000 caches at the usual interval.
_PREFETCH = 100
# A link that held so long was a good one, and the next pause is short again.
_GOOD_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class AmqpPolicy:
    """The message broker, if there is one."""

    host: Annotated[str, Field(description="host of the message broker; none is used without it")] = ""  # fmt: skip
    port: Annotated[
        int,
        Field(ge=0, le=65535, description="its port; 0 is 5671 with TLS and 5672 without"),
    ] = 0
    virtual_host: Annotated[str, Field(description="virtual host on the broker")] = "/"
    exchange: Annotated[
        str, Field(min_length=1, description="topic exchange that agents publish to")
    ] = "shoal"
    username: Annotated[str, Field(description="name to log in with")] = "guest"
    password: Annotated[str, Field(description="password; better kept in password_file")] = field(
        default="guest", repr=False
    )
    password_file: Annotated[str, Field(description="file with the password on its first line")] = (
        ""
    )
    tls: Annotated[bool, Field(description="speak TLS with the broker")] = False
    ca_file: Annotated[
        str, Field(description="certificates to judge the broker's by; empty: the system's")
    ] = ""
    cert_file: Annotated[str, Field(description="our certificate, if the broker wants one")] = ""
    key_file: Annotated[str, Field(description="its key")] = ""
    prefetch: Annotated[
        int,
        Field(
            ge=1,
            le=65535,
            description="most heartbeats on the way to us at a time; a second brings at most so many for each of its round trips to the broker",
        ),
    ] = _PREFETCH
    heartbeat_s: Annotated[
        int,
        Field(ge=5, description="seconds of silence after which the link counts as broken, about"),
    ] = 30
    connect_timeout_s: Annotated[
        float, Field(gt=0, description="seconds the broker has to answer a new connection")
    ] = 10.0
    longest_pause_s: Annotated[
        float, Field(gt=0, description="longest pause before the broker is tried again")
    ] = 5.0
    recheck_s: Annotated[
        float, Field(gt=0, description="how often exchange and binding are declared anew")
    ] = 30.0


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether the broker is connected and heartbeats flow; ``since_s`` on the wall, ``problem`` what broke it last."""

    up: bool
    since_s: float
    problem: str = ""
    links: int = 0


def pause_s(failures: int, longest_s: float, draw: float) -> float:
    """How long to wait before the next try after so many in a row have failed; ``draw`` is from 0 to 1."""
    whole_s = min(longest_s, _SHORTEST_PAUSE_S * 2.0 ** min(failures, 30))
    return whole_s * (0.5 + draw / 2)


class AmqpIntake:
    """Keeps one link to the broker and hands what comes to ``take``."""

    def __init__(
        self,
        policy: AmqpPolicy,
        take: Take,
        *,
        draw: Callable[[], float],
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._take = take
        self._draw = draw
        self._clock = clock or SystemClock()
        self._state = LinkState(False, self._clock.wall(), "not connected yet")

    def __repr__(self) -> str:
        return f"<AmqpIntake {self._where()}, {'up' if self._state.up else 'down'}>"

    def state(self) -> LinkState:
        """How the link is now."""
        return self._state

    async def run(self) -> None:
        """Take heartbeats until cancelled. Raises ``ConfigError`` when certificates or the password cannot be read."""
        password, context = await asyncio.to_thread(credentials_of, self._policy)
        failures = 0
        while True:
            began_s = self._clock.monotonic()
            try:
                await self._link(password, context)
            except BROKEN as error:
                _see_to_cancellation(error)
                problem = f"{type(error).__name__}: {error}"[:300]
            else:
                problem = "the broker ended the link"
            failures = 0 if self._clock.monotonic() - began_s > _GOOD_AFTER_S else failures + 1
            wait_s = pause_s(failures - 1, self._policy.longest_pause_s, self._draw())
            self._down(problem, wait_s)
            await asyncio.sleep(wait_s)

    async def _link(self, password: str, context: ssl.SSLContext | None) -> None:
        """One link, from connecting to its end."""
        policy = self._policy
        broken = asyncio.Event()
        tap = Tap(MAX_BEAT_BYTES)
        connection = self._connection(password, context, tap)
        await connection.connect(timeout=policy.connect_timeout_s)
        try:
            connection.close_callbacks.add(lambda *_: broken.set())
            async with asyncio.timeout(policy.connect_timeout_s):
                queue, exchange = await self._declare(connection, broken)
                channel = await queue.channel.get_underlay_channel()
                acknowledge = partial(tap.acknowledge, channel.number)
                deliveries = Deliveries(self._take, acknowledge, policy.prefetch)
                tap.came = deliveries.came
                await channel.basic_consume(queue.name, _gone_astray)
            self._up(queue.name)
            await self._watch(connection, queue, exchange, broken, deliveries)
        finally:
            await _close(connection)

    def _connection(
        self, password: str, context: ssl.SSLContext | None, tap: Tap
    ) -> aio_pika.Connection:
        """One that is not connected yet; what it is delivered goes to ``tap``."""
        policy = self._policy
        url = make_url(
            host=policy.host,
            port=policy.port or (5671 if policy.tls else 5672),
            login=policy.username,
            password=password,
            virtualhost=policy.virtual_host,
            ssl=policy.tls,
            heartbeat=policy.heartbeat_s,
        )
        name = f"shoalpy on {socket.gethostname()}"
        connection = aio_pika.Connection(
            url, ssl_context=context, client_properties={"connection_name": name}
        )
        connection.kwargs["transport_factory"] = tap
        return connection

    async def _declare(
        self, connection: AbstractConnection, broken: asyncio.Event
    ) -> tuple[AbstractQueue, AbstractExchange]:
        await _see_to_exchange(connection, self._policy.exchange)
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: broken.set())
        exchange = await channel.get_exchange(self._policy.exchange, ensure=True)
        await channel.set_qos(prefetch_count=self._policy.prefetch)
        name = f"{socket.gethostname()}-{uuid.uuid1().hex}"
        queue = await channel.declare_queue(name, durable=False, exclusive=False, auto_delete=True)
        await queue.bind(exchange, BINDING_KEY)
        return queue, exchange

    async def _watch(
        self,
        connection: AbstractConnection,
        queue: AbstractQueue,
        exchange: AbstractExchange,
        broken: asyncio.Event,
        deliveries: Deliveries,
    ) -> None:
        """Return when the link is broken; until then see to it that what can vanish silently is there."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._policy.recheck_s):
                    await broken.wait()
                    return
            async with asyncio.timeout(self._policy.connect_timeout_s):
                deliveries.acknowledge()
                await _see_to_exchange(connection, exchange.name)
                found = await queue.declare()
                await queue.bind(exchange, BINDING_KEY)
            if not found.consumer_count:
                return

    def _up(self, queue: str) -> None:
        self._state = LinkState(True, self._clock.wall(), links=self._state.links + 1)
        exchange = self._policy.exchange
        log.info("broker connected", broker=self._where(), exchange=exchange, queue=queue)

    def _down(self, problem: str, wait_s: float) -> None:
        links = self._state.links
        since_s = self._clock.wall() if self._state.up else self._state.since_s
        self._state = LinkState(False, since_s, problem, links)
        log.warning(
            "broker lost", broker=self._where(), problem=problem, again_in_s=round(wait_s, 2)
        )

    def _where(self) -> str:
        return f"{self._policy.host}:{self._policy.port or 'default'}{self._policy.virtual_host}"


async def _see_to_exchange(connection: AbstractConnection, name: str) -> None:
    """Declare it as shoal does. One that somebody made otherwise, durable for example, does as well.

    The broker ends the channel on which a declaration does not agree, so this has one of its own.
    """
    channel = await connection.channel(publisher_confirms=False)
    with contextlib.suppress(ChannelPreconditionFailed):
        await channel.declare_exchange(
            name, aio_pika.ExchangeType.TOPIC, durable=False, auto_delete=False
        )
        await channel.close()


async def _gone_astray(_message: DeliveredMessage) -> None:
    """Messages never come this way, but past the library."""
    raise RuntimeError("a message was not taken out of the connection")


async def _close(connection: AbstractConnection) -> None:
    """End it as well as can be: the broker may be gone, and shall not hold us."""
    with contextlib.suppress(*BROKEN):
        async with asyncio.timeout(2.0):
            await connection.close()


def _see_to_cancellation(error: BaseException) -> None:
    """The broker's library may tell of being cancelled while it connects as of a failure: who wants to stop us means it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def credentials_of(policy: AmqpPolicy) -> tuple[str, ssl.SSLContext | None]:
    """The password, and what TLS needs; both are read from files, so this blocks. Raises ``ConfigError``."""
    try:
        password = policy.password
        if policy.password_file:
            password = Path(policy.password_file).read_text().partition("\n")[0].strip()
        if not policy.tls:
            return password, None
        context = ssl.create_default_context(cafile=policy.ca_file or None)
        if policy.cert_file:
            context.load_cert_chain(policy.cert_file, policy.key_file or None)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(f"cannot be read: {error}", where="[amqp]") from None
    return password, context

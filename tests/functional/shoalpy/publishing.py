"""What agents do on a broker, by hand: publish any bytes as shoal's agent does, look at what the server declared."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Callable, Iterable

import aio_pika

from tests.peers.rabbitmq import Broker


def config(broker: Broker, more: str = "") -> str:
    """The server's table for this broker."""
    return f'[amqp]\nhost = "{broker.address}"\nport = {broker.port}\nlongest_pause_s = 2.0\n{more}'


def publish(
    broker: Broker,
    bodies: Iterable[bytes],
    *,
    login: tuple[str, str, str] = ("guest", "guest", "/"),
    context: ssl.SSLContext | None = None,
) -> None:
    """Publish as shoal's agent: to the exchange, key ``info``, JSON, not kept, declaring nothing."""
    user, password, virtual_host = login

    async def send() -> None:
        connection = await aio_pika.connect(
            host=broker.address,
            port=broker.tls_port if context else broker.port,
            login=user,
            password=password,
            virtualhost=virtual_host,
            ssl=context is not None,
            ssl_context=context,
            timeout=20,
        )
        async with connection:
            channel = await connection.channel()  # confirms, so that a missing exchange is heard of
            exchange = await channel.get_exchange("shoal", ensure=False)
            for body in bodies:
                message = aio_pika.Message(body, content_type="application/json")
                await exchange.publish(message, routing_key="info", mandatory=False)

    asyncio.run(send())


def beats(*said: dict[str, object]) -> list[bytes]:
    """Bodies of heartbeats."""
    return [json.dumps(one).encode() for one in said]


def until(true: Callable[[], object], *, limit_s: float = 30.0, what: str = "it happened") -> float:
    """Wait until the condition holds; how long it took."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < limit_s:
        with contextlib.suppress(OSError):
            if true():
                return time.monotonic() - began_s
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s:g} s: {what}")

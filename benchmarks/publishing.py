"""Agents on a message broker, a process of its own: ``python -m benchmarks.publishing`` with an ``Order`` as JSON on standard input.

It prints ``connected``, then obeys lines: ``once`` sends one heartbeat of each cache, ``start`` sends them in turn at the rate of the
order until ``stop``. After ``once`` and ``stop`` it prints how many it has sent since it began, and how late the latest was.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import aio_pika
from aio_pika.abc import AbstractExchange

from benchmarks import shoal

# Agents know nothing of each other; longer steps would send theirs in bursts.
_STEP_S = 0.001
_LOADS = 97


@dataclass(frozen=True, slots=True)
class Order:
    """Where to publish, of how many caches, how many heartbeats a second."""

    port: int
    exchange: str
    count: int
    seed: int
    rate: float

    def as_json(self) -> str:
        """For standard input."""
        return json.dumps(asdict(self))


def moved(caches: list[shoal.Tracked], sent: int) -> list[shoal.Tracked]:
    """The caches as they are after so many heartbeats: what the last of each said."""
    size = len(caches)
    last = {number % size: number for number in range(max(0, sent - size), sent)}
    return [
        caches[index] if (number := last.get(index)) is None else said(caches, number)
        for index in range(size)
    ]


def said(caches: list[shoal.Tracked], number: int) -> shoal.Tracked:
    """The cache of this heartbeat and what it says; its load is another one each time."""
    turn, index = divmod(number, len(caches))
    step = shoal.CAPACITY_KBPS / _LOADS
    load_kbps = (caches[index].load_kbps + turn * 37 * step) % shoal.CAPACITY_KBPS
    return replace(caches[index], load_kbps=round(load_kbps, 1))


class _Agents:
    def __init__(self, order: Order, exchange: AbstractExchange) -> None:
        self._caches = shoal.tracked(order.count, order.seed)
        self._exchange = exchange
        self._rate = order.rate
        self.sent = 0
        self.late_s = 0.0

    async def send(self) -> None:
        """One heartbeat, as shoal's agent publishes it."""
        body = shoal.heartbeat(said(self._caches, self.sent), time.time())
        message = aio_pika.Message(body, content_type="application/json")
        await self._exchange.publish(message, routing_key="info", mandatory=False)
        self.sent += 1

    async def once(self) -> None:
        """One of each cache."""
        for _ in self._caches:
            await self.send()

    async def keep_on(self, stopped: Callable[[], bool]) -> None:
        """At the rate, from a start; what is late is made up for."""
        began_s, before = time.perf_counter(), self.sent
        while not stopped():
            due = int((time.perf_counter() - began_s) * self._rate) - (self.sent - before)
            self.late_s = max(self.late_s, due / self._rate)
            for _ in range(due):
                await self.send()
            await asyncio.sleep(_STEP_S)


async def _obey(order: Order) -> None:
    connection = await aio_pika.connect(host="127.0.0.1", port=order.port, timeout=20)
    async with connection:
        channel = await connection.channel(publisher_confirms=False)
        exchange = await channel.declare_exchange(order.exchange, "topic", durable=False)
        agents = _Agents(order, exchange)
        _say("connected")
        line = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
        while word := (await line).strip():
            line = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
            if word == "start":
                await agents.keep_on(line.done)
                continue
            if word == "once":
                await agents.once()
            _say(json.dumps({"sent": agents.sent, "late_s": agents.late_s}))


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Read the order and obey until standard input ends."""
    asyncio.run(_obey(Order(**json.loads(sys.stdin.readline()))))


if __name__ == "__main__":
    main()

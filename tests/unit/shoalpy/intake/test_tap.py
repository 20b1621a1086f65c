"""Does the library get what is its own and signs of life, while messages go past it? The rest is shown with a real broker."""

import asyncio
from collections.abc import Sequence

from pamqp import frame
from pamqp.commands import Channel
from yarl import URL

from shoalpy.intake.frames import HEARTBEAT, Delivery, render_ack
from shoalpy.intake.tap import Tap
from tests.unit.shoalpy.intake.test_frames import deliver

OURS = frame.marshal(Channel.CloseOk(), 1)


class Broker:
    """Sends what it is told to, and keeps what it is sent."""

    def __init__(self) -> None:
        self.got = b""
        self.writer: asyncio.StreamWriter
        self.there = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.there.set()
        while data := await reader.read(1000):
            self.got += data
        writer.close()


async def test_messages_go_past_the_library_and_acknowledgements_too():
    broker = Broker()
    found: list[Delivery] = []
    came = asyncio.Event()

    def take(deliveries: Sequence[Delivery]) -> None:
        found.extend(deliveries)
        came.set()

    async with asyncio.timeout(20), await asyncio.start_server(broker, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        tap = Tap(100)
        tap.acknowledge(1, 1)  # before there is a connection: nothing
        reader, writer = await tap.create(
            URL(f"amqp://127.0.0.1:{port}/"), ssl_context_provider=None
        )
        tap.came = take
        await broker.there.wait()

        broker.writer.write(OURS + deliver(1, b"{}"))
        assert await reader.readexactly(len(OURS)) == OURS
        await came.wait()
        assert found == [Delivery(1, b"{}", "")]

        # while nothing but messages come, the library sees that the broker is there
        broker.writer.write(deliver(2, b"{}"))
        assert await reader.readexactly(len(HEARTBEAT)) == HEARTBEAT

        tap.acknowledge(2, 2)
        writer.close()
        tap.acknowledge(2, 3)  # behind the end: nothing
        await writer.wait_closed()
        while broker.got != render_ack(2, 2):
            await asyncio.sleep(0.001)

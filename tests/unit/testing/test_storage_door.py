"""The storage element's door closes cleanly, whoever is on the step."""

import asyncio
import socket
from contextlib import suppress

import pytest

from ugrpy.testing.storage import StorageElement


@pytest.mark.parametrize("steps", range(6))
async def test_closing_the_door_on_somebody_who_is_coming_in_leaves_no_open_socket(steps):
    async with StorageElement() as element:
        with socket.create_connection((element.host, element.port), timeout=5) as client:
            for _ in range(steps):
                await asyncio.sleep(0)
            await element.refuse()
            client.setblocking(False)
            with suppress(ConnectionResetError):
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
        await element.accept()
        with socket.create_connection((element.host, element.port), timeout=5):
            await asyncio.sleep(0)

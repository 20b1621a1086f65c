"""A transport for each test, closed when it is over."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

MakeTransport = Callable[..., Transport]


@pytest.fixture
async def make_transport() -> AsyncIterator[MakeTransport]:
    """Transports with these options; where none is said, limits that no test should meet."""
    made: list[Transport] = []

    def make(**options: Any) -> Transport:
        generous = {"connect_timeout_s": 20, "first_byte_timeout_s": 20, "total_timeout_s": 40}
        made.append(Transport("uvic", TransportOptions(**(generous | options))))
        return made[-1]

    yield make
    for transport in made:
        await transport.close()

"""Are all messages taken and acknowledged, whatever they say, and many at once?"""

from types import SimpleNamespace
from typing import Any

import pytest
from aiormq.exceptions import ChannelInvalidStateError
from structlog.testing import capture_logs

from shoalpy.intake.deliveries import Deliveries
from shoalpy.wire import BadBeat, Reason


class Channel:
    """Notes what is acknowledged."""

    def __init__(self, error: Exception | None = None) -> None:
        self.acknowledged: list[tuple[int, bool]] = []
        self._error = error

    async def basic_ack(self, tag: int, *, multiple: bool, wait: bool) -> None:
        if self._error is not None:
            raise self._error
        assert not wait
        self.acknowledged.append((tag, multiple))


def message(tag: int, body: bytes = b"{}", user: str | None = None) -> Any:
    header = SimpleNamespace(properties=SimpleNamespace(user_id=user))
    return SimpleNamespace(body=body, header=header, delivery_tag=tag)


def deliveries(channel: Channel, prefetch: int, take: Any = lambda _body, _signer: None) -> Any:
    kept: Any = channel
    return Deliveries(take, kept, prefetch)


async def test_half_of_what_may_be_on_the_way_is_acknowledged_at_once_and_the_rest_when_asked():
    channel = Channel()
    of = deliveries(channel, 8)
    for tag in range(1, 10):
        await of.take(message(tag))
    assert channel.acknowledged == [(4, True), (8, True)]
    await of.acknowledge()
    await of.acknowledge()
    assert channel.acknowledged == [(4, True), (8, True), (9, True)]


@pytest.mark.parametrize("prefetch", [1, 2, 3])
async def test_a_broker_that_sends_one_at_a_time_is_never_left_waiting(prefetch):
    channel = Channel()
    of = deliveries(channel, prefetch)
    for tag in (1, 2):
        await of.take(message(tag))
    assert channel.acknowledged == [(1, True), (2, True)]


async def test_bad_ones_are_acknowledged_too_and_the_next_is_taken():
    said: list[tuple[bytes, str]] = []

    def take(body: bytes, signer: str) -> None:
        said.append((body, signer))
        if body == b"bad":
            raise BadBeat(Reason.NOT_JSON, "nonsense")
        if body == b"worse":
            raise ZeroDivisionError

    channel = Channel()
    of = deliveries(channel, 2, take)
    with capture_logs() as logged:
        for tag, body in enumerate((b"bad", b"worse", b"good"), 1):
            await of.take(message(tag, body, user="agent" if body == b"good" else None))
    assert [one["event"] for one in logged] == ["heartbeat dropped", "heartbeat failed"]
    assert said == [(b"bad", ""), (b"worse", ""), (b"good", "amqp:agent")]
    assert channel.acknowledged[-1] == (3, True)


async def test_a_channel_that_is_gone_is_the_links_trouble():
    of = deliveries(Channel(ChannelInvalidStateError("closed")), 2)
    await of.take(message(1))
    await of.acknowledge()
    assert "1 taken" in repr(of)

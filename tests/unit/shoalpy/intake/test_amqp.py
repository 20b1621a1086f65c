"""When is a broker that is away tried again, and what is said of one that cannot be used? The rest is shown with a real one."""

import asyncio

import aio_pika
import pytest

from shoalpy.intake.amqp import AmqpIntake, AmqpPolicy, pause_s
from tests.peers.process import free_port
from ugrpy.core.errors import ConfigError


def test_pauses_double_up_to_the_longest_and_half_is_drawn():
    assert [pause_s(n, 5.0, 1.0) for n in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert [pause_s(n, 5.0, 0.0) for n in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.5, 2.5]
    assert pause_s(10**6, 5.0, 0.5) == 3.75


def test_the_password_is_not_shown():
    assert "hidden" not in repr(AmqpPolicy(password="hidden"))


async def test_a_broker_that_is_not_there_is_a_state_and_no_failure():
    policy = AmqpPolicy(host="127.0.0.1", port=free_port("127.0.0.1"), longest_pause_s=0.01)
    intake = AmqpIntake(policy, lambda _body, _signer: None, draw=lambda: 0.0)
    running = asyncio.get_running_loop().create_task(intake.run())
    async with asyncio.timeout(20):
        while "not connected" in intake.state().problem:
            await asyncio.sleep(0.01)

    assert not intake.state().up
    assert intake.state().links == 0
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()


async def test_it_stops_even_when_its_library_takes_the_stop_for_a_failure(monkeypatch):
    connecting = asyncio.Event()

    async def connect(_self: object, **_settings: object) -> None:
        connecting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("gone") from None

    monkeypatch.setattr(aio_pika.Connection, "connect", connect)
    intake = AmqpIntake(AmqpPolicy(host="127.0.0.1"), lambda _body, _signer: None, draw=lambda: 0.0)
    running = asyncio.get_running_loop().create_task(intake.run())
    async with asyncio.timeout(20):
        await connecting.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()


@pytest.mark.parametrize(
    "policy",
    [
        AmqpPolicy(host="127.0.0.1", password_file="/nowhere/password"),
        AmqpPolicy(host="127.0.0.1", tls=True, ca_file="/nowhere/ca.pem"),
        AmqpPolicy(host="127.0.0.1", tls=True, cert_file="/nowhere/cert.pem"),
    ],
)
async def test_a_file_that_cannot_be_read_ends_it_with_the_reason(policy):
    intake = AmqpIntake(policy, lambda _body, _signer: None, draw=lambda: 0.0)

    with pytest.raises(ConfigError, match=r"\[amqp\]: cannot be read"):
        await intake.run()

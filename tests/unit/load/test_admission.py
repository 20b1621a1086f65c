"""The gateway's gate: who is counted, who is told what, and what the log says of a flood."""

import asyncio
from contextlib import AsyncExitStack
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from tests.unit.federation.world import Tally, virtual
from ugrpy import telemetry
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import TooManyRequests
from ugrpy.load.admission import LONG_PAGES, Admission
from ugrpy.load.asker import ITSELF, current_network
from ugrpy.load.settings import LoadSettings
from ugrpy.load.usage import Used
from ugrpy.testing import LoopClock

A, B, NOBODY = ip_address("192.0.2.1"), ip_address("2001:db8::1"), None
NETWORK_A = "192.0.2.0/24"


def admission(**settings: float) -> tuple[Admission, Tally]:
    tally = Tally()
    return Admission(LoadSettings(**settings), LoopClock(), tally), tally  # type: ignore[arg-type]


async def work(gate: Admission, seconds: float, address=A) -> None:
    async with gate.at_work(address):
        await asyncio.sleep(seconds)


async def refused(gate: Admission, address=A) -> TooManyRequests:
    with pytest.raises(TooManyRequests) as caught:
        await work(gate, 0, address)
    assert caught.value.status == 429
    return caught.value


@virtual
async def test_what_is_at_work_works_for_its_network_and_is_counted():
    gate, tally = admission()
    for address, network in [(A, NETWORK_A), (B, "2001:db8::/56"), (NOBODY, "unknown")]:
        async with gate.at_work(address):
            assert current_network() == network
            assert gate.gate.share.of(network) == (1, 0)
    assert current_network() == ITSELF
    assert gate.gate.share.at_work == 0
    assert tally.of(telemetry.ADMISSIONS, "at once") == 3


@virtual
async def test_an_error_inside_gives_the_place_back():
    gate, _ = admission()
    with pytest.raises(ZeroDivisionError):
        async with gate.at_work(A):
            raise ZeroDivisionError
    assert (gate.gate.share.at_work, current_network()) == (0, ITSELF)


@virtual
async def test_waits_are_counted_and_measured():
    gate, tally = admission(max_at_work=1)
    await asyncio.gather(*(work(gate, 2.0) for _ in range(3)))
    assert dict(gate.usage)[NETWORK_A] == Used(admitted=3, waited=2, waited_s=6.0)
    assert tally.of(telemetry.ADMISSIONS, "waited") == tally.of(telemetry.QUEUE_SECONDS) == 2


@virtual
async def test_a_full_queue_says_how_much_it_takes_and_when_there_may_be_room():
    gate, tally = admission(max_at_work=1, max_waiting=4)
    flood = [spawn(work(gate, 3.0), name="flood") for _ in range(5)]
    await asyncio.sleep(0)
    assert (await refused(gate)).retry_after_s == 1  # nothing is known yet
    await asyncio.sleep(6.5)
    flood += [spawn(work(gate, 3.0), name="more") for _ in range(2)]
    await asyncio.sleep(0)
    error = await refused(gate)
    assert (error.limit, error.most) == ("full", 4)
    assert error.retry_after_s > 1
    assert tally.of(telemetry.ADMISSIONS, "full") == 2
    assert dict(gate.usage)[NETWORK_A].refused == 2
    await cancel_and_wait(*flood)


@virtual
async def test_nobody_waits_longer_than_is_set():
    gate, _ = admission(max_at_work=1, max_wait_s=5.0)
    long = spawn(work(gate, 100.0), name="long")
    await asyncio.sleep(0)
    error = await refused(gate)
    assert (error.limit, error.most) == ("too_long", 5.0)
    assert asyncio.get_running_loop().time() == 5.0
    await cancel_and_wait(long)


@virtual
async def test_one_network_may_have_a_limit_of_its_own():
    gate, _ = admission(network_at_work=1, network_waiting=1)
    busy = [spawn(work(gate, 10.0), name="busy") for _ in range(2)]
    await asyncio.sleep(0)
    error = await refused(gate)
    assert (error.limit, error.most) == ("network_full", 1)
    await work(gate, 0, B)
    await cancel_and_wait(*busy)


@virtual
async def test_a_rate_says_when_the_next_request_is_welcome():
    gate, _ = admission(network_rate=0.25, network_burst=2)
    await work(gate, 0)
    await work(gate, 0)
    error = await refused(gate)
    assert (error.limit, error.most, error.retry_after_s) == ("rate", 0.25, 4.0)
    await work(gate, 0, B)
    await asyncio.sleep(4.0)
    await work(gate, 0)


@virtual
async def test_so_many_long_pages_are_made_at_a_time():
    gate, _ = admission(max_wait_s=5.0)
    async with AsyncExitStack() as stack:
        for _ in range(LONG_PAGES):
            await stack.enter_async_context(gate.long_page(A))
        with pytest.raises(TooManyRequests) as caught:
            await stack.enter_async_context(gate.long_page(A))
        assert (caught.value.limit, caught.value.most) == ("pages", LONG_PAGES)
        await stack.enter_async_context(gate.long_page(B))  # has had none so far
    assert gate.pages.share.at_work == 0


@virtual
async def test_the_log_names_a_refused_network_now_and_then():
    gate, _ = admission(network_rate=0.001, network_burst=1)
    for address in (A, B):
        await work(gate, 0, address)
    with capture_logs() as lines:
        for _ in range(5):
            await refused(gate)
        await refused(gate, B)
        await asyncio.sleep(11)
        await refused(gate)
    told = [(line["network"], line["limit"], line["refused_so_far"]) for line in lines]
    assert told == [(NETWORK_A, "rate", 1), ("2001:db8::/56", "rate", 1), (NETWORK_A, "rate", 6)]


def test_what_is_shown_names_the_state():
    gate, _ = admission()
    assert repr(gate).startswith("<Admission <Gate <Share of 512 + 128")
    assert gate.settings.burst == 0
    assert LoadSettings(network_rate=3.0).burst == 30.0

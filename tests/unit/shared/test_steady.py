"""A store that is away costs a few time limits, and then next to nothing until it is back."""

import asyncio

import pytest

from tests.unit.federation.world import virtual
from ugrpy.core.meter import NullMeter
from ugrpy.shared.base import StoreAway
from ugrpy.shared.steady import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker, SteadyStore
from ugrpy.testing import LoopClock
from ugrpy.testing.shared import StoreServer

TIMEOUT_S = 0.2


def test_the_pause_grows_up_to_its_limit_and_one_at_a_time_tries():
    breaker, now = Breaker(), 100.0
    for _ in range(FAILURES):
        assert breaker.admits(now)
        breaker.failed(now)
    pause_s = FIRST_PAUSE_S
    for _ in range(10):
        assert not breaker.admits(now + 0.9 * pause_s)
        now += pause_s
        assert breaker.admits(now)
        assert not breaker.admits(now), "somebody else tries"
        breaker.failed(now)
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
    now += LONGEST_PAUSE_S
    assert breaker.admits(now)
    breaker.cancelled()
    assert breaker.admits(now)
    breaker.succeeded()
    assert all(breaker.admits(now) for _ in range(3))
    breaker.failed(now)
    assert breaker.admits(now), "once is never"


@virtual
async def test_questions_are_not_held_up_by_a_store_that_is_away():
    clock, server = LoopClock(), StoreServer(LoopClock())
    client = server.client(TIMEOUT_S)
    nothing = NullMeter().instrument("")
    store = SteadyStore(client, "s", clock, nothing, nothing)
    server.away = True
    for _ in range(FAILURES):
        with pytest.raises(StoreAway):
            await store.get(["a"])
    asked, began_s = client.asked, clock.monotonic()
    for _ in range(100):
        with pytest.raises(StoreAway):
            await store.put("a", b"1", 1.0)
    assert (client.asked, clock.monotonic()) == (asked, began_s)
    server.away = False
    await asyncio.sleep(FIRST_PAUSE_S)
    await store.put("a", b"1", 10.0)
    assert await store.get(["a", "b"]) == {"a": b"1"}
    assert await store.add("n", b"7", 10.0)
    assert await store.increase("n") == 8
    await store.drop(["a"])
    assert await store.get(["a"]) == {}
    assert await store.tell(b"x")
    await store.close()

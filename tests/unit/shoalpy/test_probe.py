"""The loop of verification, in virtual time with caches that are made up; and its HTTP, over loopback."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from random import Random

import pytest

from shoalpy.guard import PortRange
from shoalpy.model import Cache, Health
from shoalpy.probe import MAX_BODY_BYTES, Verifier, http_prober
from shoalpy.registry import Registry
from shoalpy.targets import Answer, Ask, Outcome
from shoalpy.verify import VerificationPolicy
from tests.faults.raw_server import RawServer, always, http, then_silence
from tests.unit.shoalpy.tracked import beat, facts
from ugrpy.core.clock import SystemClock
from ugrpy.testing.loop import LoopClock, run_virtual

CLOCK = LoopClock()
RIGHT = Answer(200, {}, b"Natlas\nNatlas-condb\nNsft\nNgrid\n", 0.05)
POLICY = VerificationPolicy(allow_private=True, jitter=0.2)


class MadeUp:
    """Answers after ``takes_s``; ``dead`` caches after the time-out, or at once when ``refuses``."""

    def __init__(
        self, policy: VerificationPolicy, *, dead: Callable[[str], bool], refuses: bool = False
    ) -> None:
        self.policy = policy
        self.dead = dead
        self.refuses = refuses
        self.asked: list[tuple[float, str, str]] = []
        self.together = self.most_together = 0

    async def answer(self, ask: Ask) -> Answer:
        self.asked.append((asyncio.get_running_loop().time(), ask.proxy, ask.target))
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        try:
            if not self.dead(ask.proxy):
                await asyncio.sleep(0.05)
                return RIGHT
            if self.refuses:
                return Answer(failed=Outcome.NO_CONNECTION, detail="connection refused")
            await asyncio.sleep(self.policy.timeout_s)
            return Answer(failed=Outcome.SILENT, detail="no answer")
        finally:
            self.together -= 1


def filled(registry: Registry, count: int) -> Registry:
    for number in range(count):
        address = str(ip_address("10.0.0.0") + number)
        one = beat(f"c{number:04}", public=address, sent_at_s=CLOCK.wall())
        registry.apply(one, facts(None), CLOCK.wall())
    return registry


def checked(registry: Registry) -> list[Cache]:
    live = registry.live(CLOCK.wall())
    return [cache for cache in live if cache.verification.health is not Health.PENDING]


async def sweep_s(
    registry: Registry, prober: MadeUp, policy: VerificationPolicy, count: int
) -> float:
    """Until so many have been looked at."""
    verifier = Verifier(registry, policy, clock=CLOCK, draw=Random(1).random)
    work = asyncio.create_task(verifier.run_with(prober))
    while len(checked(registry)) < count:
        assert not work.done()
        await asyncio.sleep(0.1)
    took_s = asyncio.get_running_loop().time()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return took_s


@pytest.mark.row("S48")
@pytest.mark.parametrize("refuses", [False, True], ids=["silent", "refusing"])
def test_a_thousand_dead_caches_are_swept_within_a_minute_and_the_rates_hold(refuses):
    async def run() -> None:
        registry = filled(Registry(), 1000)
        prober = MadeUp(POLICY, dead=lambda _proxy: True, refuses=refuses)
        assert await sweep_s(registry, prober, POLICY, 1000) < 60
        assert {one.verification.health for one in checked(registry)} == {Health.FAILED}
        assert prober.most_together <= POLICY.concurrency
        _rate_holds([at for at, _, _ in prober.asked], POLICY.rate_per_s)
        for target in {target for _, _, target in prober.asked}:
            own = [at for at, _, its in prober.asked if its == target]
            _rate_holds(own, POLICY.target_rate_per_s)
        # they are not all looked at again together
        again = sorted(one.verification.next_at_s for one in checked(registry))
        assert again[-1] - again[0] > 2 * POLICY.jitter * POLICY.retry_s * 0.9

    run_virtual(run())


@pytest.mark.row("S48")
def test_the_dead_hold_up_nobody():
    async def run() -> None:
        registry = filled(Registry(), 51)
        prober = MadeUp(POLICY, dead=lambda proxy: proxy != "http://10.0.0.50:3128")
        await sweep_s(registry, prober, POLICY, 1)
        (first,) = checked(registry)
        assert (first.key, first.verification.health) == ("c0050", Health.PASSED)
        assert first.verification.rtt_s == 0.05

    run_virtual(run())


@pytest.mark.row("S49")
def test_a_repaired_cache_is_found_within_the_back_off():
    async def run() -> None:
        registry = filled(Registry(replace(Registry().policy, inactive_s=1e6)), 1)
        broken = True
        prober = MadeUp(POLICY, dead=lambda _proxy: broken)
        verifier = Verifier(registry, POLICY, clock=CLOCK, draw=Random(1).random)
        work = asyncio.create_task(verifier.run_with(prober))
        await asyncio.sleep(4 * 3600)
        (cache,) = checked(registry)
        assert cache.verification.failures > 10
        broken, fixed_at_s = False, asyncio.get_running_loop().time()
        while not next(registry.live(CLOCK.wall())).is_global:
            await asyncio.sleep(1)
        took_s = asyncio.get_running_loop().time() - fixed_at_s
        assert took_s < POLICY.retry_max_s * (1 + POLICY.jitter) + 10
        # and one that works is looked at now and then
        asked = len(prober.asked)
        await asyncio.sleep(24 * 3600)
        assert 20 * POLICY.needed <= len(prober.asked) - asked <= 30 * POLICY.needed
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run_virtual(run())


def test_a_cache_that_moves_during_a_look_is_looked_at_anew():
    async def run() -> None:
        registry = filled(Registry(), 1)
        prober = MadeUp(POLICY, dead=lambda proxy: proxy.endswith(":3128"))
        verifier = Verifier(registry, POLICY, clock=CLOCK, draw=Random(1).random)
        work = asyncio.create_task(verifier.run_with(prober))
        await asyncio.sleep(1)
        moved = beat("c0000", public="10.0.0.0", port=3129, sent_at_s=CLOCK.wall())
        registry.apply(moved, facts(None), CLOCK.wall())
        await asyncio.sleep(10)
        (cache,) = checked(registry)
        assert (cache.verification.health, cache.verification.failures) == (Health.PASSED, 0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    run_virtual(run())


def test_a_fault_with_one_cache_is_its_own(capsys):
    class Faulty(MadeUp):
        async def answer(self, ask: Ask) -> Answer:
            if ask.proxy == "http://10.0.0.0:3128":
                raise ZeroDivisionError
            return await super().answer(ask)

    async def run() -> None:
        registry = filled(Registry(), 3)
        await sweep_s(registry, Faulty(POLICY, dead=lambda _proxy: False), POLICY, 3)
        faulty, *others = checked(registry)
        assert faulty.verification.message == "Error during verification: a fault of this server"
        assert {one.verification.health for one in others} == {Health.PASSED}

    run_virtual(run())
    assert "verification failed" in capsys.readouterr().out


def _rate_holds(times: list[float], rate_per_s: float) -> None:
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps, default=1.0) >= 1 / rate_per_s - 1e-6


# -- over HTTP -------------------------------------------------------------------------------------

HERE = replace(
    VerificationPolicy(),
    allow_networks=(ip_network("127.0.0.0/8"),),
    ports=(PortRange(1, 65535),),
    timeout_s=10,
)


async def answer_to(ask: Ask, policy: VerificationPolicy = HERE) -> Answer:
    async with http_prober(policy, SystemClock()) as prober:
        return await prober.answer(ask)


async def test_a_proxy_is_asked_for_the_whole_url():
    async with RawServer(always(http(200, b"Nsft\n"))) as server:
        ask = Ask("http://origin.test/cvmfs/sft.cern.ch/x", "origin.test", server.url, {"X-a": "b"})
        answer = await answer_to(ask)
    (asked,) = server.requests
    assert asked.target == "http://origin.test/cvmfs/sft.cern.ch/x"
    assert asked.headers["host"] == "origin.test"
    assert (asked.headers["x-a"], asked.headers["connection"].lower()) == ("b", "close")
    assert asked.headers["user-agent"].startswith("shoalpy/")
    assert (answer.status, answer.body) == (200, b"Nsft\n")
    assert answer.rtt_s is not None


async def test_refusals_and_redirects_are_answers():
    for status in (302, 403, 429, 503):
        async with RawServer(
            always(http(status, b"why", "Location: http://127.0.0.1:1/"))
        ) as server:
            answer = await answer_to(Ask(server.url + "/atlr", "/atlr"))
        assert (answer.status, answer.body) == (status, b"why")
        assert len(server.requests) == 1


async def test_no_more_is_read_than_can_matter():
    async with RawServer(always(http(200, b"x" * (MAX_BODY_BYTES + 100_000)))) as server:
        answer = await answer_to(Ask(server.url + "/", "/"))
    assert len(answer.body) == MAX_BODY_BYTES


async def test_what_goes_wrong_is_an_answer_too():
    async with RawServer(always(b"nonsense\r\n\r\n")) as server:
        nonsense = await answer_to(Ask(server.url + "/", "/"))
    assert nonsense.failed is Outcome.WRONG
    assert nonsense.detail.startswith("the answer is not HTTP")
    refused = await answer_to(Ask(server.url + "/", "/"))
    assert (refused.failed, refused.detail) == (Outcome.NO_CONNECTION, "connection refused")
    async with RawServer(then_silence(b"")) as server:
        silent = await answer_to(Ask(server.url + "/", "/"), replace(HERE, timeout_s=0.2))
    assert (silent.failed, silent.detail) == (Outcome.SILENT, "no answer within 0.2 s")


@pytest.mark.row("S51")
@pytest.mark.parametrize("through_a_proxy", [False, True])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_name_that_means_this_machine_is_not_connected_to(name, through_a_proxy):
    closed = replace(HERE, allow_networks=(), allow_private=True)
    async with RawServer(always(http(200, b""))) as server:
        place = f"http://{name}:{server.port}"
        ask = (
            Ask("http://o.test/x", "o.test", place) if through_a_proxy else Ask(place + "/x", "/x")
        )
        refused = await answer_to(ask, closed)
        assert server.requests == []
        allowed = await answer_to(
            ask, replace(HERE, allow_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
        )
    assert (refused.failed, refused.detail) == (Outcome.NO_CONNECTION, "permission denied")
    assert allowed.status == 200

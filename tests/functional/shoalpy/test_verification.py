"""Verification of real caches: squid and varnish before an origin that writes down who asked it for what, and when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shoalpy.model import Cache, CacheType, Health, Heartbeat, Upstream
from shoalpy.nearest import Caller, Nearest
from shoalpy.probe import Verifier
from shoalpy.ranking import CostPolicy, Wish
from shoalpy.registry import Registry
from shoalpy.verify import VerificationPolicy
from tests.peers.bench import Bench
from tests.peers.caches import seen, set_access
from tests.peers.process import free_port
from tests.peers.server import PeerServer
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import SystemClock
from ugrpy.locality import UNKNOWN_PLACE
from ugrpy.locality.facts import UNKNOWN_FACTS

ELSEWHERE = Caller(UNKNOWN_PLACE, None)
WHITELIST = b"20260101000000\nE20270101000000\nN%s\n00:11:22\n--\nsignature"
HERE = (ip_network("127.0.0.0/8"),)
CLOCK = SystemClock()


class Verified:
    """A registry whose caches are verified as long as the block lasts."""

    def __init__(self, policy: VerificationPolicy) -> None:
        self.registry = Registry(unverified=policy.unverified)
        self.verifier = Verifier(self.registry, policy, clock=CLOCK, draw=Random(1).random)

    def beat(self, server: PeerServer | tuple[str, int], key: str = "one", **more: Any) -> None:
        """A heartbeat of this cache."""
        address, port = (
            server if isinstance(server, tuple) else (server.process.address, server.process.port)
        )
        now_s = CLOCK.wall()
        beat = Heartbeat(key, f"{key}.test", port, now_s, 1.0, public_ip=ip_address(address))
        self.registry.apply(replace(beat, **more), UNKNOWN_FACTS, now_s)

    async def health(self, health: Health, key: str = "one") -> Cache:
        """The cache, as soon as it has been found to be so."""
        async with asyncio.timeout(60):
            while True:
                cache = self.registry.get(key, CLOCK.wall())
                assert cache is not None
                if cache.verification.health is health:
                    return cache
                await asyncio.sleep(0.02)

    def told(self) -> list[str]:
        """Which caches somebody in another network is told of."""
        nearest = Nearest(
            self.registry,
            CostPolicy(),
            same_network=lambda _caller, _cache: False,
            draw=Random(1).random,
        )
        wish = Wish(kinds=frozenset(CacheType), count=100)
        return sorted(one.cache.key for one in nearest(ELSEWHERE, wish, CLOCK.wall()))


@contextlib.asynccontextmanager
async def verifying(policy: VerificationPolicy) -> AsyncIterator[Verified]:
    verified = Verified(policy)
    task = spawn(verified.verifier.run(), name="verify")
    try:
        yield verified
    finally:
        await cancel_and_wait(task)


@pytest.fixture(scope="module")
def servers() -> Iterator[Bench]:
    with Bench() as mine:
        yield mine


@pytest.fixture(scope="module")
def origin(servers: Bench) -> PeerServer:
    server = servers.stratum_one("127.0.0.1", "127.0.0.2")
    for repository in ("atlas.cern.ch", "sft.cern.ch"):
        for name in (".cvmfswhitelist", ".cvmfspublished"):
            body = WHITELIST % repository.encode()
            server.write(f"cvmfs/{repository}/{name}", body)
    server.write("cvmfs/other.cern.ch/.cvmfswhitelist", WHITELIST % b"atlas.cern.ch")
    server.write("cvmfs/page.cern.ch/.cvmfswhitelist", b"<p>Welcome, page.cern.ch</p>")
    server.write("atlr", b"frontier")
    return server


@pytest.fixture(scope="module")
def squid(servers: Bench) -> PeerServer:
    return servers.squid()


@pytest.fixture(scope="module")
def denying_squid(servers: Bench) -> PeerServer:
    return servers.squid(denies=True)


@pytest.fixture(scope="module")
def varnish(servers: Bench, origin: PeerServer) -> PeerServer:
    return servers.varnish(origin)


def policy_for(origin: PeerServer, *repositories: str, **more: Any) -> VerificationPolicy:
    base = VerificationPolicy(
        squid_cvmfs=tuple(
            f"{origin.url}/cvmfs/{name}.cern.ch/.cvmfswhitelist"
            for name in repositories or ("atlas", "sft")
        ),
        squid_frontier=(f"{origin.url}/atlr",),
        varnish_cvmfs=("/cvmfs/atlas.cern.ch/.cvmfspublished",),
        varnish_frontier=("/atlr",),
        allow_networks=HERE,
        # the machine may be busy, and what is silent is not the question here
        timeout_s=10,
    )
    return replace(base, **more)


def asked(origin: PeerServer, before: int) -> list[str]:
    return sorted(one.path for one in seen(origin)[before:])


def fetched(squid: PeerServer) -> list[str]:
    """What a squid was asked for; its log also has a line for whoever only connected."""
    return [fields[6] for line in squid.requests() if (fields := line.split())[5] == "GET"]


async def until(holds: Callable[[], bool]) -> None:
    """Logs are written after the answer has gone."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


# -- squid -----------------------------------------------------------------------------------------


@pytest.mark.row("S46")
async def test_a_squid_is_asked_for_the_configured_whitelists_and_passes(origin, squid):
    before = len(seen(origin))
    async with verifying(policy_for(origin)) as verified:
        verified.beat(squid)
        assert verified.told() == []
        cache = await verified.health(Health.PASSED)
        assert cache.verification.message == "All systems OK!"
        assert cache.verification.rtt_s is not None
        assert 0 < cache.verification.rtt_s < 10
        assert verified.told() == ["one"]
    await until(lambda: len(seen(origin)) == before + 2)
    assert asked(origin, before) == [
        "/cvmfs/atlas.cern.ch/.cvmfswhitelist",
        "/cvmfs/sft.cern.ch/.cvmfswhitelist",
    ]
    await until(lambda: f"{origin.url}/cvmfs/sft.cern.ch/.cvmfswhitelist" in fetched(squid))


@pytest.mark.row("S46")
async def test_a_squid_in_front_of_frontier_has_a_list_of_its_own(origin, squid):
    before = len(seen(origin))
    async with verifying(policy_for(origin)) as verified:
        verified.beat(squid, upstream=Upstream.FRONTIER)
        await verified.health(Health.PASSED)
    await until(lambda: len(seen(origin)) > before)
    (one,) = seen(origin)[before:]
    assert (one.path, one.frontier_id) == ("/atlr", "shoal-server-verification")
    assert one.cache_control == "max-age=0"


@pytest.mark.row("S46")
@pytest.mark.parametrize("repository", ["other", "page"])
async def test_an_answer_without_the_repository_in_its_line_does_not_pass(
    origin, squid, repository
):
    async with verifying(policy_for(origin, repository)) as verified:
        verified.beat(squid)
        cache = await verified.health(Health.FAILED)
        assert cache.verification.message.startswith("Error during verification: asked for http://")
        assert cache.verification.message.endswith("it answered with something else")
        assert verified.told() == []


@pytest.mark.row("S46")
async def test_a_denial_fails_at_once(origin, denying_squid):
    before, asked_before = len(seen(origin)), len(fetched(denying_squid))
    policy = policy_for(origin, "atlas", "sft", "other", tolerated=100)
    async with verifying(policy) as verified:
        verified.beat(denying_squid)
        cache = await verified.health(Health.FAILED)
    assert cache.verification.message.startswith(
        "The cache is configured to prevent external access: "
    )
    assert seen(origin)[before:] == []
    await until(lambda: len(fetched(denying_squid)) > asked_before)
    assert len(fetched(denying_squid)) - asked_before == 1


# -- varnish ---------------------------------------------------------------------------------------


@pytest.mark.row("S47")
@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (Upstream.CVMFS, [("/cvmfs/atlas.cern.ch/.cvmfspublished", "")]),
        (Upstream.FRONTIER, [("/atlr", "shoal-server-verification")]),
    ],
)
async def test_a_varnish_is_asked_for_what_it_fronts(origin, servers, upstream, expected):
    # one of its own, which has nothing in its cache yet
    varnish = servers.varnish(origin)
    before = len(seen(origin))
    async with verifying(policy_for(origin)) as verified:
        verified.beat(varnish, cache_type=CacheType.VARNISH, upstream=upstream)
        await verified.health(Health.PASSED)
    varnish.stop()
    await until(lambda: len(seen(origin)) > before)
    assert [(one.path, one.frontier_id) for one in seen(origin)[before:]] == expected


@pytest.mark.row("S47")
async def test_a_varnish_in_front_of_both_must_be_good_for_both(origin, varnish):
    both = {"cache_type": CacheType.VARNISH, "upstream": Upstream.BOTH}
    async with verifying(policy_for(origin)) as verified:
        verified.beat(varnish, **both)
        await verified.health(Health.PASSED)
    for broken, missing in (
        ({"varnish_cvmfs": ("/cvmfs/gone.cern.ch/.cvmfspublished",)}, "gone.cern.ch"),
        ({"varnish_frontier": ("/gone",)}, "gone"),
    ):
        async with verifying(policy_for(origin, **broken)) as verified:
            verified.beat(varnish, **both)
            cache = await verified.health(Health.FAILED)
            assert missing in cache.verification.message
            assert cache.verification.message.endswith("it answered 404")
            # good for one of them is good enough for those who front only that
            good = Upstream.FRONTIER if "varnish_cvmfs" in broken else Upstream.CVMFS
            verified.beat(varnish, "two", cache_type=CacheType.VARNISH, upstream=good)
            await verified.health(Health.PASSED, "two")


# -- how fast, how often, where --------------------------------------------------------------------


@pytest.mark.row("S48")
@pytest.mark.parametrize(
    ("rate_per_s", "target_rate_per_s", "all_last_s", "each_lasts_s"),
    [(10.0, 1000.0, 1.9, 0.0), (1000.0, 10.0, 0.9, 0.9)],
    ids=["all together", "each target"],
)
async def test_rates_hold_in_the_log_of_the_origin_and_the_dead_hold_up_nobody(
    origin, squid, rate_per_s, target_rate_per_s, all_last_s, each_lasts_s
):
    urls = [
        f"http://{address}:{origin.process.port}/cvmfs/{name}.cern.ch/.cvmfswhitelist"
        for address in ("127.0.0.1", "127.0.0.2")
        for name in ("atlas", "sft")
    ]
    policy = policy_for(
        origin,
        squid_cvmfs=tuple(urls),
        rate_per_s=rate_per_s,
        target_rate_per_s=target_rate_per_s,
        needed=4,
    )
    before = len(seen(origin))
    nobody = free_port("127.0.0.3")
    async with verifying(policy) as verified:
        for number in range(5):
            verified.beat(("127.0.0.3", nobody), f"dead{number}", hostname=f"dead{number}.test")
            verified.beat(squid, f"live{number}", hostname=f"live{number}.test")
        for number in range(5):
            await verified.health(Health.PASSED, f"live{number}")
            dead = await verified.health(Health.FAILED, f"dead{number}")
            assert dead.verification.message.startswith("The cache firewall blocks")
    await until(lambda: len(seen(origin)) >= before + 20)
    times = [(one.at_s, one.host) for one in seen(origin)[before:]]
    assert len(times) == 20
    # squid has delays of its own, which may bring two requests together, but not all of them: without the rate they take 50 ms
    assert _lasted_s([at_s for at_s, _ in times]) >= 0.8 * all_last_s
    for address in ("127.0.0.1", "127.0.0.2"):
        own = [at_s for at_s, host in times if host.startswith(address)]
        assert len(own) == 10
        assert _lasted_s(own) >= 0.8 * each_lasts_s


def _lasted_s(times_s: list[float]) -> float:
    return max(times_s) - min(times_s)


@pytest.mark.row("S49")
async def test_a_repaired_cache_becomes_global_without_registering_anew(bench, origin):
    squid = bench.squid(denies=True)
    policy = policy_for(origin, retry_s=0.2, retry_max_s=1.0)
    async with verifying(policy) as verified:
        verified.beat(squid)
        denied = await verified.health(Health.FAILED)
        assert (denied.is_global, verified.told()) == (False, [])
        set_access(Path(squid.root), denies=False)
        squid.stop()
        squid.start()
        repaired = await verified.health(Health.PASSED)
        assert repaired.created_s == denied.created_s
        assert repaired.last_active_s == denied.last_active_s
        assert (repaired.verification.failures, verified.told()) == (0, ["one"])


@pytest.mark.row("S51")
async def test_nothing_on_loopback_is_asked_unless_it_is_allowed(origin, squid):
    before, asked_before = len(seen(origin)), len(fetched(squid))
    closed = policy_for(origin, allow_networks=(), allow_private=True)
    async with verifying(closed) as verified:
        verified.beat(squid)
        cache = await verified.health(Health.FAILED)
        assert cache.verification.message == (
            "Error during verification: this server does not connect to it: 127.0.0.1 is this machine itself"
        )
    narrow = policy_for(origin, ports=())
    async with verifying(narrow) as verified:
        verified.beat(squid)
        cache = await verified.health(Health.FAILED)
        assert f"port {squid.process.port} is not among those" in cache.verification.message
    assert seen(origin)[before:] == []
    assert len(fetched(squid)) == asked_before

"""What callers of a running server are told of caches that work, do not work yet, or may not be asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.shoal import BATAVIA
from tests.peers.bench import Bench
from tests.peers.caches import seen, set_access
from tests.peers.process import free_port
from tests.peers.server import PeerServer

pytestmark = pytest.mark.functional

OWN_ADDRESS = "127.0.0.1"
POLICY = """
[verification]
retry_s = 0.2
retry_max_s = 1.0
timeout_s = 10
{more}
squid_cvmfs = ["{origin}/cvmfs/atlas.cern.ch/.cvmfswhitelist"]
varnish_cvmfs = ["/cvmfs/atlas.cern.ch/.cvmfswhitelist"]
"""
HERE = f'allow_networks = ["{OWN_ADDRESS}/32"]'


@pytest.fixture(scope="module")
def servers() -> Iterator[Bench]:
    with Bench() as mine:
        yield mine


@pytest.fixture(scope="module")
def origin(servers: Bench) -> PeerServer:
    server = servers.stratum_one()
    server.write("cvmfs/atlas.cern.ch/.cvmfswhitelist", b"2026\nNatlas.cern.ch\n")
    return server


@pytest.mark.row("S43", "S46", "S49")
def test_a_squid_is_told_to_everybody_as_soon_as_it_lets_us_through(start_shoal, servers, origin):
    squid = servers.squid(denies=True)
    shoal = start_shoal(POLICY.format(more=HERE, origin=origin.url), verifies=True)
    shoal.beat("one", public_ip=OWN_ADDRESS, cache_port=squid.process.port)

    failed = 'shoalpy_caches{health="failed"}'
    shoal.until(lambda: shoal.metric(failed) == 1)
    (before,) = shoal.entries("/all")
    assert shoal.hosts("/nearest", source=BATAVIA) == []
    assert (before["verified"], before["global_access"]) == (False, False)
    assert "The cache is configured to prevent external access" in shoal.ask("/").text
    assert seen(origin) == []

    set_access(Path(squid.root), denies=False)
    squid.stop()
    squid.start()
    shoal.until(lambda: shoal.hosts("/nearest", source=BATAVIA) == ["one"])
    (after,) = shoal.entries("/all")
    assert (after["verified"], after["global_access"]) == (True, True)
    assert after["created"] == before["created"]
    assert after["last_active"] == before["last_active"]
    assert "All systems OK!" in shoal.ask("/").text
    shoal.until(lambda: len(seen(origin)) > 0)
    assert [one.path for one in seen(origin)] == ["/cvmfs/atlas.cern.ch/.cvmfswhitelist"]


@pytest.mark.row("S50")
def test_without_verification_everybody_is_told_of_every_cache_and_none_is_asked(
    start_shoal, origin
):
    asked = len(seen(origin))
    beat = {"cache_type": "varnish", "upstream": "cvmfs", "public_ip": OWN_ADDRESS}
    off = start_shoal(
        POLICY.format(more=f"{HERE}\nenabled = false", origin=origin.url), verifies=True
    )
    off.beat("good", cache_port=origin.process.port, **beat)
    off.beat("dead", cache_port=free_port(OWN_ADDRESS), **beat)
    assert sorted(off.hosts("/nearestcvmfs", source=BATAVIA)) == ["dead", "good"]
    assert len(seen(origin)) == asked

    on = start_shoal(POLICY.format(more=HERE, origin=origin.url), verifies=True)
    on.beat("good", cache_port=origin.process.port, **beat)
    on.beat("dead", cache_port=free_port(OWN_ADDRESS), **beat)
    on.until(lambda: on.metric('shoalpy_caches{health="pending"}') == 0)
    assert on.hosts("/nearestcvmfs", source=BATAVIA) == ["good"]
    on.until(lambda: len(seen(origin)) > asked)
    assert len(seen(origin)) == asked + 1


@pytest.mark.row("S47")
def test_a_varnish_is_told_to_those_who_want_what_it_is_good_for(start_shoal, servers, origin):
    varnish = servers.varnish(origin)
    shoal = start_shoal(POLICY.format(more=HERE, origin=origin.url), verifies=True)
    asked = len(seen(origin))
    for upstream in ("cvmfs", "frontier", "both"):
        shoal.beat(
            upstream,
            cache_type="varnish",
            upstream=upstream,
            public_ip=OWN_ADDRESS,
            cache_port=varnish.process.port,
        )
    shoal.until(lambda: shoal.metric('shoalpy_caches{health="pending"}') == 0)
    assert shoal.hosts("/nearestcvmfs", source=BATAVIA) == ["cvmfs"]
    assert shoal.hosts("/nearestconditions", source=BATAVIA) == []

    origin.write("atlr", b"frontier")
    shoal.until(lambda: len(shoal.hosts("/nearestconditions", source=BATAVIA)) == 2)
    assert sorted(shoal.hosts("/nearestcvmfs", source=BATAVIA)) == ["both", "cvmfs"]
    assert sorted(shoal.hosts("/nearestconditions", source=BATAVIA)) == ["both", "frontier"]
    assert {(one.path, one.frontier_id) for one in seen(origin)[asked:]} == {
        ("/cvmfs/atlas.cern.ch/.cvmfswhitelist", ""),
        ("/atlr", "shoal-server-verification"),
    }
    # varnish keeps this one header to itself; a reverse proxy that passes everything on shows it
    bare = {"cache_type": "varnish", "upstream": "frontier", "public_ip": OWN_ADDRESS}
    shoal.beat("bare", cache_port=origin.process.port, **bare)
    shoal.until(lambda: any(one.cache_control == "max-age=0" for one in seen(origin)[asked:]))


@pytest.mark.row("S51")
@pytest.mark.parametrize(
    ("more", "addresses"),
    [
        ("allow_private = true", [OWN_ADDRESS, "::1", "169.254.169.254", "fe80::1"]),
        ("", ["10.0.0.1", "fd12::1"]),
        (f'{HERE}\nports = ["80", "3128"]', [OWN_ADDRESS]),
    ],
    ids=["itself", "private", "port"],
)
def test_a_heartbeat_cannot_make_the_server_knock_where_it_must_not(
    start_shoal, origin, more, addresses
):
    asked = len(seen(origin))
    shoal = start_shoal(POLICY.format(more=more, origin=origin.url), verifies=True)
    for number, address in enumerate(addresses):
        answer = shoal.beat(
            f"c{number}",
            cache_type="varnish",
            upstream="cvmfs",
            public_ip=address,
            cache_port=origin.process.port,
        )
        assert answer.status == 200, answer.text
    shoal.until(lambda: shoal.metric('shoalpy_caches{health="failed"}') == len(addresses))
    assert shoal.ask("/").text.count("this server does not connect to it") >= len(addresses)
    assert shoal.hosts("/nearestcvmfs", source=BATAVIA) == []
    assert len(seen(origin)) == asked

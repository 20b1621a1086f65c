"""What gateways share through Valkey or memcached, and what becomes of it when the store does not do its part (rows D110, D114, D115, D117, K63)."""

import time
from collections import Counter

import pytest
import redis

from tests.functional.helpers.asking import until
from tests.functional.sharing import BOTH, MTIME_S, Site, run_schedule, sharing
from tests.peers import memcached
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.server import PeerServer
from ugrpy.testing import FileNode

pytestmark = pytest.mark.functional

TTL_S = 5.0
KINDS = ["redis", "memcached"]


@pytest.fixture(scope="module", params=KINDS)
def site(request, tmp_path_factory):
    """Two gateways of two workers each on one store, which the tests may kill and start again."""
    lives = {"ttl_s": TTL_S, "negative_ttl_s": TTL_S, "listing_ttl_s": TTL_S}
    with Bench() as bench:
        store = getattr(bench, request.param)()
        with sharing(tmp_path_factory.mktemp("shared"), [store], cache=lives) as running:
            yield running


@pytest.fixture(autouse=True)
def shared_by_then(request):
    """Each test finds the store believed."""
    if "site" in request.fixturenames:
        request.getfixturevalue("site").until_shared()


@pytest.mark.peer("redis", "memcached")
@pytest.mark.row("D110")
@pytest.mark.row("D114")
def test_gateways_share_and_go_on_without_the_store(site):
    (store,) = site.stores
    assert site.shares(0, 0), "the second worker"
    assert site.shares(0, 1), "the second gateway"
    assert site.shares(1, 0)
    store.process.kill()
    _goes_on(site)
    store.start()
    site.until_shared()
    store.pause()
    _goes_on(site)
    store.resume()
    site.until_shared()
    _fill_with_garbage(store)
    path = site.new_file()
    assert site.statuses(0, path) | site.statuses(1, path) == {302}
    _goes_on(site)
    site.until_shared()
    for gateway in site.gateways:
        assert "Traceback" not in gateway.log_text()


@pytest.mark.peer("redis", "memcached")
def test_nobody_tells_of_what_is_gone_whatever_befalls_the_store(site):
    run_schedule(site, seed=1, rounds=2)


def _goes_on(site: Site) -> None:
    """Reads and deletions are answered as without a store, and soon."""
    for gateway in (0, 1):
        path = site.new_file()
        began_s = time.monotonic()
        assert site.statuses(gateway, path) == {302}
        assert site.delete(gateway, path) == 204
        assert site.statuses(gateway, path) == {404}
        assert time.monotonic() - began_s < 15
        assert site.get(gateway, "/d/missing").status == 404


def _fill_with_garbage(store: PeerServer) -> None:
    garbage = [b"\x00garbage\xff" * number for number in range(7)]
    if store.name == "memcached":
        keys = memcached.keys_in(store)
        for number, key in enumerate(keys):
            memcached.put(store, key, garbage[number % 7])
        assert len(keys) > 5
    else:
        client = redis.Redis(store.process.address, store.process.port)
        for number, name in enumerate(client.scan_iter()):
            client.set(name, garbage[number % 7])
        assert client.dbsize() > 5


@pytest.mark.peer("redis")
@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_a_store_that_comes_back_with_an_old_dump_brings_nothing_back(site):
    (store,) = site.stores
    path = site.new_file()
    assert site.get(0, path).status == 302
    client = redis.Redis(store.process.address, store.process.port)
    until(lambda: any(b":n" in key for key in client.scan_iter()), "it is in the store")
    client.save()
    assert site.delete(0, path) == 204
    store.process.kill()
    store.start()
    assert client.dbsize(), "it has read its dump"
    site.until_shared()
    assert site.statuses(0, path) == {404}
    assert site.statuses(1, path) == {404}


@pytest.mark.peer("memcached")
@pytest.mark.row("D115")
def test_several_servers_share_the_keys_and_one_that_goes_takes_only_its_own(bench, tmp_path):
    stores = [bench.memcached() for _ in range(3)]
    with sharing(tmp_path, stores, workers=1) as site:
        until(lambda: all(site.shares() for _ in range(12)), "all three are believed")
        paths = [site.new_file() for _ in range(60)]
        for path in paths:
            assert site.get(0, path).status == 302
        held = Counter({store.url: len(_names_in(store)) for store in stores})
        assert all(share >= 10 for share in held.values()), held
        stores[0].process.kill()
        again = _asked_again(site, paths)
        assert 0 < again <= held[stores[0].url]
        new = [site.new_file() for _ in range(60)]
        for path in new:
            assert site.get(0, path).status == 302
        assert 0 < _asked_again(site, new) < 40, "the others share as before"
        stores[0].start()
        until(lambda: all(site.shares() for _ in range(12)), "all three are believed again")


def _names_in(store: PeerServer) -> list[str]:
    return [key for key in memcached.keys_in(store) if ":n" in key]


def _asked_again(site: Site, paths: list[str]) -> int:
    """About how many of these names the second gateway had to ask, which the first one had been told."""
    time.sleep(0.1)
    before = [site.asked(path) for path in paths]
    for path in paths:
        assert site.get(1, path).status == 302
    return sum(site.asked(path) > times for path, times in zip(paths, before, strict=True))


@pytest.mark.peer("memcached")
@pytest.mark.row("D117")
def test_two_federations_on_one_server_do_not_mix(bench, tmp_path):
    store = bench.memcached()
    (tmp_path / "other").mkdir()
    with (
        sharing(tmp_path, [store], gateways=1, namespace="one") as one,
        sharing(tmp_path / "other", [store], gateways=1, namespace="two") as two,
    ):
        until(lambda: one.shares(0, 0) and two.shares(0, 0), "the workers of each share")
        path = one.new_file()
        assert one.statuses(0, path) == {302}
        assert two.statuses(0, path) == {404}
        same = f"{path}-both"
        for site, size in ((one, 3), (two, 4)):
            site.element.tree.add_file(same, _file(size))
            assert _lengths(site, 0, same) == {str(size)}
        assert one.delete(0, same) == 204
        assert two.statuses(0, same) == {302}
        spaces = {key.partition(":")[0] for key in memcached.keys_in(store)}
        assert spaces == {"one", "two"}


def _file(size: int) -> FileNode:
    return FileNode(b"x" * size, MTIME_S)


@pytest.mark.peer("redis", "memcached")
@pytest.mark.row("K63")
def test_what_is_changed_behind_our_back_appears_within_the_cache_time(site):
    goes, comes, grows = site.new_file(), site.new_file(), site.new_file()
    site.element.tree.remove(comes)
    for gateway in (0, 1):
        assert site.statuses(gateway, goes) == {302}
        assert site.statuses(gateway, comes) == {404}
        assert _lengths(site, gateway, grows) == {"10"}
    site.element.tree.remove(goes)
    site.element.tree.add_file(comes, _file(10))
    site.element.tree.add_file(grows, _file(11))
    time.sleep(TTL_S)
    for gateway in (0, 1):
        assert site.statuses(gateway, goes) == {404}
        assert site.statuses(gateway, comes) == {302}
        assert _lengths(site, gateway, grows) == {"11"}


def _lengths(site: Site, gateway: int, path: str) -> set[str]:
    url = site.gateways[gateway].url + path
    return {ask("HEAD", url).headers["content-length"] for _ in range(BOTH)}

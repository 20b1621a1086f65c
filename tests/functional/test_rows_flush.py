"""An operator looks into what all workers remember, and has them forget it (row D118); changes at a storage appear within the cache time (row K63)."""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import until
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.test_cli import ugrpy
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer

pytestmark = pytest.mark.functional

WORKERS = 2
TTL_S = 2.0
TRIES = 12  # fresh connections, so that both workers are met


@pytest.fixture(scope="module")
def storage() -> Iterator[PeerServer]:
    with Bench() as bench:
        yield bench.nginx_dav()


def started(storage: PeerServer, folder: Any, **cache: object) -> Iterator[Gateway]:
    text = configuration(
        {"one": {"url": storage.url, **QUIET}}, service={"workers": WORKERS}, cache=cache
    )
    with GatewayStarter(folder) as start:
        gateway = start(config=text)
        until(lambda: gateway.log_text().count("event=listening") >= WORKERS + 1, "all listen")
        yield gateway


@pytest.fixture(scope="module")
def lasting(storage, tmp_path_factory):
    """It remembers everything for longer than the tests last, and takes no changes."""
    yield from started(
        storage,
        tmp_path_factory.mktemp("lasting"),
        ttl_s=600,
        negative_ttl_s=600,
        listing_ttl_s=600,
    )


def sizes(gateway: Gateway, path: str) -> set[str]:
    """What both workers say of it."""
    answers = [ask("HEAD", gateway.url + path) for _ in range(TRIES)]
    return {
        one.headers["content-length"] if one.status == 200 else str(one.status) for one in answers
    }


def looked(gateway: Gateway, query: str = "") -> dict[str, Any]:
    return dict(json.loads(ask("GET", f"{gateway.admin_url}/v1/cache{query}").body))


def remembered_by_all(gateway: Gateway, path: str) -> None:
    """Ask until all workers remember it."""

    def all_do() -> bool:
        sizes(gateway, path)
        return all(one["name"] for one in looked(gateway, f"?path={path}")["workers"])

    until(all_do, f"{path} is remembered by all")


def flush(gateway: Gateway, query: str) -> None:
    answer = ask("DELETE", f"{gateway.admin_url}/v1/cache?{query}")
    assert answer.status == 200, answer


@pytest.mark.row("D118")
@pytest.mark.peer("nginx")
@pytest.mark.parametrize(
    ("how", "still"),
    [("path=/d/f", {"/d/g", "/other"}), ("prefix=/d", {"/other"}), ("all", set())],
)
def test_what_is_flushed_is_asked_for_anew_by_every_worker_and_the_rest_is_not(
    lasting, storage, how, still
):
    paths = ("/d/f", "/d/g", "/other")
    flush(lasting, "all")
    for path in paths:
        storage.write(path.lstrip("/"), b"12345")
        remembered_by_all(lasting, path)
    for path in paths:
        storage.write(path.lstrip("/"), b"1234567890")
        assert sizes(lasting, path) == {"5"}, "remembered"
    flush(lasting, how)
    for path in paths:
        assert sizes(lasting, path) == ({"5"} if path in still else {"10"}), path


@pytest.mark.row("D118")
@pytest.mark.peer("nginx")
def test_misses_and_listings_are_flushed_as_well(lasting, storage):
    storage.write("e/old", b"x")
    flush(lasting, "all")
    assert sizes(lasting, "/e/new") == {"404"}
    for _ in range(TRIES):
        assert names_in(lasting.url + "/e/") == ["old"]
    storage.write("e/new", b"12345")
    flush(lasting, "path=/e/new")
    assert sizes(lasting, "/e/new") == {"5"}
    for _ in range(TRIES):
        assert names_in(lasting.url + "/e/") == ["new", "old"]


@pytest.mark.peer("nginx")
def test_an_operator_sees_what_each_worker_remembers(lasting, storage):
    storage.write("s/f", b"12345")
    remembered_by_all(lasting, "/s/f")
    workers = looked(lasting, "?path=/s/f")["workers"]
    assert len({one["worker"] for one in workers}) == WORKERS
    for one in workers:
        assert one["name"]["merged"]["size_bytes"] == 5
        assert one["name"]["said"] == {"one": "found"}
        assert one["name"]["fresh_for_s"] > 0
        assert one["seen_at"] == ["one"]
    altogether = looked(lasting)["workers"]
    assert all(one["names"] >= 1 and one["names_bytes"] > 0 for one in altogether)


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("DELETE", "", 400),
        ("DELETE", "?path=/a&all", 400),
        ("DELETE", "?path=/../a", 400),
        ("GET", "?prefix=/a", 400),
        ("POST", "?all", 405),
    ],
)
def test_what_is_not_understood_flushes_nothing(lasting, method, query, status):
    assert ask(method, f"{lasting.admin_url}/v1/cache{query}").status == status


@pytest.mark.row("D118")
@pytest.mark.peer("nginx")
def test_the_command_line_shows_and_flushes(lasting, storage):
    admin = f"--admin={lasting.admin_url.removeprefix('http://')}"
    storage.write("c/f", b"12345")
    remembered_by_all(lasting, "/c/f")
    shown = ugrpy("cache", "show", "/c/f", admin)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("size_bytes: 5") == WORKERS
    storage.write("c/f", b"1234567890")
    for arguments in (("/c/f",), ("/c", "--below"), ("--all",)):
        done = ugrpy("cache", "flush", *arguments, admin)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("forgotten: ")
        assert not any(one["name"] for one in looked(lasting, "?path=/c/f")["workers"])
        assert sizes(lasting, "/c/f") == {"10"}
    totals = json.loads(ugrpy("cache", "show", "--json", admin).stdout)
    assert len(totals["workers"]) == WORKERS
    assert ugrpy("cache", "flush", admin).returncode == 2
    assert ugrpy("cache", "flush", "/c", "--all", admin).returncode == 2


@pytest.mark.row("K63")
@pytest.mark.peer("nginx")
def test_changes_at_a_storage_appear_within_the_cache_time(storage, tmp_path):
    """A file replaced, one removed and one added; seen by GET, HEAD and listing, no later than the lives that are set."""
    for name in ("k/changed", "k/removed"):
        storage.write(name, b"12345")
    lives = dict.fromkeys(("ttl_s", "negative_ttl_s", "listing_ttl_s"), TTL_S)
    for gateway in started(storage, tmp_path, **lives):
        # in use all the time, which must not prolong anything
        assert sizes(gateway, "/k/changed") == sizes(gateway, "/k/removed") == {"5"}
        assert sizes(gateway, "/k/added") == {"404"}
        assert names_in(gateway.url + "/k/") == ["changed", "removed"]
        storage.write("k/changed", b"1234567890")
        storage.write("k/added", b"1")
        os.unlink(storage.root / "k/removed")
        changed_s = time.monotonic()
        while time.monotonic() < changed_s + TTL_S:
            for path in ("/k/changed", "/k/removed", "/k/added"):
                ask("HEAD", gateway.url + path)
            ask("PROPFIND", gateway.url + "/k/", headers={"Depth": "1"})
        assert sizes(gateway, "/k/changed") == {"10"}
        assert sizes(gateway, "/k/removed") == {"404"}
        assert ask("GET", gateway.url + "/k/removed").status == 404
        assert sizes(gateway, "/k/added") == {"1"}
        for _ in range(TRIES):
            assert names_in(gateway.url + "/k/") == ["added", "changed"]

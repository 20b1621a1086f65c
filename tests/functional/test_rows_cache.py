"""What is remembered, for how long, and what absent endpoints do to answers (rows D33, D38, D109, D111, D113, D116, K61)."""

import re
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.functional.helpers.answers import duplicates, names_in, parse_metalink3, propfind
from tests.functional.helpers.asking import (
    Wire,
    ask_from,
    health_of,
    request,
    until,
    wait_for_service,
)
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import HANGING, WELL, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults

pytestmark = pytest.mark.functional

SLACK = 5.0
PATIENT_S = 60.0  # longer than a test lasts: what is answered sooner was answered without the silent endpoint
NEGATIVE_TTL_S = 1.0
FEW = 50

SLOW = tuple(f"slow{number}" for number in range(4))
NEAR_THE_SLOW = "127.0.9.1"  # a client of the network that prefers them
FILES = tuple(f"/f/{number:04}" for number in range(500))


@pytest.fixture(scope="module")
def storage():
    trees = {
        "one": tree_of(*FILES, "/few/a", "/few/b"),
        "gone": tree_of(*FILES[:50], "/only/gone"),
        "stays": tree_of(*FILES[:50], "/only/stays"),
        "quick": tree_of(*FILES[:50]),
        **{name: tree_of(*FILES[:50]) for name in SLOW},
    }
    with elements(trees) as running:
        yield running


@pytest.fixture(autouse=True)
def healthy(storage):
    """Each test finds the storage elements well and their counts at zero."""
    for element in storage.values():
        element.faults = WELL
        element.faults_at.clear()
        element.counts.clear()


@pytest.fixture(scope="module")
def servers():
    """Real servers: one is stopped and one paused by a test."""
    with Bench() as bench:
        running = {name: bench.nginx_dav() for name in ("alive", "dead", "hanging")}
        for server in running.values():
            for number in range(10):
                server.write(f"d/{number}", b"0123456789")
        running["dead"].write("d/dead", b"1")
        yield running


@pytest.fixture(scope="module")
def small(storage, tmp_path_factory):
    """One endpoint that nobody probes, and a memory with room for few names."""
    text = configuration(
        {"one": {"url": storage["one"].base_url, **QUIET}},
        cache={"max_items": FEW, "negative_ttl_s": NEGATIVE_TTL_S},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("small")) as start:
        yield start(config=text)


@pytest.fixture(scope="module")
def gateway(storage, servers, tmp_path_factory):
    """A memory that lasts and a deadline nobody waits for, over three federations in one.

    ``/pair``: two endpoints, the first preferred by everybody. ``/many``: a quick one and slow ones, which clients of one
    network stand nearer to. ``/real``: three servers.
    """
    slow = {"first_byte_timeout_s": PATIENT_S, **QUIET}
    own: dict[str, Any] = {f"endpoints.{name}.health": NEVER_EJECT for name in SLOW}
    text = configuration(
        {
            "gone": {"url": storage["gone"].base_url, "mounts": ["/pair = /"]},
            "stays": {"url": storage["stays"].base_url, "mounts": ["/pair = /"]},
            "quick": {"url": storage["quick"].base_url, "mounts": ["/many = /"]},
            **{n: {"url": storage[n].base_url, "mounts": ["/many = /"], **slow} for n in SLOW},
            **{n: {"url": one.url, "mounts": ["/real = /"]} for n, one in servers.items()},
        },
        federation={"deadline_s": PATIENT_S},
        cache={"negative_ttl_s": PATIENT_S, "incomplete_ttl_s": PATIENT_S},
        health={"probe_interval_s": 0.2, "return_after": 1},
        arrays=[
            ("locality.rules", {"networks": [f"{NEAR_THE_SLOW}/32"], "prefer": [*SLOW]}),
            ("locality.rules", {"networks": ["127.0.0.0/8"], "prefer": ["gone"]}),
        ],
        **own,
        **{"endpoints.hanging.health": {"max_latency_s": 0.5}},
    )
    with GatewayStarter(tmp_path_factory.mktemp("three")) as start:
        yield start(config=text)


# -- hits, misses, ages ---------------------------------------------------------------------------


@pytest.mark.row("D109")
def test_a_second_request_within_the_ttl_asks_no_endpoint(small, storage):
    path, element = FILES[0], storage["one"]
    first = ask("GET", small.url + path)
    assert (first.status, asks(element)) == (302, {("PROPFIND", path): 1})
    for _ in range(3):
        again = ask("GET", small.url + path)
        assert (again.status, again.headers["location"]) == (302, first.headers["location"])
        assert again.headers["cache-status"].startswith("ugrpy; hit;")
        assert ask("HEAD", small.url + path).status == 200
        assert propfind(small.url + path, "0").status == 207
        assert ask("GET", f"{small.url}{path}?metalink").status == 200
    assert asks(element) == {("PROPFIND", path): 1}


@pytest.mark.row("D109")
def test_a_second_listing_within_the_ttl_asks_no_endpoint(small, storage):
    first = propfind(f"{small.url}/few/")
    asked = asks(storage["one"])
    assert asked["PROPFIND", "/few"] >= 1
    again = propfind(f"{small.url}/few/")
    assert (again.status, again.body) == (207, first.body)
    assert ask("GET", f"{small.url}/few/").status == 200
    assert asks(storage["one"]) == asked


@pytest.mark.row("D111")
def test_a_404_is_checked_again_after_the_negative_ttl_and_not_before(small, storage):
    element = storage["one"]
    path, asked_at = remembered_miss(small, element)
    element.tree.add_file(path, b"new")
    while (status := ask("GET", small.url + path).status) == 404:
        assert time.monotonic() - asked_at < SLACK * NEGATIVE_TTL_S
    assert status == 302
    assert time.monotonic() - asked_at >= NEGATIVE_TTL_S
    assert asks(element)["PROPFIND", path] == 2, (
        "once for the miss, and once when its time was over"
    )


def remembered_miss(gateway, element) -> tuple[str, float]:
    """A name just missed, and when it was asked for; on a slow machine the first attempts may take too long."""
    for attempt in range(10):
        path = f"/f/missing-{attempt}"
        asked_at = time.monotonic()
        statuses = [ask(method, gateway.url + path).status for method in ("GET", "HEAD", "GET")]
        assert statuses == [404, 404, 404]
        if time.monotonic() - asked_at < NEGATIVE_TTL_S:
            assert asks(element)["PROPFIND", path] == 1
            return path, asked_at
    raise AssertionError("three requests never took less than the negative TTL")


@pytest.mark.row("D113")
def test_there_are_never_more_items_than_the_limit(small):
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(small)) for _ in range(4)]
        for start in range(0, len(FILES), 100):
            found = FILES[start : start + 100]
            missing = [f"{path}-missing" for path in found]
            for wire, paths in zip(
                wires, (found[:50], found[50:], missing[:50], missing[50:]), strict=True
            ):
                wire.send(b"".join(request("GET", path) for path in paths))
            assert held(small, "entry") <= FEW, "in the middle of it"
            for wire, status in zip(wires, (302, 302, 404, 404), strict=True):
                assert {wire.receive().status for _ in range(50)} == {status}
            assert held(small, "entry") == FEW
    for path, listings in (("/", 1), ("/few/", 1), ("/f/", 1)):
        assert names_in(small.url + path)
        assert held(small, "listing") == listings, (
            "all of them together hold no more names than that"
        )
    assert held(small, "entry") <= FEW


def held(gateway, cache: str) -> int:
    """How many items ``/metrics`` says there are."""
    text = ask("GET", f"{gateway.url}/metrics").text
    found = re.search(rf'^ugrpy_cache_items{{cache="{cache}"}} ([0-9.]+)$', text, re.MULTILINE)
    assert found is not None, text
    return int(float(found[1]))


@pytest.mark.row("D113")
def test_the_least_recently_used_item_goes(small, storage):
    element = storage["one"]
    kept, *others = FILES[:FEW]
    new = FILES[FEW]
    for path in (kept, *others):
        assert ask("GET", small.url + path).status == 302
    element.counts.clear()
    for path in (*others[2:], kept):
        assert ask("GET", small.url + path).headers["cache-status"].startswith("ugrpy; hit;")
    assert ask("GET", small.url + new).status == 302
    for path in (kept, *others[1:], new):
        assert ask("GET", small.url + path).headers["cache-status"].startswith("ugrpy; hit;")
    assert asks(element) == {("PROPFIND", new): 1}
    assert not ask("GET", small.url + others[0]).headers["cache-status"].startswith("ugrpy; hit;")
    assert asks(element) == {("PROPFIND", new): 1, ("PROPFIND", others[0]): 1}


# -- an endpoint that has gone --------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.row("D33")
def test_a_cached_replica_on_an_endpoint_out_of_service_is_not_offered(gateway, storage):
    paths = [f"/pair{path}" for path in FILES[:3]]
    gone, stays = storage["gone"], storage["stays"]
    wait_for_service(gateway, "gone", serving=True)
    for path in paths:
        assert len(parse_metalink3(ask("GET", f"{gateway.url}{path}?metalink").body).urls) == 2
        before = ask("GET", gateway.url + path)
        assert before.headers["location"] == at(gone, path)
        assert duplicates(before) == [at(gone, path), at(stays, path)]
    assert ask("GET", f"{gateway.url}/pair/only/gone").status == 302
    stays.counts.clear()

    gone.from_thread(gone.refuse())
    wait_for_service(gateway, "gone", serving=False)
    for path in paths:
        after = ask("GET", gateway.url + path)
        assert (after.status, after.headers["location"]) == (302, at(stays, path))
        assert after.headers["cache-status"].startswith("ugrpy; hit;")
        assert duplicates(after) == []
        assert gone.base_url not in str(dict(after.headers))
        for query in ("metalink", "metalink=4"):
            metalink = ask("GET", f"{gateway.url}{path}?{query}")
            assert metalink.status == 200
            assert stays.base_url.encode() in metalink.body
            assert gone.base_url.encode() not in metalink.body
        assert gone.base_url not in str(dict(ask("HEAD", gateway.url + path).headers))
    # of the name that only one holds, the other may have been asked after the answer
    assert set(asks(stays)) <= {("PROPFIND", "/only/gone")}, "all of it from the cache"
    only = ask("GET", f"{gateway.url}/pair/only/gone")
    assert only.status == 503
    assert "location" not in only.headers
    assert ask("GET", f"{gateway.url}/pair/only/gone?metalink").status == 503

    gone.from_thread(gone.accept())
    wait_for_service(gateway, "gone", serving=True)
    assert ask("GET", gateway.url + paths[0]).headers["location"] == at(gone, paths[0])
    assert ask("GET", f"{gateway.url}/pair/only/gone").status == 302


def at(element, path: str) -> str:
    """Where the storage element has what clients know by this path."""
    return str(element.base_url) + path.removeprefix("/pair")


@pytest.mark.fault
@pytest.mark.row("D116")
def test_an_empty_replica_list_is_not_sticky(gateway, storage):
    """What was learned while an endpoint was out is asked anew with its return, however often it was asked for."""
    gone, stays = storage["gone"], storage["stays"]
    gone.tree.add_file("/late/only", b"1")
    for element in (gone, stays):
        element.tree.add_file("/late/both", b"22")
    gone.from_thread(gone.refuse())
    wait_for_service(gateway, "gone", serving=False)
    for _ in range(5):
        for method in ("GET", "HEAD"):
            assert ask(method, f"{gateway.url}/pair/late/only").status == 404
        assert ask("GET", f"{gateway.url}/pair/late/only?metalink").status == 404
        assert (
            ask("GET", f"{gateway.url}/pair/late/both")
            .headers["location"]
            .startswith(stays.base_url)
        )
    for path in ("/late/only", "/late/both"):
        assert asks(stays)["PROPFIND", path] == 1

    gone.from_thread(gone.accept())
    wait_for_service(gateway, "gone", serving=True)
    found = ask("GET", f"{gateway.url}/pair/late/only")
    assert (found.status, found.headers["location"]) == (302, f"{gone.base_url}/late/only")
    both = parse_metalink3(ask("GET", f"{gateway.url}/pair/late/both?metalink").body)
    assert set(both.urls) == {f"{element.base_url}/late/both" for element in (gone, stays)}


# -- endpoints that are slow, dead or hang --------------------------------------------------------


@pytest.mark.fault
@pytest.mark.row("D38")
@pytest.mark.parametrize("faults", [Faults(delay_s=PATIENT_S), HANGING], ids=["slow", "hanging"])
def test_slow_endpoints_do_not_delay_a_redirect(gateway, storage, faults):
    for name in SLOW:
        storage[name].faults = faults
    first = 10 * faults.hang
    for path in FILES[first : first + 5]:
        started = time.monotonic()
        answer = ask("GET", f"{gateway.url}/many{path}")
        assert (answer.status, answer.headers["location"]) == (
            302,
            storage["quick"].base_url + path,
        )
        assert time.monotonic() - started < PATIENT_S / SLACK / SLACK
        wait_until_asked(storage, path)


def wait_until_asked(storage, path: str) -> None:
    """Each of the slow was asked, even if the answer left before they had read the question."""
    until(lambda: all(("PROPFIND", path) in asks(storage[name]) for name in SLOW), "all were asked")


@pytest.mark.fault
@pytest.mark.row("D38")
def test_nor_do_those_that_are_nearer_by(gateway, storage):
    """They are worth a moment's wait, and after a few times not even that."""
    for name in SLOW:
        storage[name].faults = HANGING
    for path in FILES[20:26]:
        started = time.monotonic()
        answer = ask_from(NEAR_THE_SLOW, "GET", f"{gateway.url}/many{path}")
        assert answer.headers["location"] == storage["quick"].base_url + path
        assert time.monotonic() - started < PATIENT_S / SLACK / SLACK
    for name in SLOW:
        seen = health_of(gateway, name)
        assert (seen["sluggish"], seen["in_service"]) == (True, True)
        storage[name].faults = WELL


@pytest.mark.fault
@pytest.mark.row("K61")
def test_dead_and_hanging_storages_delay_nobody(gateway, servers):
    for name in ("dead", "hanging"):
        wait_for_service(gateway, name, serving=True)
    servers["dead"].stop()
    servers["hanging"].pause()
    # nobody may have noticed yet, and the first who asks is not the one to wait
    for number, (method, status) in enumerate((("GET", 302), ("HEAD", 200), ("PROPFIND", 207))):
        assert in_time(gateway, method, f"/real/d/{number}", Depth="0") == status
    for name in ("dead", "hanging"):
        wait_for_service(gateway, name, serving=False)
    for method, target, status in (
        ("GET", "/real/d/5", 302),
        ("GET", "/real/d/6?metalink", 200),
        ("HEAD", "/real/d/7", 200),
        ("GET", "/real/d/missing", 404),
        ("HEAD", "/real/d/missing-too", 404),
        ("GET", "/real/d/dead", 404),
        ("PROPFIND", "/real/d/8", 207),
        ("PROPFIND", "/real/d/", 207),
        ("GET", "/real/d/", 200),
    ):
        assert in_time(gateway, method, target, Depth="1") == status, (method, target)
    assert names_in(f"{gateway.url}/real/d/") == [str(number) for number in range(10)]


def in_time(gateway, method: str, target: str, **headers: str) -> int:
    """The status, if it came long before the deadline."""
    started = time.monotonic()
    answer = ask(method, gateway.url + target, headers=headers)
    assert time.monotonic() - started < PATIENT_S / SLACK / SLACK, (method, target)
    return answer.status

"""A gateway that was killed and finds nobody when it starts, or loses everybody: it answers from what was known last (row M16)."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.functional.helpers.answers import names_in, propfind
from tests.functional.helpers.asking import metric, until, wait_for_service
from tests.functional.helpers.settings import Table, configuration
from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway

pytestmark = pytest.mark.functional

PATIENT_S = 60.0  # longer than a test lasts: what is answered sooner waited for nobody
AT_ONCE_S = 10.0
NEVER_EJECT: Table = {"eject_after": 0}
SIZE = 10


@pytest.fixture
def place(bench, start_gateway, tmp_path):
    return Place(bench, start_gateway, tmp_path / "state")


class Place:
    """Two real servers, and a gateway whose state is written down."""

    def __init__(self, bench, start_gateway, state: Path) -> None:
        self.servers = [bench.nginx_dav() for _ in range(2)]
        for server in self.servers:
            server.write("d/both", b"x" * SIZE)
        self.servers[0].write("d/first", b"x" * SIZE)
        self._start = start_gateway
        self._state = state

    def gateway(self, health: Table, workers: int = 1) -> Gateway:
        text = configuration(
            {f"s{n}": {"url": server.url, "probe": False} for n, server in enumerate(self.servers)},
            service={"workers": workers},
            federation={"deadline_s": PATIENT_S},
            cache={"ttl_s": 1.0, "listing_ttl_s": 1.0, "stale_after_s": 0.2},
            changes={"state_dir": str(self._state)},
            health=health,
        )
        gateway: Gateway = self._start(config=text)
        return gateway

    def fill(self, gateway: Gateway) -> None:
        """Ask for everything, and wait until it is on the disk."""
        for path in ("/d/both", "/d/first"):
            assert ask("GET", gateway.url + path).status == 302
        assert names_in(gateway.url + "/d/") == ["both", "first"]
        until(lambda: self._rows("names") >= 2 and self._rows("listings") == 1, "written down")

    def _rows(self, table: str) -> int:
        with closing(sqlite3.connect(self._state / "last-known.sqlite")) as database:
            (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


def is_stale(answer: Answer) -> bool:
    """Whether the client is told that it is old, and how old."""
    said = answer.headers.get("cache-status", "")
    return "last-known" in said and "ttl=-" in said and int(answer.headers["age"]) >= 0


def stale_answers(gateway: Gateway) -> None:
    """All that can be answered at once, is, and says that it is stale and who is missing."""
    before_s = time.monotonic()
    head = ask("HEAD", gateway.url + "/d/both")
    assert (head.status, head.headers["content-length"]) == (200, str(SIZE))
    assert "etag" not in head.headers, "a late answer could change it"
    listing = propfind(gateway.url + "/d/")
    assert listing.status == 207
    for answer in (head, listing, propfind(gateway.url + "/d/first", "0")):
        assert is_stale(answer), answer.headers
        assert answer.headers["proxy-status"].count("destination_unavailable") == 2
    assert names_in(gateway.url + "/d/") == ["both", "first"]
    assert time.monotonic() - before_s < AT_ONCE_S


def fresh_again(gateway: Gateway) -> None:
    def is_fresh() -> bool:
        answer = ask("HEAD", gateway.url + "/d/both")
        return answer.status == 200 and "last-known" not in answer.headers["cache-status"]

    until(is_fresh, "answers of the endpoints themselves")
    assert not is_stale(propfind(gateway.url + "/d/"))


@pytest.mark.row("M16")
@pytest.mark.peer("nginx")
def test_a_killed_gateway_that_finds_all_hanging_answers_at_once(place):
    gateway = place.gateway(NEVER_EJECT)
    place.fill(gateway)
    gateway.process.kill()
    for server in place.servers:
        server.pause()
    gateway.start()
    stale_answers(gateway)
    # nobody knows that they are dead
    answer = ask("GET", gateway.url + "/d/first")
    assert (answer.status, answer.headers["location"]) == (302, place.servers[0].url + "/d/first")
    assert is_stale(answer)
    assert metric(gateway, 'ugrpy_cache_last_known_total{cache="entry"}') >= 3
    for server in place.servers:
        server.resume()
    fresh_again(gateway)


@pytest.mark.row("M16")
@pytest.mark.peer("nginx")
def test_a_gateway_that_loses_everybody_sends_nobody_to_the_dead(place):
    gateway = place.gateway({"eject_after": 1, "probe_interval_s": 3600.0})
    place.fill(gateway)
    for server in place.servers:
        server.stop()
    gateway.process.kill()
    gateway.start()
    ask("HEAD", gateway.url + "/d/none")
    for name in ("s0", "s1"):
        wait_for_service(gateway, name, serving=False)
    stale_answers(gateway)
    refused = ask("GET", gateway.url + "/d/both")
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) > 0
    # of what nobody ever held nothing is made up
    assert ask("HEAD", gateway.url + "/d/none").status == 404


@pytest.mark.peer("nginx")
def test_a_broken_file_costs_the_state_alone(place, tmp_path):
    gateway = place.gateway(NEVER_EJECT, workers=2)
    place.fill(gateway)
    gateway.stop()
    for file in (tmp_path / "state").glob("last-known.sqlite*"):
        file.write_bytes(b"broken" * 1000)
    gateway.start()
    assert ask("HEAD", gateway.url + "/d/both").status == 200
    place.fill(gateway)

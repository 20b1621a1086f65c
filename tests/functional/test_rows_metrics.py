"""What operators read: the metrics page and the access log (row D153)."""

import re
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.helpers.answers import propfind
from tests.functional.helpers.asking import Wire, request, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter

pytestmark = pytest.mark.functional

_FIELD = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S+))')


@pytest.fixture(scope="module")
def storage():
    with elements({"one": tree_of("/d/f", "/d/g"), "two": tree_of("/d/f")}) as running:
        yield running


@pytest.fixture
def log(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def gateway(storage, log, tmp_path):
    text = configuration(
        {name: {"url": element.base_url, **QUIET} for name, element in storage.items()},
        service={"access_log": str(log)},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path) as start:
        yield start(config=text)


def metrics_of(gateway: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples by name and labels."""
    answer = ask("GET", f"{gateway.url}/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def sample(gateway: Gateway, name: str, **labels: str) -> float:
    """One number; 0 when it has never been counted."""
    return metrics_of(gateway).get((name, frozenset(labels.items())), 0.0)


def lines_of(log, count: int) -> list[dict[str, str]]:
    """The lines of the access log as fields, ``/readyz`` and its like left out, once there are ``count``."""
    until(
        lambda: log.exists() and len(log.read_text().splitlines()) >= count, "the lines are written"
    )
    lines = log.read_text().splitlines()
    assert len(lines) == count, lines
    return [{name: quoted or bare for name, quoted, bare in _FIELD.findall(line)} for line in lines]


@pytest.mark.row("D153")
def test_the_metrics_page_tells_of_cache_hits(gateway):
    url = f"{gateway.url}/d/f"
    assert (
        ask("GET", f"{url}?metalink").status == 200
    )  # all have spoken: from here on it is remembered
    before = metrics_of(gateway)
    for _ in range(5):
        assert ask("GET", url).status == 302
    for _ in range(3):
        assert ask("HEAD", url).status == 200
    for path in ("/d/none", "/d/nothing"):
        assert ask("GET", gateway.url + path).status == 404
    for _ in range(2):
        assert propfind(f"{gateway.url}/d").status == 207
    after = metrics_of(gateway)

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0.0) - before.get(key, 0.0)

    lookups = "ugrpy_cache_lookups_total"
    assert grown(lookups, cache="entry", outcome="hit") == 8
    assert grown(lookups, cache="listing", outcome="hit") == 1
    assert grown(lookups, cache="listing", outcome="miss") == 1
    assert grown(lookups, cache="entry", outcome="miss") >= 2
    assert grown("ugrpy_requests_total", method="GET", status="302") == 5
    assert grown("ugrpy_requests_total", method="HEAD", status="200") == 3
    assert grown("ugrpy_requests_total", method="GET", status="404") == 2
    assert grown("ugrpy_requests_total", method="PROPFIND", status="207") == 2
    assert grown("ugrpy_request_seconds_count") == 12
    redirects = [grown("ugrpy_redirects_total", endpoint=name) for name in ("one", "two")]
    assert sum(redirects) == 5
    for name in ("one", "two"):
        asked = "ugrpy_endpoint_asks_total"
        assert grown(asked, endpoint=name, verb="stat", outcome="absent") == 2
        assert grown(asked, endpoint=name, verb="list", outcome="found") == 1
        assert after["ugrpy_endpoint_in_service", frozenset({("endpoint", name)})] == 1
    assert after["ugrpy_inflight_requests", frozenset()] == 0


@pytest.mark.row("D153")
def test_the_access_log_tells_who_got_what_from_where(gateway, storage, log):
    started = datetime.now(UTC)
    agent = {"User-Agent": 'davix/0.8 "test"'}
    assert ask("GET", f"{gateway.url}/d/g?x=1", headers=agent).status == 302
    until(lambda: ask("GET", f"{gateway.url}/d/g?metalink").status == 200, "all have spoken")
    assert ask("GET", f"{gateway.url}/d/g").status == 302
    assert ask("HEAD", f"{gateway.url}/d/g").status == 200
    missing = ask("GET", f"{gateway.url}/a%20b")
    listing = propfind(f"{gateway.url}/d")
    lines = lines_of(log, 6)

    cold, metalink, warm, head, absent, listed = lines
    for line in lines:
        assert line["client"] == "127.0.0.1"
        assert float(line["ms"]) >= 0
        when = datetime.fromisoformat(line["time"])
        assert abs((when - started).total_seconds()) < 60
    assert len({line["id"] for line in lines}) == 6
    assert (cold["method"], cold["path"], cold["status"]) == ("GET", "/d/g?x=1", "302")
    assert (cold["cache"], cold["endpoint"], cold["bytes"]) == ("miss", "one", "0")
    assert cold["agent"] == 'davix/0.8 \\"test\\"'
    assert (metalink["status"], "endpoint" in metalink) == ("200", False)
    assert (warm["cache"], warm["endpoint"], warm["status"]) == ("hit", "one", "302")
    assert (head["method"], head["status"], head["bytes"]) == ("HEAD", "200", "0")
    assert (absent["path"], absent["status"]) == ("/a%20b", "404")
    assert absent["bytes"] == str(len(missing.body))
    assert (listed["method"], listed["status"]) == ("PROPFIND", "207")
    assert listed["bytes"] == str(len(listing.body))


@pytest.mark.row("D153")
def test_the_metrics_add_up_over_workers(storage, start_gateway):
    gateway = start_gateway(
        {name: element.base_url for name, element in storage.items()}, arguments=["--workers=2"]
    )
    url = f"{gateway.url}/d/f"
    for _ in range(40):
        assert ask("GET", url).status == 302
    # whichever worker is asked has the others' numbers within a second or two
    until(
        lambda: sample(gateway, "ugrpy_requests_total", method="GET", status="302") == 40,
        "all redirects are counted",
    )
    looked_up = [
        sample(gateway, "ugrpy_cache_lookups_total", cache="entry", outcome=outcome)
        for outcome in ("hit", "stale", "miss")
    ]
    assert looked_up[0] >= 30
    assert sum(looked_up) >= 40


def test_a_client_cannot_write_lines_of_its_own(gateway, log):
    with Wire(gateway) as wire:
        wire.send(request("GET", "/d/%0atime=0%20id=forged", "User-Agent: x\ttime=0"))
        assert wire.receive().status == 400
    (line,) = lines_of(log, 1)
    assert line["path"] == "/d/%0atime=0%20id=forged"
    assert line["id"] != "forged"
    assert line["agent"] == "x\\x09time=0"

"""Operators take endpoints out of use and back while the gateway runs: at once in all workers, and for longer than the process lives (row D127)."""

import json
from collections import Counter
from urllib.parse import urlencode

import pytest

from tests.functional.helpers.asking import health_of, until
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.test_cli import ugrpy
from tests.peers.ask import Answer, ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional]

TRIES = 16  # fresh connections, so that both workers are met

HERE, THERE = "near", "far"


@pytest.fixture(scope="module")
def storages():
    with Bench() as bench:
        running = {name: bench.nginx_dav() for name in (HERE, THERE)}
        for server in running.values():
            server.write("both", b"0123456789")
        running[HERE].write("one", b"0123456789")
        yield running


@pytest.fixture(scope="module")
def gateway(storages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders")
    text = configuration(
        {
            name: {"url": server.url, "writable": True, "location": place, **QUIET}
            for (name, server), place in zip(
                storages.items(), ([48.5, -123.4], [46.2, 6.1]), strict=True
            )
        },
        arrays=[("locality.networks", {"networks": ["127.0.0.0/8"], "position": [48.5, -123.4]})],
        service={"workers": 2},
        health={"slow_start_s": 0.0},
        changes={"state_dir": str(folder / "state"), "write_from": ["127.0.0.0/8"]},
        cache={"ttl_s": 600},
    )
    with GatewayStarter(folder) as start:
        gateway = start(config=text)
        wait_for_workers(gateway)
        yield gateway


@pytest.fixture(autouse=True)
def all_are_enabled(gateway):
    yield
    for name in (HERE, THERE):
        assert order(gateway, name, "downtime", cancel=True).status == 200


def wait_for_workers(gateway: Gateway, times: int = 1) -> None:
    until(lambda: gateway.log_text().count("event=listening") == 3 * times, "both workers listen")


def order(gateway: Gateway, name: str, verb: str, **fields: object) -> Answer:
    return ask(
        "POST",
        f"{gateway.admin_url}/v1/endpoints/{name}/{verb}",
        headers={"Content-Type": "application/json"},
        body=json.dumps(fields).encode(),
    )


def answers(gateway: Gateway, path: str, method: str = "GET") -> Counter[tuple[int, str]]:
    """What both workers say: the status and the storage that a redirect leads to, by port."""
    seen: Counter[tuple[int, str]] = Counter()
    for _ in range(TRIES):
        answer = ask(method, gateway.url + path)
        seen[answer.status, answer.headers.get("location", "").partition("/both")[0]] += 1
    return seen


def only(seen: Counter[tuple[int, str]]) -> tuple[int, str]:
    assert len(seen) == 1, seen
    return next(iter(seen))


def upload_goes_to(gateway: Gateway, path: str, storages: dict[str, PeerServer]) -> str:
    answer = ask("PUT", gateway.url + path, headers={"Content-Length": "1"}, body=b"x")
    assert answer.status == 307, answer
    (found,) = [n for n, s in storages.items() if answer.headers["location"].startswith(s.url)]
    return found


@pytest.mark.row("D127")
def test_a_drained_endpoint_serves_only_what_it_alone_holds_and_takes_nothing_new(
    gateway, storages
):
    assert only(answers(gateway, "/both")) == (302, storages[HERE].url)
    assert order(gateway, HERE, "drain", reason="new disks", by="alice").status == 200
    assert only(answers(gateway, "/both")) == (302, storages[THERE].url), (
        "the other holder, at once"
    )
    assert only(answers(gateway, "/one"))[0] == 302, "nobody else has it"
    assert upload_goes_to(gateway, "/new-1", storages) == THERE
    assert ask("HEAD", gateway.url + "/nowhere").status == 404, "it is asked, and says so"
    health = health_of(gateway, HERE)
    assert (health["state"], health["in_service"], health["who"]) == ("drained", True, "alice")
    assert health["why"] == "drained by the operator: new disks"
    text = ask("GET", gateway.url + "/both?metalink=4").text
    assert storages[THERE].url in text
    assert storages[HERE].url not in text


@pytest.mark.row("D127")
def test_a_disabled_endpoint_is_not_asked_and_its_files_are_503(gateway, storages):
    assert only(answers(gateway, "/one"))[0] == 302, "both workers know where it is"
    assert order(gateway, HERE, "disable", reason="broken").status == 200
    asked = len(storages[HERE].requests())
    assert only(answers(gateway, "/both")) == (302, storages[THERE].url)
    refused = ask("GET", gateway.url + "/one")
    assert only(answers(gateway, "/one"))[0] == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "disabled by the operator: broken" in refused.text
    assert upload_goes_to(gateway, "/new-2", storages) == THERE
    assert len(storages[HERE].requests()) == asked, "nobody asked it anything"
    assert order(gateway, HERE, "enable").status == 200
    assert only(answers(gateway, "/one"))[0] == 302
    assert only(answers(gateway, "/both")) == (302, storages[HERE].url)


@pytest.mark.row("D127")
def test_orders_outlive_the_gateway_and_end_when_they_were_to(gateway, storages):
    assert order(gateway, HERE, "drain").status == 200
    assert order(gateway, HERE, "disable", **{"for": "1d"}).status == 200
    gateway.stop()
    gateway.start()
    wait_for_workers(gateway, times=2)
    assert only(answers(gateway, "/both")) == (302, storages[THERE].url)
    (notice,) = health_of(gateway, HERE)["notices"]
    assert notice["kind"] == "disabled"
    assert order(gateway, HERE, "disable", **{"for": "1s"}).status == 200
    until(lambda: health_of(gateway, HERE)["state"] == "in_service", "it has ended")
    until(lambda: len(answers(gateway, "/both")) == 1, "in both workers")
    assert only(answers(gateway, "/both")) == (302, storages[HERE].url)


def test_the_command_line_says_the_same(gateway, storages):
    admin = f"--admin={gateway.admin_url.removeprefix('http://')}"
    done = ugrpy("endpoint", "drain", HERE, admin, "--reason=new disks", "--by=alice")
    assert (done.returncode, done.stdout) == (
        0,
        "near is drained: drained by the operator: new disks\n",
    )
    done = ugrpy("endpoint", "list", admin)
    assert "drained" in done.stdout.splitlines()[1]
    assert "alice" in done.stdout
    done = ugrpy("endpoint", "downtime", HERE, admin, "--from=2099-01-01", "--for=2h")
    assert done.returncode == 0
    done = ugrpy("endpoint", "enable", HERE, admin)
    assert (done.returncode, done.stdout) == (0, "near is in service\n")
    kinds = [notice["kind"] for notice in health_of(gateway, HERE)["notices"]]
    assert kinds == ["outage"], "what is planned stays"
    done = ugrpy("endpoint", "disable", THERE, admin, "--until=2099-01-01T00:00Z")
    assert done.stdout == "far is disabled: disabled by the operator\n"
    listed = json.loads(ugrpy("endpoint", "list", "--json", admin).stdout)
    assert [(one["endpoint"], one["until"]) for one in listed] == [
        (HERE, None),
        (THERE, "2099-01-01T00:00:00Z"),
    ]
    assert ugrpy("endpoint", "drain", "nobody", admin).returncode == 1
    unreachable = ugrpy("endpoint", "list", "--admin=127.0.0.1:1")
    assert unreachable.returncode == 75
    assert "hint: is the gateway running" in unreachable.stderr


def test_a_form_does_as_well_and_each_order_is_in_the_log(gateway):
    form = urlencode({"reason": "power works", "by": "bob", "for": "2h"}).encode()
    url = f"{gateway.admin_url}/v1/endpoints/{THERE}/downtime"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask("POST", url, headers=kind, body=form)
    assert answer.status == 200
    assert json.loads(answer.body)["state"] == "downtime"
    (line,) = [
        one
        for one in gateway.log_text().splitlines()
        if "power works" in one and "operator's order" in one
    ]
    for part in ("endpoint=far", "order=downtime", "by=bob", "peer=127.0.0.1", "until="):
        assert part in line


@pytest.mark.parametrize(
    ("verb", "fields", "status", "says"),
    [
        ("drain", {"reasons": "x"}, 400, "reasons"),
        ("drain", {"reason": "x" * 600}, 400, "more than 500"),
        ("drain", {"reason": "a\nb"}, 400, "cannot be printed"),
        ("drain", {"until": "tomorrow"}, 400, "time"),
        ("drain", {"until": "2020-01-01"}, 400, "has passed"),
        ("drain", {"for": "2h", "until": "2099-01-01"}, 400, "not both"),
        ("drain", {"for": "two hours"}, 400, "length of time"),
        ("downtime", {}, 400, "has an end"),
        ("downtime", {"for": "2h", "severity": "kept"}, 400, "outage or at_risk"),
        ("explode", {}, 404, "no such page"),
    ],
)
def test_orders_that_cannot_be_carried_out_are_problems(gateway, verb, fields, status, says):
    answer = order(gateway, HERE, verb, **fields)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert says in json.loads(answer.body)["detail"]
    assert health_of(gateway, HERE)["notices"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_other_sites_pages_give_no_orders(gateway, headers, status):
    url = f"{gateway.admin_url}/v1/endpoints/{HERE}/drain"
    assert ask("POST", url, headers=headers, body=b'{"reason": "x"}').status == status
    assert ask("GET", url).status == 405
    assert health_of(gateway, HERE)["notices"] == []

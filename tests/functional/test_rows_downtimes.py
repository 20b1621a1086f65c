"""Planned downtimes: what calendars, operators and endpoints say is one decision, and long transfers stop before (row M11)."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.functional.helpers.asking import health_of, metric, until
from tests.functional.helpers.settings import QUIET, configuration
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter

pytestmark = [pytest.mark.functional]

NEAR, FAR = "near", "far"
RATE = 10_000_000  # bytes per second, as configured
LONG_BYTES = 20_000_000_000  # 2000 s
LEAD_S = 1000.0
WORKERS = 2


class Calendar:
    """What stands in for GOCDB: one document, sent again only when it has changed."""

    def __init__(self) -> None:
        self.document = gocdb()
        self.status = 200
        self.sent = self.unchanged = 0
        calendar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = calendar.document
                etag = f'"{hash(body)}"'
                same = self.headers["If-None-Match"] == etag
                status = 304 if same and calendar.status == 200 else calendar.status
                calendar.unchanged += status == 304
                calendar.sent += status == 200
                self.send_response(status)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", "0" if status == 304 else str(len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/public/?method=get_downtime"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def gocdb(*downtimes: tuple[str, float, float]) -> bytes:
    """Severity, begin and end in seconds from now, for the near endpoint; and somebody else's."""
    now = time.time()
    entries = [("se1.example.org", *one) for one in downtimes]
    entries.append(("se9.example.net", "OUTAGE", -60, 86400))
    return (
        "<?xml version='1.0' encoding='UTF-8'?><results>"
        + "".join(
            f"""<DOWNTIME ID="{n}" PRIMARY_KEY="{n}G0" CLASSIFICATION="SCHEDULED"><PRIMARY_KEY>{n}G0</PRIMARY_KEY>
            <HOSTNAME>{host}</HOSTNAME><SERVICE_TYPE>webdav</SERVICE_TYPE><ENDPOINT>{host}webdav</ENDPOINT>
            <HOSTED_BY>EXAMPLE-SITE</HOSTED_BY><GOCDB_PORTAL_URL>https://goc.example.org/{n}</GOCDB_PORTAL_URL>
            <AFFECTED_ENDPOINTS/><SEVERITY>{severity}</SEVERITY><DESCRIPTION>rack moves of {host}</DESCRIPTION>
            <INSERT_DATE>1700000000</INSERT_DATE><START_DATE>{int(now + start)}</START_DATE><END_DATE>{int(now + end)}</END_DATE>
            </DOWNTIME>"""
            for n, (host, severity, start, end) in enumerate(entries)
        )
        + "</results>"
    ).encode()


@pytest.fixture(scope="module")
def calendar() -> Iterator[Calendar]:
    running = Calendar()
    yield running
    running.close()


@pytest.fixture(scope="module")
def storages():
    with Bench() as bench:
        running = {name: bench.nginx_dav() for name in (NEAR, FAR)}
        for server in running.values():
            server.write("short", b"0123456789")
            with server.write("long").open("wb") as file:
                file.truncate(LONG_BYTES)
        with running[NEAR].write("long-alone").open("wb") as file:
            file.truncate(LONG_BYTES)
        yield running


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory) -> Path:
    file: Path = tmp_path_factory.mktemp("calendar") / "downtimes.toml"
    file.write_text("downtimes = []\n")
    return file


@pytest.fixture(scope="module")
def gateway(storages, calendar, by_hand, tmp_path_factory):
    folder = tmp_path_factory.mktemp("downtimes")
    text = configuration(
        {
            name: {"url": server.url, "writable": True, "location": place, **QUIET}
            | {"downtime_names": [f"{host}/webdav"]}
            for (name, server), place, host in zip(
                storages.items(),
                ([48.5, -123.4], [46.2, 6.1]),
                ("se1.example.org", "se2.example.org"),
                strict=True,
            )
        },
        arrays=[
            ("locality.networks", {"networks": ["127.0.0.0/8"], "position": [48.5, -123.4]}),
            ("downtimes.feeds", {"format": "gocdb", "source": calendar.url, "name": "gocdb"}),
            ("downtimes.feeds", {"format": "simple", "source": str(by_hand), "name": "by hand"}),
        ],
        service={"workers": WORKERS},
        downtimes={"interval_s": 0.2, "assumed_bytes_per_s": RATE},
        changes={"state_dir": str(folder / "state"), "write_from": ["127.0.0.0/8"]},
        cache={"ttl_s": 600},
    )
    with GatewayStarter(folder) as start:
        gateway = start(config=text)
        until(lambda: gateway.log_text().count("event=listening") == 1 + WORKERS, "all listen")
        yield gateway


@pytest.fixture(autouse=True)
def nothing_is_announced(gateway, calendar, by_hand):
    yield
    calendar.status, calendar.document = 200, gocdb()
    by_hand.write_text("downtimes = []\n")
    until(lambda: not any(health_of(gateway, name)["notices"] for name in (NEAR, FAR)), "nothing")


def announce(gateway, calendar, *downtimes: tuple[str, float, float]) -> None:
    calendar.document = gocdb(*downtimes)
    until(lambda: len(health_of(gateway, NEAR)["notices"]) == len(downtimes), "it is read")


def goes_to(gateway, storages, path: str) -> str:
    """Where all workers send a client that reads, once all have heard."""
    seen: set[str] = set()

    def agree() -> bool:
        seen.clear()
        seen.update(ask("GET", gateway.url + path).headers["location"] for _ in range(8 * WORKERS))
        return len(seen) == 1

    until(agree, "all workers agree")
    return whose(storages, next(iter(seen)))


def upload_goes_to(gateway, storages, path: str, size_bytes: int) -> str:
    headers = {"Content-Length": str(size_bytes), "Expect": "100-continue"}
    answer = ask("PUT", gateway.url + path, headers=headers)
    assert answer.status == 307, answer
    return whose(storages, answer.headers["location"])


def whose(storages, url: str) -> str:
    (found,) = [name for name, server in storages.items() if url.startswith(server.url + "/")]
    return str(found)


@pytest.mark.row("M11")
def test_before_a_planned_downtime_long_transfers_go_elsewhere_and_short_ones_go_on(
    gateway, storages, calendar
):
    assert goes_to(gateway, storages, "/long") == NEAR
    announce(gateway, calendar, ("OUTAGE", LEAD_S, LEAD_S + 3600))
    assert goes_to(gateway, storages, "/long") == FAR
    assert goes_to(gateway, storages, "/short") == NEAR
    assert goes_to(gateway, storages, "/long-alone") == NEAR, "nobody else has it"
    assert upload_goes_to(gateway, storages, "/up-long", LONG_BYTES) == FAR
    assert upload_goes_to(gateway, storages, "/up-short", 10) == NEAR
    health = health_of(gateway, NEAR)
    assert (health["state"], health["in_service"], health["who"]) == ("in_service", True, "gocdb")
    assert "a downtime begins in 16 min" in health["why"]
    assert health["notices"][0]["reason"] == "rack moves of se1.example.org"
    explained = json.loads(
        ask("GET", f"{gateway.admin_url}/v1/explain?path=/long&client=127.0.0.1").body
    )
    rejected = {one["id"]: one["reason"] for one in explained["ranked"]["rejected"]}
    assert rejected[NEAR] == "a downtime begins in 16 min, and this transfer may take 34 min"


@pytest.mark.row("M11")
def test_calendar_operator_and_endpoint_are_weighed_as_one(gateway, storages, calendar):
    announce(gateway, calendar, ("OUTAGE", LEAD_S, LEAD_S + 3600))
    url = f"{gateway.admin_url}/v1/endpoints/{FAR}/drain"
    assert ask("POST", url, headers={"Content-Type": "application/json"}, body=b"{}").status == 200
    assert goes_to(gateway, storages, "/long") == FAR, "drained is better than broken off"
    assert goes_to(gateway, storages, "/short") == NEAR
    assert ask("POST", url.replace("/drain", "/enable")).status == 200


@pytest.mark.row("M11")
def test_in_a_downtime_it_is_not_asked_and_at_risk_it_is(gateway, storages, calendar):
    assert goes_to(gateway, storages, "/long-alone") == NEAR, "all know that it is there"
    announce(gateway, calendar, ("OUTAGE", -60, 3600))
    assert goes_to(gateway, storages, "/short") == FAR
    refused = ask("GET", gateway.url + "/long-alone")
    assert refused.status == 503
    assert 3000 < int(refused.headers["retry-after"]) <= 3600
    assert "in downtime for another" in refused.text
    assert "example.org" not in refused.text, "a calendar's words are not for clients"
    announce(gateway, calendar)
    announce(gateway, calendar, ("WARNING", -60, 3600))
    assert goes_to(gateway, storages, "/short") == NEAR, "nearer, and in service"
    assert "at risk" in health_of(gateway, NEAR)["why"]


@pytest.mark.row("M11")
def test_a_calendar_that_fails_or_talks_nonsense_counts_as_it_last_was(gateway, storages, calendar):
    announce(gateway, calendar, ("OUTAGE", -60, 3600))
    for status, document in [(500, b""), (200, b"<results><DOWNTIME>"), (200, b"<html/>")]:
        failed = 'ugrpy_downtime_calendar_reads_total{feed="gocdb",outcome="failed"}'
        before = metric(gateway, failed) if failed in metrics(gateway) else 0.0
        calendar.status, calendar.document = status, document
        until(partial(has_grown, gateway, failed, before), "it is told")
        assert goes_to(gateway, storages, "/short") == FAR
    assert "a calendar of downtimes cannot be read" in gateway.log_text()


@pytest.mark.row("M11")
def test_a_file_will_do_and_no_calendar_is_sent_twice(gateway, storages, calendar, by_hand):
    now = time.time()
    by_hand.write_text(
        "[[downtimes]]\n"
        f'endpoint = "{NEAR}"\nfrom = {now - 60:.0f}\nuntil = {now + 3600:.0f}\nreason = "disks"\n'
    )
    until(lambda: health_of(gateway, NEAR)["state"] == "downtime", "the file is read")
    assert goes_to(gateway, storages, "/short") == FAR
    assert health_of(gateway, NEAR)["who"] == "by hand"
    sent, unchanged = calendar.sent, calendar.unchanged
    until(lambda: calendar.unchanged >= unchanged + 2, "it is asked again")
    assert calendar.sent == sent


def has_grown(gateway, series: str, before: float) -> bool:
    return series in metrics(gateway) and metric(gateway, series) > before


def metrics(gateway) -> str:
    return ask("GET", f"{gateway.admin_url}/metrics").text

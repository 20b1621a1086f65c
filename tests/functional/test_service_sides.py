"""Beside the federation: liveness, readiness, metrics and the admin pages; who may see them, and where they are not."""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.demo.client import Reply
from ugrpy.demo.client import ask as ask_from
from ugrpy.testing import Faults, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

SCRAPER = "127.0.5.1"  # in metrics_from
PROXY = "127.0.9.1"  # in trusted_proxies
STRANGER = "127.0.6.1"
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def storage() -> Iterator[StorageElement]:
    files = {"/file": b"hello", "/v1/endpoints": b"a file", "/livez": b"hidden", "/metrics/x": b"x"}
    with in_thread(StorageElement(Tree(files))) as element:
        yield element


@pytest.fixture(scope="module")
def lost() -> Iterator[StorageElement]:
    element = StorageElement(Tree({}))
    element.faults = Faults(status=500)
    with in_thread(element):
        yield element


@pytest.fixture(scope="module")
def starter(tmp_path_factory) -> Iterator[GatewayStarter]:
    with GatewayStarter(tmp_path_factory.mktemp("gateways")) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(starter: GatewayStarter, storage: StorageElement) -> Gateway:
    return starter(
        config='[service]\nmetrics_from = ["127.0.5.0/24"]\n'
        f'trusted_proxies = ["127.0.9.0/24"]\n[endpoints.one]\nurl = "{storage.base_url}"\n'
    )


def from_(source: str, gateway: Gateway, path: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask_from("GET", f"{gateway.url}{path}", source=source, headers=named)


# -- on the clients' listener -------------------------------------------------------------------------


def test_alive_and_ready(gateway):
    for url in (gateway.url, gateway.admin_url):
        answer = ask("GET", f"{url}/livez")
        assert (answer.status, answer.body) == (200, b"alive\n")
        answer = ask("GET", f"{url}/readyz")
        assert (answer.status, answer.headers["content-type"]) == (
            200,
            "application/json; charset=utf-8",
        )
        assert json.loads(answer.body) == {
            "ready": True,
            "endpoints": 1,
            "endpoints_in_service": 1,
        }


@pytest.mark.parametrize(
    ("source", "headers", "status"),
    [
        (SCRAPER, {}, 200),
        (HERE, {}, 403),
        (STRANGER, {}, 403),
        # behind a trusted proxy the client counts, whatever the proxy's own address may see
        (PROXY, {}, 403),
        (PROXY, {"X_Forwarded_For": SCRAPER}, 200),
        (PROXY, {"Forwarded": f"for={SCRAPER}"}, 200),
        (PROXY, {"X_Forwarded_For": f"{SCRAPER}, {STRANGER}"}, 403),
        (PROXY, {"X_Forwarded_For": f"{STRANGER}, {SCRAPER}"}, 200),
        (PROXY, {"X_Forwarded_For": SCRAPER, "Forwarded": f"for={STRANGER}"}, 403),
        # and nobody else is believed
        (STRANGER, {"X_Forwarded_For": SCRAPER}, 403),
        (STRANGER, {"Forwarded": f"for={SCRAPER}"}, 403),
        (SCRAPER, {"X_Forwarded_For": STRANGER}, 200),
    ],
)
def test_metrics_are_for_some_clients(gateway, source, headers, status):
    reply = from_(source, gateway, "/metrics", **headers)
    assert reply.status == status
    assert (b"ugrpy_requests_total" in reply.body) is (status == 200)


def test_metrics_by_default_are_for_this_machine(starter, storage):
    plain = starter({"one": storage.base_url})
    assert from_(HERE, plain, "/metrics").status == 200
    assert from_(STRANGER, plain, "/metrics").status == 200  # 127.0.0.0/8 is this machine


def test_metrics_in_both_forms(gateway):
    plain = from_(SCRAPER, gateway, "/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    openmetrics = from_(
        SCRAPER, gateway, "/metrics", Accept="application/openmetrics-text;version=1.0.0"
    )
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.body.endswith(b"# EOF\n")


def test_they_hide_files_of_their_name_and_no_others(gateway, storage):
    assert ask("GET", f"{gateway.url}/livez").body == b"alive\n"
    answer = ask("GET", f"{gateway.url}/metrics/x")
    assert (answer.status, answer.headers["location"]) == (302, f"{storage.base_url}/metrics/x")


def test_they_are_not_counted_nor_logged_as_requests(starter, storage, tmp_path):
    log = tmp_path / "access"
    quiet = starter({"one": storage.base_url}, arguments=[f"--access-log={log}"])
    assert ask("GET", f"{quiet.url}/file").status == 302
    page = ask("GET", f"{quiet.admin_url}/metrics").text
    assert 'ugrpy_requests_total{method="GET",status="302"} 1.0' in page
    assert "ugrpy_request_seconds_count 1.0" in page
    assert "ugrpy_inflight_requests 0.0" in page
    quiet.stop()
    assert [line.split(" path=")[1].split()[0] for line in log.read_text().splitlines()] == [
        '"/file"'
    ]


def test_admin_pages_are_not_for_clients(gateway, storage):
    answer = ask("GET", f"{gateway.url}/v1/endpoints")
    assert (answer.status, answer.headers["location"]) == (302, f"{storage.base_url}/v1/endpoints")
    assert ask("GET", f"{gateway.url}/v1/explain?path=/file").status == 404


# -- on the admin listener ----------------------------------------------------------------------------


def test_metrics_on_the_admin_listener_are_for_all_who_reach_it(gateway):
    answer = ask("GET", f"{gateway.admin_url}/metrics")
    assert answer.status == 200
    assert "# TYPE ugrpy_requests_total counter" in answer.text


def test_the_health_of_the_endpoints(starter, storage, lost):
    both = starter({"one": storage.base_url, "two": lost.base_url})
    for number in range(4):
        ask("HEAD", f"{both.url}/nothing-{number}")
    answer = ask("GET", f"{both.admin_url}/v1/endpoints")
    assert answer.status == 200
    one, two = json.loads(answer.body)
    assert (one["endpoint"], one["url"], one["state"]) == ("one", storage.base_url, "in_service")
    assert (two["endpoint"], two["url"], two["state"]) == ("two", lost.base_url, "ejected")
    ready = json.loads(ask("GET", f"{both.url}/readyz").body)
    assert ready == {"ready": True, "endpoints": 2, "endpoints_in_service": 1}
    page = ask("GET", f"{both.admin_url}/metrics").text
    assert 'ugrpy_endpoint_in_service{endpoint="one"} 1.0' in page
    assert 'ugrpy_endpoint_in_service{endpoint="two"} 0.0' in page


def explained(gateway: Gateway, **query: str) -> tuple[int, Mapping[str, object]]:
    parts = "&".join(f"{key}={quote(value)}" for key, value in query.items())
    answer = ask("GET", f"{gateway.admin_url}/v1/explain?{parts}")
    return answer.status, json.loads(answer.body)


def test_explain(gateway, storage):
    status, found = explained(gateway, path="/file", client="192.0.2.7")
    assert status == 200
    assert found["path"] == "/file"
    assert (found["status"], found["location"]) == (302, f"{storage.base_url}/file")
    status, missing = explained(gateway, path="/nothing")
    assert (status, missing["status"], missing["location"]) == (200, 404, "")
    assert missing["refusal"] == "/nothing: no storage element holds it"


@pytest.mark.parametrize(
    ("target", "status", "title", "detail"),
    [
        ("/v1/explain?path=/file&client=here", 400, "Bad Request", "'here' is not an IP address"),
        ("/v1/explain?path=/a%0Ab", 400, "Bad Request", "control character"),
        ("/v1/explain", 400, "Bad Request", "give ?path="),
        ("/v1/nonsense", 404, "Not Found", "/v1/endpoints, /v1/explain"),
        ("/file", 404, "Not Found", "no such page"),
        ("/", 404, "Not Found", "no such page"),
    ],
)
def test_what_the_admin_listener_refuses(gateway, target, status, title, detail):
    answer = ask("GET", f"{gateway.admin_url}{target}")
    assert (answer.status, answer.headers["content-type"]) == (
        status,
        "application/problem+json; charset=utf-8",
    )
    problem = json.loads(answer.body)
    assert (problem["status"], problem["title"]) == (status, title)
    assert detail in problem["detail"]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def test_the_admin_listener_on_a_unix_socket(starter, storage, tmp_path):
    path = tmp_path / "admin"
    for _ in range(2):  # a socket that was left behind is no obstacle
        running = starter({"one": storage.base_url}, arguments=[f"--admin=unix:{path}"])
        assert path.stat().st_mode & 0o777 == 0o600
        for target, status in (("/v1/endpoints", 200), ("/metrics", 200), ("/v1/nonsense", 404)):
            connection = UnixConnection(path)
            connection.request("GET", target)
            response = connection.getresponse()
            response.read()
            connection.close()
            assert response.status == status
        assert f"address=unix:{path}" in running.log_text()
        with pytest.raises(ConnectionRefusedError):
            ask("GET", f"{running.admin_url}/livez")


def test_with_several_workers_one_has_the_admin_listener(starter, storage):
    running = starter({"one": storage.base_url}, arguments=["--workers=2"])
    # the other worker may be ready first
    deadline = time.monotonic() + 20
    while running.log_text().count("event=listening") < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(4):
        assert len(json.loads(ask("GET", f"{running.admin_url}/v1/endpoints").body)) == 1
    admin = running.admin_url.removeprefix("http://")
    assert running.log_text().count(f"address={admin} worker=0") == 1

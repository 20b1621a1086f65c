"""GET and HEAD: redirects, nearness, validators, replicas that disagree (rows D22, D25, D27, D28, D34, D35)."""

import http.server
import threading
from email.utils import formatdate, parsedate_to_datetime

import pytest

from tests.functional.helpers.answers import (
    duplicates,
    parse_metalink3,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import ask_from, until
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import MTIME_S, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from ugrpy.demo.geoip import write_geoip
from ugrpy.demo.sites import SITES
from ugrpy.testing import FileNode

pytestmark = pytest.mark.functional

DATA = bytes(range(256)) * 20

# Where clients stand by their loopback address, and where storage elements do. West 1 and 2 are some 5 km apart.
WEST_CLIENT, EAST_CLIENT, LOST_CLIENT = "127.0.71.1", "127.0.72.1", "127.0.73.1"
PLACES = [
    ("locality.networks", {"networks": ["127.0.71.0/24"], "position": [48.46, -123.31]}),
    ("locality.networks", {"networks": ["127.0.72.0/24"], "position": [46.23, 6.05]}),
]
WEST, WEST_BY, EAST = [48.46, -123.32], [48.46, -123.39], [46.2, 6.1]


@pytest.fixture(scope="module")
def real(nginx_dav, apache_dav, xrootd_http, wsgidav_server):
    """Four real servers, each with a file of its own."""
    servers = {
        "nginx": nginx_dav,
        "apache": apache_dav,
        "xrootd": xrootd_http,
        "wsgidav": wsgidav_server,
    }
    for name, server in servers.items():
        server.write(f"reading/{name}", DATA)
        server.write("reading/everywhere", DATA)
    return servers


@pytest.fixture(scope="module")
def gateway(real, tmp_path_factory):
    with GatewayStarter(tmp_path_factory.mktemp("reading")) as start:
        yield start({name: server.url for name, server in real.items()})


@pytest.fixture(scope="module")
def storage():
    files = ("/f", "/g", "/solo", "/data/f")
    trees = {name: tree_of(*files) for name in ("west", "westby", "east")}
    trees["west"].add_file("/conflict", FileNode(b"1234567", MTIME_S + 100))
    trees["westby"].add_file("/conflict", FileNode(b"1234567890", MTIME_S))
    trees["east"].add_file("/conflict", FileNode(b"0987654321", MTIME_S))
    with elements(trees) as running:
        yield running


def placed(storage, fuzz_km: float) -> str:
    """A configuration that knows where everybody is."""
    places = {"west": WEST, "westby": WEST_BY, "east": EAST}
    return configuration(
        {
            name: {"url": storage[name].base_url, "location": where, **QUIET}
            for name, where in places.items()
        },
        locality={"fuzz_km": fuzz_km},
        arrays=PLACES,
    )


@pytest.fixture(scope="module")
def located(storage, tmp_path_factory):
    with GatewayStarter(tmp_path_factory.mktemp("located")) as start:
        yield start(config=placed(storage, 0))


@pytest.fixture(scope="module")
def two_workers(storage, tmp_path_factory):
    """Nobody knows where anybody is, and two processes answer."""
    urls = {name: element.base_url for name, element in storage.items()}
    with GatewayStarter(tmp_path_factory.mktemp("workers")) as start:
        yield start(urls, arguments=["--workers=2"])


def holders_sent_to(storage, gateway, client, path, times):
    """How often ``client`` is sent to each storage element, once all have spoken; every answer must be a 302 to one."""
    assert ask("GET", f"{gateway.url}{path}?metalink").status == 200
    counts = dict.fromkeys(storage, 0)
    by_url = {element.base_url + path: name for name, element in storage.items()}
    for _ in range(times):
        answer = ask_from(client, "GET", gateway.url + path)
        assert answer.status == 302
        counts[by_url[answer.headers["location"]]] += 1
    return counts


@pytest.mark.row("D22")
@pytest.mark.parametrize("holder", ["nginx", "apache"])
def test_a_get_is_a_302_to_the_holder_which_is_not_read_by_us(gateway, real, holder):
    path = f"/reading/{holder}"
    answer = ask("GET", gateway.url + path)
    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers["location"] == real[holder].url + path
    assert answer.headers["content-length"] == "0"
    methods = {line.split()[0] for line in real[holder].requests() if f" {path} " in line}
    assert methods == {"PROPFIND"}
    assert ask("GET", answer.headers["location"]).body == DATA


@pytest.mark.row("D22")
def test_redirects_go_to_endpoints_in_service_only(gateway, real):
    urls = {server.url + "/reading/everywhere" for server in real.values()}
    seen = {ask("GET", f"{gateway.url}/reading/everywhere").headers["location"] for _ in range(60)}
    assert seen == urls


@pytest.mark.row("D34")
@pytest.mark.parametrize("holder", ["nginx", "apache", "xrootd", "wsgidav"])
def test_head_tells_length_and_date_and_does_not_redirect(gateway, real, holder):
    path = real[holder].root / "reading" / holder
    head = ask("HEAD", f"{gateway.url}/reading/{holder}")
    assert (head.status, head.body) == (200, b"")
    assert "location" not in head.headers
    assert head.headers["content-length"] == str(len(DATA))
    assert head.headers["last-modified"] == formatdate(int(path.stat().st_mtime), usegmt=True)
    assert head.headers["accept-ranges"] == "bytes"


@pytest.mark.row("D34")
def test_head_asks_for_metadata_only(located, storage):
    storage["west"].tree.add_file("/headed", b"1")
    assert ask("HEAD", f"{located.url}/headed").status == 200
    assert asks(storage["west"])["PROPFIND", "/headed"] == 1
    assert {method for method, path in asks(storage["west"]) if path == "/headed"} == {"PROPFIND"}


@pytest.mark.row("D35")
@pytest.mark.parametrize("holder", ["nginx", "apache", "xrootd", "wsgidav"])
def test_curl_reads_a_range_through_the_redirect(gateway, curl, holder):
    url = f"{gateway.url}/reading/{holder}"
    done = curl(
        "-sS", "-L", "-r", "0-9", "-w", "%{stderr}%{http_code} %{num_redirects}", url
    ).check()
    assert done.stdout == DATA[:10]
    assert done.errors == "206 1"


@pytest.mark.row("D25")
def test_the_nearer_of_two_replicas_is_chosen(storage, start_gateway):
    places = {"west": WEST, "east": EAST}
    gateway = start_gateway(
        config=configuration(
            {n: {"url": storage[n].base_url, "location": at, **QUIET} for n, at in places.items()},
            arrays=PLACES,
        )
    )
    for client, nearest in ((WEST_CLIENT, "west"), (EAST_CLIENT, "east")):
        counts = holders_sent_to(storage, gateway, client, "/f", 20)
        assert counts[nearest] == 20
        first, second = duplicates(ask_from(client, "GET", f"{gateway.url}/f"))
        assert first == f"{storage[nearest].base_url}/f"
        assert second != first


@pytest.mark.row("D25")
def test_the_nearer_replica_is_found_by_a_geoip_database(start_gateway, tmp_path):
    """The endpoints are placed by the database, too: each listens in the network of its site."""
    database = tmp_path / "city.mmdb"
    write_geoip(database, SITES)
    trees = {site.name: tree_of("/f") for site in SITES}
    with elements(trees, {site.name: site.storage_address for site in SITES}) as running:
        urls = {name: element.base_url for name, element in running.items()}
        gateway = start_gateway(urls, geoip=[database])
        for site in SITES:
            counts = holders_sent_to(running, gateway, site.client_address, "/f", 10)
            assert counts[site.name] == 10


@pytest.mark.row("D27")
def test_with_fuzz_0_the_nearest_is_always_chosen(located, storage):
    assert holders_sent_to(storage, located, WEST_CLIENT, "/g", 60)["west"] == 60
    assert holders_sent_to(storage, located, EAST_CLIENT, "/g", 60)["east"] == 60


@pytest.mark.row("D26")
def test_with_fuzz_those_nearly_as_near_share_the_clients(storage, start_gateway):
    gateway = start_gateway(config=placed(storage, 10))
    counts = holders_sent_to(storage, gateway, WEST_CLIENT, "/g", 60)
    assert counts["west"] > 0
    assert counts["westby"] > 0
    assert counts["east"] == 0


@pytest.mark.row("D28")
def test_without_a_geoip_database_all_replicas_are_used(two_workers, storage):
    until(
        lambda: len(duplicates(ask("GET", f"{two_workers.url}/f"))) == 3, "all replicas are known"
    )
    counts = holders_sent_to(storage, two_workers, LOST_CLIENT, "/f", 100)
    assert all(count > 5 for count in counts.values()), counts


@pytest.mark.row("D29")
def test_a_client_of_unknown_place_is_served_by_all(located, storage):
    counts = holders_sent_to(storage, located, LOST_CLIENT, "/g", 60)
    assert all(counts.values()), counts


# -- validators ----------------------------------------------------------------------------------------


@pytest.fixture
def validator(two_workers):
    """The ETag of ``/f`` when both workers have heard all endpoints."""
    url = f"{two_workers.url}/f"
    until(lambda: all("etag" in ask("HEAD", url).headers for _ in range(30)), "an ETag from both")
    return ask("HEAD", url).headers["etag"]


def test_the_etag_is_the_same_from_every_worker(two_workers, validator):
    url = f"{two_workers.url}/f"
    assert {ask("HEAD", url).headers["etag"] for _ in range(30)} == {validator}
    (listed,) = parse_multistatus(propfind(url, "0").body)
    assert listed.etag == validator
    assert validator.startswith('W/"')


def test_a_storage_elements_etag_is_never_shown(two_workers, validator, storage):
    theirs = {element.tree.files["/f"].etag for element in storage.values()}
    assert theirs == {ask("HEAD", f"{e.base_url}/f").headers["etag"] for e in storage.values()}
    shown = [ask(method, f"{two_workers.url}/f") for method in ("GET", "HEAD")]
    shown += [propfind(f"{two_workers.url}/f", "0"), propfind(f"{two_workers.url}/", "1")]
    for etag in theirs:
        inner = etag.strip('"')
        for answer in shown:
            assert inner not in answer.text
            assert not any(inner in value for value in answer.headers.values())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_already_is_304(two_workers, validator, method):
    date = formatdate(MTIME_S, usegmt=True)
    has_it = [
        {"If-None-Match": validator},
        {"If-None-Match": f'"other", {validator}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": date},
        {"If-Modified-Since": formatdate(MTIME_S + 3600, usegmt=True)},
    ]
    for conditions in has_it:
        for _ in range(4):
            answer = ask(method, f"{two_workers.url}/f", headers=conditions)
            assert (answer.status, answer.body) == (304, b""), conditions
            assert answer.headers["etag"] == validator
            assert "location" not in answer.headers


@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("HEAD", 200)])
def test_what_the_client_has_not_is_sent(two_workers, validator, method, status):
    earlier = formatdate(MTIME_S - 1, usegmt=True)
    lacks_it = [
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": formatdate(MTIME_S, usegmt=True)},
        {"If-Modified-Since": earlier},
        {"If-Modified-Since": "yesterday"},
    ]
    for conditions in lacks_it:
        answer = ask(method, f"{two_workers.url}/f", headers=conditions)
        assert answer.status == status, conditions


# -- replicas that disagree ----------------------------------------------------------------------------


@pytest.mark.row("D57")
def test_an_outvoted_replica_is_told_of_nowhere(located, storage):
    """West is nearest to this client and its copy the newest, but two others agree on another size."""
    url = f"{located.url}/conflict"
    assert ask("GET", f"{url}?metalink").status == 200  # all have spoken
    agreeing = {storage[name].base_url + "/conflict" for name in ("westby", "east")}
    for _ in range(10):
        answer = ask_from(WEST_CLIENT, "GET", url)
        assert answer.headers["location"] == storage["westby"].base_url + "/conflict"
        assert set(duplicates(answer)) == agreeing
    document = parse_metalink3(ask("GET", f"{url}?metalink").body)
    assert set(document.urls) == agreeing
    assert document.size_bytes == 10
    head = ask("HEAD", url)
    assert head.headers["content-length"] == "10"
    assert parsedate_to_datetime(head.headers["last-modified"]).timestamp() == MTIME_S
    (listed,) = parse_multistatus(propfind(url, "0").body)
    assert listed.size_bytes == 10
    assert "west: size 7, others 10" in ask("GET", f"{located.url}/").text


# -- a storage that does not tell the length -----------------------------------------------------------


class _NoLength(http.server.BaseHTTPRequestHandler):
    """Sends every file in chunks, and so tells no length beforehand."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@pytest.fixture
def lengthless():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _NoLength) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(10)


def test_head_of_a_file_whose_length_nobody_tells_leads_to_the_storage(lengthless, start_gateway):
    gateway = start_gateway(config=configuration({"stream": {"url": lengthless, "kind": "http"}}))
    head = ask("HEAD", f"{gateway.url}/live")
    assert (head.status, head.headers["location"]) == (302, f"{lengthless}/live")
    answer = ask("GET", f"{gateway.url}/live")
    assert (answer.status, answer.headers["location"]) == (302, f"{lengthless}/live")
    assert ask("GET", answer.headers["location"]).body == b"hello"
    (listed,) = parse_multistatus(propfind(f"{gateway.url}/live", "0").body)
    assert (listed.collection, listed.size_bytes) == (False, None)
    assert parse_metalink3(ask("GET", f"{gateway.url}/live?metalink").body).size_bytes is None

"""Storages as they are, through the gateway: bare listings, plain servers, odd names, TLS, limits of each endpoint.

Rows D49, D128, D129, D144 and K57.
"""

import http.client
import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import unquote, urlsplit

import pytest
import trustme
from aiohttp import web

from tests.faults.certificates import issued, self_signed
from tests.faults.raw_server import full_queue
from tests.functional.helpers.answers import names_in, parse_multistatus, propfind
from tests.functional.helpers.asking import health_of, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, Table, configuration
from tests.functional.helpers.storage import tree_of
from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.core.urls import encode_path
from ugrpy.testing import Dialect, Faults, StorageElement, in_thread

pytestmark = pytest.mark.functional

MTIME_S = 1_600_000_000
SIZE = 10
DEADLINE_S = 20.0
FORGETFUL = {"ttl_s": 1.0, "negative_ttl_s": 0.0, "listing_ttl_s": 0.0, "incomplete_ttl_s": 0.0}


def told(answer: Answer) -> str:
    """What is told about endpoints that could not be asked."""
    return answer.headers.get("proxy-status", "")


# -- listings without metadata (D49) --------------------------------------------------------------

CHILDREN = tuple(f"f{number:02}" for number in range(16))
CHILD_S = 0.4


@pytest.fixture(scope="module")
def bare_storage():
    paths = (*(f"/d/{name}" for name in CHILDREN), "/d/sub/x", "/slow/quick", "/slow/hung")
    with in_thread(StorageElement(tree_of(*paths))) as element:
        element.faults = Faults(bare_listings=True)
        for name in CHILDREN:
            element.faults_at[f"/d/{name}"] = Faults(delay_s=CHILD_S)
        element.faults_at["/slow/hung"] = Faults(hang=True)
        yield element


@pytest.fixture(scope="module")
def completing(bare_storage, tmp_path_factory):
    """The same storage twice: at ``/asked`` its bare children are asked about, at ``/left`` they are not."""
    text = configuration(
        {
            "asked": {
                "url": bare_storage.base_url,
                "mounts": ["/asked = /"],
                "stat_children": True,
                **QUIET,
            },
            "left": {"url": bare_storage.base_url, "mounts": ["/left = /"], **QUIET},
        },
        federation={"deadline_s": 4.0},
        cache=FORGETFUL,
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("completing")) as start:
        yield start(config=text)


@pytest.mark.row("D49")
def test_children_of_a_bare_listing_are_asked_about_side_by_side(completing, bare_storage):
    bare_storage.counts.clear()
    started = time.monotonic()
    answer = propfind(f"{completing.url}/asked/d/")
    took_s = time.monotonic() - started
    assert answer.status == 207
    assert told(answer) == ""
    itself, *children = parse_multistatus(answer.body)
    files = [one for one in children if not one.collection]
    assert [one.href for one in children] == [
        *(f"/asked/d/{name}" for name in CHILDREN),
        "/asked/d/sub/",
    ]
    assert {(one.size_bytes, one.mtime_s) for one in files} == {(SIZE, MTIME_S)}
    assert itself.href == "/asked/d/"
    asked = {path for method, path in bare_storage.counts if path.startswith("/d/")}
    assert asked == {f"/d/{name}" for name in CHILDREN}
    assert all(bare_storage.counts["PROPFIND", path] == 1 for path in asked)
    # one after the other they would take 6.4 s, and be cut off before
    assert took_s < len(CHILDREN) * CHILD_S / 2


@pytest.mark.row("D49")
def test_children_of_a_bare_listing_are_left_alone_unless_configured(completing, bare_storage):
    bare_storage.counts.clear()
    itself, *children = parse_multistatus(propfind(f"{completing.url}/left/d/").body)
    assert itself.collection
    assert {one.size_bytes for one in children} == {None}
    assert len(children) == len(CHILDREN) + 1
    assert {path for _, path in bare_storage.counts} == {"/d"}


@pytest.mark.row("D49")
def test_a_child_that_does_not_answer_in_time_is_listed_without_its_size(completing):
    answer = propfind(f"{completing.url}/asked/slow/")
    assert answer.status == 207
    assert told(answer) == "", "the listing itself is whole"
    _, hung, quick = parse_multistatus(answer.body)
    assert (hung.href, hung.size_bytes) == ("/asked/slow/hung", None)
    assert (quick.href, quick.size_bytes) == ("/asked/slow/quick", SIZE)


# -- plain HTTP servers (K57) ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(nginx_plain, tmp_path_factory):
    """A gateway over an nginx that only serves files, and the answers it gives itself."""
    for name in ("data.root", "é & b.txt"):
        path = nginx_plain.write(f"k57/d/{name}", b"0123456789")
        os.utime(path, (MTIME_S, MTIME_S))
    nginx_plain.write("k57/d/empty", b"")
    text = configuration(
        {"plain": {"url": f"{nginx_plain.url}/k57", "kind": "http", **QUIET}},
        cache=FORGETFUL,
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("plain")) as start:
        yield start(config=text)


@pytest.mark.peer("nginx")
@pytest.mark.row("K57")
@pytest.mark.parametrize("depth", ["0", "1"])
@pytest.mark.parametrize("name", ["data.root", "é & b.txt"])
def test_propfind_of_a_file_is_made_from_its_head(plain, nginx_plain, name, depth):
    path = f"/d/{encode_path(name)}"
    assert ask("PROPFIND", f"{nginx_plain.url}/k57{path}").status == 405, "it knows no PROPFIND"
    head = ask("HEAD", f"{nginx_plain.url}/k57{path}")
    answer = propfind(f"{plain.url}{path}", depth)
    assert answer.status == 207
    (only,) = parse_multistatus(answer.body)
    assert unquote(only.href) == f"/d/{name}"
    assert (only.collection, only.size_bytes, only.mtime_s) == (False, SIZE, MTIME_S)
    assert head.headers["content-length"] == str(only.size_bytes)
    asked = [line for line in nginx_plain.requests() if line.startswith(("HEAD", "PROPFIND"))]
    assert any(line.startswith("HEAD /k57/d/") for line in asked)


@pytest.mark.peer("nginx")
@pytest.mark.row("K57")
def test_propfind_of_other_names_on_a_plain_server(plain):
    (empty,) = parse_multistatus(propfind(f"{plain.url}/d/empty", "0").body)
    assert (empty.collection, empty.size_bytes) == (False, 0)
    (collection,) = parse_multistatus(propfind(f"{plain.url}/d", "0").body)
    assert (collection.collection, collection.size_bytes) == (True, None)
    assert propfind(f"{plain.url}/d/absent", "0").status == 404
    assert propfind(f"{plain.url}/d/data.root/below", "0").status == 404
    head = ask("HEAD", f"{plain.url}/d/data.root")
    assert (head.status, head.headers["content-length"]) == (200, str(SIZE))


# -- names that XML cannot carry -------------------------------------------------------------------


@pytest.mark.peer("xrootd")
def test_one_bad_name_hides_no_other(xrootd_http, start_gateway):
    folder = xrootd_http.root / "badname"
    xrootd_http.make_directory("badname/d")
    latin_1 = os.fsdecode(b"caf\xe9.txt")
    for name in ("a.txt", latin_1, "z.txt"):
        (folder / "d" / name).write_bytes(b"0123456789")
    gateway = start_gateway(
        config=configuration(
            {"xrd": {"url": f"{xrootd_http.url}/badname", **QUIET}}, health=NEVER_EJECT
        )
    )
    answer = propfind(f"{gateway.url}/d/")
    assert told(answer) == ""
    hrefs = [one.href for one in parse_multistatus(answer.body)]
    assert hrefs == ["/d/", "/d/a.txt", "/d/caf%E9.txt", "/d/z.txt"]
    sent = ask("GET", f"{gateway.url}/d/caf%E9.txt")
    assert sent.headers["location"] == f"{xrootd_http.url}/badname/d/caf%E9.txt"
    assert ask("GET", sent.headers["location"]).body == b"0123456789"


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """The URL of a server that answers every request by this multistatus."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PROPFIND(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(207)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


def test_names_that_cannot_be_told_are_said_to_be_missing(start_gateway):
    """An encoded slash is no separator and can be in no name: the child is not lost silently."""
    responses = "".join(
        f"<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        for href, kind in [("/d/", "<D:collection/>"), ("/d/a%2Fb", ""), ("/d/c", "")]
    )
    with answering(f'<D:multistatus xmlns:D="DAV:">{responses}</D:multistatus>'.encode()) as url:
        gateway = start_gateway(
            config=configuration({"odd": {"url": url, **QUIET}}, health=NEVER_EJECT)
        )
        answer = propfind(f"{gateway.url}/d/")
        assert answer.status == 207
        assert [one.href for one in parse_multistatus(answer.body)] == ["/d/", "/d/c"]
        assert "1 of its names cannot be asked for" in told(answer)
        assert health_of(gateway, "odd")["failed"] == 0


# -- what was learnt is shown ----------------------------------------------------------------------


@pytest.mark.peer("xrootd")
def test_quirks_that_were_met_are_shown_to_operators(xrootd_http, start_gateway):
    xrootd_http.write("shown/f", b"x")
    gateway = start_gateway({"xrd": f"{xrootd_http.url}/shown"})
    assert names_in(f"{gateway.url}/") == ["f"]
    shown = health_of(gateway, "xrd")
    assert shown["dialect"] == "dav"
    quirks = shown["quirks"]
    assert isinstance(quirks, list)
    assert {"no-resourcetype", "collection-size", "verbatim-hrefs"} <= set(quirks)
    assert shown["url"] == f"{xrootd_http.url}/shown"
    assert shown["trouble"] == ""


# -- TLS (D144) -------------------------------------------------------------------------------------


class Secured:
    """Storage elements that show certificates, by name, and the gateway over them, each mounted at ``/NAME``."""

    def __init__(self, elements: dict[str, StorageElement], gateway: Gateway) -> None:
        self.elements = elements
        self.gateway = gateway


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    own = folder / "own"
    own.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    signed = {"ca_file": str(folder / "ca.pem")}
    contexts = {
        "own": self_signed(own),
        "issued": issued(authority),
        "expired": issued(authority, valid_days=(-9, -1)),
        "other": issued(authority, "other.example"),
    }
    with ExitStack() as stack:
        elements = {
            name: stack.enter_context(in_thread(StorageElement(tree_of("/f"), tls=context)))
            for name, context in contexts.items()
        }
        tables: dict[str, tuple[str, Table]] = {
            "refused": ("own", {}),
            "allowed": ("own", {"verify_tls": False}),
            "trusted": ("own", {"ca_file": str(own / "cert.pem")}),
            "unknown": ("issued", {}),
            "known": ("issued", signed),
            "expired": ("expired", signed),
            "other": ("other", signed),
            "other-allowed": ("other", {"verify_tls": False}),
        }
        text = configuration(
            {
                name: {
                    "url": elements[element].base_url,
                    "mounts": [f"/{name} = /"],
                    **settings,
                    **QUIET,
                }
                for name, (element, settings) in tables.items()
            },
            cache=FORGETFUL,
            health=NEVER_EJECT,
        )
        start = stack.enter_context(GatewayStarter(folder))
        yield Secured(elements, start(config=text))


@pytest.mark.row("D144")
@pytest.mark.parametrize(
    ("name", "element"),
    [("allowed", "own"), ("trusted", "own"), ("known", "issued"), ("other-allowed", "other")],
)
def test_a_certificate_that_is_trusted_or_allowed(secured, name, element):
    answer = ask("GET", f"{secured.gateway.url}/{name}/f")
    assert answer.status == 302
    assert answer.headers["location"] == f"{secured.elements[element].base_url}/f"
    assert answer.headers["location"].startswith("https://")


@pytest.mark.row("D144")
@pytest.mark.parametrize(
    ("name", "element", "words"),
    [
        ("refused", "own", "the certificate is self-signed"),
        ("unknown", "issued", "the certificate's authority is not trusted"),
        ("expired", "expired", "the certificate has expired"),
        ("other", "other", "the certificate is for another host"),
    ],
)
def test_a_certificate_that_is_not_believed(secured, name, element, words):
    storage = secured.elements[element]
    for method in ("GET", "HEAD", "PROPFIND"):
        before = storage.counts.total()
        answer = ask(method, f"{secured.gateway.url}/{name}/f", headers={"Depth": "0"})
        assert answer.status == 503, method
        assert f"TLS failed: {words}" in told(answer)
        assert str(storage.port) not in told(answer) + answer.body.decode()
        assert storage.counts.total() == before, "nothing is sent to who is not believed"
    trouble = str(health_of(secured.gateway, name)["trouble"])
    assert trouble.startswith(f"{storage.base_url}/f: PROPFIND: TLS failed: {words}")


# -- limits of each endpoint (D128, D129) -----------------------------------------------------------


class Counting(StorageElement):
    """Counts how many requests it has at once."""

    now = peak = 0

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            return await super()._handle(request)
        finally:
            self.now -= 1


@pytest.mark.row("D128")
@pytest.mark.parametrize("workers", [1, 3])
def test_never_more_requests_to_an_endpoint_than_it_may_have(start_gateway, workers):
    names = [f"/f{number:02}" for number in range(40)]
    tree = tree_of(*names, "/d/x")
    few, more = Counting(tree), Counting(tree)
    with in_thread(few), in_thread(more):
        limits = {"few": (few, 3), "more": (more, 12)}
        gateway = start_gateway(
            config=configuration(
                {
                    name: {"url": element.base_url, "max_connections": limit, **QUIET}
                    for name, (element, limit) in limits.items()
                },
                service={"workers": workers},
                federation={"deadline_s": DEADLINE_S},
                health=NEVER_EJECT,
            )
        )
        listening = workers + 1
        until(lambda: gateway.log_text().count("event=listening") == listening, "all listen")
        for element, _ in limits.values():
            element.faults = Faults(delay_s=0.05)
        with ExitStack() as stack:
            asking = []
            for name in names:
                connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=60)
                stack.callback(connection.close)
                connection.request("GET", f"{name}?metalink")
                asking.append(connection)
            assert {connection.getresponse().status for connection in asking} == {200}
        for element, limit in limits.values():
            assert 1 < element.peak <= limit
            assert sum(element.counts.values()) == len(names)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """Endpoints with one short limit each, of which the others are long."""
    folder = tmp_path_factory.mktemp("impatient")
    with ExitStack() as stack:
        hanging = stack.enter_context(in_thread(StorageElement(tree_of("/f"))))
        hanging.faults = Faults(hang=True)
        late = stack.enter_context(in_thread(StorageElement(tree_of("/f"))))
        late.faults = Faults(delay_s=1.5)
        unfinished = stack.enter_context(in_thread(StorageElement(tree_of("/f"))))
        unfinished.faults = Faults(stall_after_bytes=40)
        mute = stack.enter_context(
            in_thread(StorageElement(tree_of("/f"), tls=issued(trustme.CA()), mute=True))
        )
        long = {
            "connect_timeout_s": DEADLINE_S * 2,
            "first_byte_timeout_s": DEADLINE_S * 2,
            "total_timeout_s": DEADLINE_S * 2,
        }
        tables = {
            "connecting": (stack.enter_context(full_queue()), {"connect_timeout_s": 0.4}),
            "handshake": (mute.base_url, {"connect_timeout_s": 0.5}),
            "answering": (hanging.base_url, {"first_byte_timeout_s": 0.6}),
            "finishing": (unfinished.base_url, {"total_timeout_s": 0.7}),
            "patient": (late.base_url, {}),
        }
        text = configuration(
            {
                name: {"url": url, "mounts": [f"/{name} = /"], **long, **short, **QUIET}
                for name, (url, short) in tables.items()
            },
            federation={"deadline_s": DEADLINE_S},
            cache=FORGETFUL,
            health=NEVER_EJECT,
        )
        start = stack.enter_context(GatewayStarter(folder))
        yield start(config=text)


@pytest.mark.row("D129")
@pytest.mark.parametrize(
    ("name", "limit_s", "words"),
    [
        ("connecting", 0.4, "no connection within 0.4 s"),
        ("handshake", 0.5, "no connection within 0.5 s"),
        ("answering", 0.6, "no answer within 0.6 s"),
        ("finishing", 0.7, "not finished within 0.7 s"),
    ],
)
def test_each_time_out_of_each_endpoint_is_its_own(impatient, name, limit_s, words):
    started = time.monotonic()
    answer = ask("GET", f"{impatient.url}/{name}/f", timeout_s=60)
    took_s = time.monotonic() - started
    assert answer.status == 504
    assert f"PROPFIND: {words}" in told(answer)
    assert limit_s * 0.9 <= took_s < DEADLINE_S / 2


@pytest.mark.row("D129")
def test_an_endpoint_that_may_take_long_is_waited_for(impatient):
    started = time.monotonic()
    assert ask("GET", f"{impatient.url}/patient/f", timeout_s=60).status == 302
    assert time.monotonic() - started >= 1.5


# -- redirects of plain servers ---------------------------------------------------------------------


def test_a_plain_server_s_redirects_are_followed_to_known_hosts_only(start_gateway):
    with (
        in_thread(StorageElement(tree_of("/f"))) as target,
        in_thread(StorageElement(tree_of("/f"), listen=("127.0.0.2", 0))) as far,
        in_thread(StorageElement(tree_of("/f"))) as door,
    ):
        gateway = start_gateway(
            config=configuration(
                {
                    name: {
                        "url": door.base_url,
                        "kind": "http",
                        "mounts": [f"/{name} = /"],
                        **settings,
                        **QUIET,
                    }
                    for name, settings in {
                        "strict": {},
                        "open": {"redirect_hosts": ["127.0.0.2"]},
                    }.items()
                },
                cache=FORGETFUL,
                health=NEVER_EJECT,
            )
        )
        door.faults = Faults(location=f"{far.base_url}/f")
        refused = ask("GET", f"{gateway.url}/strict/f")
        assert refused.status == 502
        assert "redirected to another host" in told(refused)
        assert "127.0.0.2" not in told(refused) + refused.body.decode()
        assert far.counts.total() == 0
        assert far.base_url in str(health_of(gateway, "strict")["trouble"])
        assert ask("GET", f"{gateway.url}/open/f").status == 302
        assert far.counts["HEAD", "/f"] == 1
        door.faults = Faults(location=f"{target.base_url}/f")
        until(
            lambda: ask("HEAD", f"{gateway.url}/strict/f").status == 200,
            "its own host is followed, on any port",
        )


def explained(gateway: Gateway, path: str) -> dict[str, str]:
    """What the admin listener explains of a path: the detail of each endpoint."""
    answer = ask("GET", f"{gateway.admin_url}/v1/explain?path={path}")
    return {one["endpoint"]: one["detail"] for one in json.loads(answer.body)["said"]}


def test_operators_are_told_where_and_clients_are_not(secured):
    detail = explained(secured.gateway, "/refused/f")["refused"]
    assert "TLS failed: the certificate is self-signed" in detail
    assert f"127.0.0.1:{secured.elements['own'].port}" in detail
    answer = ask("GET", f"{secured.gateway.url}/refused/f")
    assert "127.0.0.1" not in told(answer) + answer.body.decode()


def test_the_dialect_of_an_element_makes_no_difference(start_gateway):
    """What each dialect's quirks come to, side by side: the same listing."""
    quirky = Dialect("quirky", verbatim_hrefs=True, private_kind=True, directory_bytes=4096)
    paths = ("/d/a b", "/d/100%", "/d/sub/x")
    with (
        in_thread(StorageElement(tree_of(*paths))) as one,
        in_thread(StorageElement(tree_of(*paths), dialect=quirky)) as other,
    ):
        gateway = start_gateway({"one": one.base_url, "other": other.base_url})
        answer = propfind(f"{gateway.url}/d/")
        assert names_in(f"{gateway.url}/d/") == ["100%", "a b", "sub/"]
        assert {one.size_bytes for one in parse_multistatus(answer.body)} == {SIZE, None}
        assert "verbatim-hrefs" in str(health_of(gateway, "other")["quirks"])
        assert health_of(gateway, "one")["quirks"] == []

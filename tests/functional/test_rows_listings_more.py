"""Listings of which something is amiss (rows D54 to D56, K29, K61)."""

import http.server
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from tests.faults.raw_server import full_queue
from tests.functional.helpers.answers import (
    links_of,
    names_in,
    parse_metalink3,
    parse_metalink4,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import health_of, metric, wait_for_service
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import HANGING, WELL, elements, tree_of
from tests.peers.ask import Answer, ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.process import free_port
from ugrpy.testing import Faults

pytestmark = pytest.mark.functional

FORGETFUL = {"listing_ttl_s": 0.0, "incomplete_ttl_s": 0.0}
V4 = "application/metalink4+xml"


# -- endpoints that are not listable -------------------------------------------------------------------


@pytest.fixture(scope="module")
def storage():
    trees = {
        "open": tree_of("/d/a", "/d/both", "/d/sub/x", "/listed/a", "/listed/sub/x"),
        "shut": tree_of("/d/b", "/d/both", "/d/deep/y", "/only/z", "/listed/b", "/hidden/b"),
        "right": tree_of("/d/r", "/d/both"),
    }
    with elements(trees) as running:
        yield running


@pytest.fixture(scope="module")
def unlistable(storage, nginx_plain, tmp_path_factory):
    """``shut`` is not to be listed, and ``plain`` is a server that cannot list."""
    nginx_plain.write("unlistable/d/p", b"plain")
    text = configuration(
        {
            "open": {"url": storage["open"].base_url, **QUIET},
            "shut": {"url": storage["shut"].base_url, "listable": False, **QUIET},
            "plain": {"url": f"{nginx_plain.url}/unlistable", "kind": "http", **QUIET},
        },
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("unlistable")) as start:
        yield start(config=text)


@pytest.mark.row("D54")
def test_an_endpoint_that_is_not_listable_is_not_asked_for_listings(unlistable, storage):
    for path in ("/", "/d", "/d/", "/d/sub", "/d/deep", "/only", "/d/none"):
        for depth in ("0", "1"):
            propfind(unlistable.url + path, depth)
        ask("GET", f"{unlistable.url}{path.rstrip('/')}/")
        ask("HEAD", f"{unlistable.url}{path.rstrip('/')}/")
    depths = {head["Depth"] for method, _, head in storage["shut"].seen if method == "PROPFIND"}
    assert depths == {"0"}
    assert {method for method, _, _ in storage["shut"].seen} == {"PROPFIND"}
    asked_to_list = [path for _, path, head in storage["open"].seen if head["Depth"] == "1"]
    assert "/d" in asked_to_list


@pytest.mark.row("D54")
def test_files_of_an_endpoint_that_is_not_listable_stay_readable(unlistable, storage, nginx_plain):
    shut, plain = storage["shut"].base_url, f"{nginx_plain.url}/unlistable"
    places = {"/d/b": shut, "/d/deep/y": shut, "/only/z": shut, "/d/p": plain}
    for path, base in places.items():
        answer = ask("GET", unlistable.url + path)
        assert (answer.status, answer.headers["location"]) == (302, base + path)
        body = ask("GET", answer.headers["location"]).body
        head = ask("HEAD", unlistable.url + path)
        assert (head.status, head.headers["content-length"]) == (200, str(len(body)))
        for depth in ("0", "1"):
            (told,) = parse_multistatus(propfind(unlistable.url + path, depth).body)
            assert (told.href, told.size_bytes, told.collection) == (path, len(body), False)
        document = parse_metalink4(ask("GET", f"{unlistable.url}{path}?metalink=4").body)
        assert document.urls == (base + path,)
    shared = parse_metalink3(ask("GET", f"{unlistable.url}/d/both?metalink").body)
    assert set(shared.urls) == {f"{storage[n].base_url}/d/both" for n in ("open", "shut")}


@pytest.mark.row("D54")
def test_a_listing_shows_what_the_others_hold_and_says_who_was_not_listed(unlistable):
    """No name below ``/listed`` and ``/hidden`` was asked for before, so nobody could have remembered one."""
    assert names_in(f"{unlistable.url}/listed/") == ["a", "sub/"]
    answer = propfind(f"{unlistable.url}/listed/")
    assert 'next-hop="shut"' in answer.headers["proxy-status"]
    assert "cannot list it" in answer.headers["proxy-status"]
    assert 'next-hop="open"' not in answer.headers["proxy-status"]
    alone = propfind(f"{unlistable.url}/hidden")
    assert [(one.href, one.collection) for one in parse_multistatus(alone.body)] == [
        ("/hidden/", True)
    ]
    assert 'next-hop="shut"' in alone.headers["proxy-status"]
    whole = propfind(f"{unlistable.url}/listed/sub")
    assert 'next-hop="shut"' not in whole.headers.get("proxy-status", "")


# -- a listing of which a part failed ------------------------------------------------------------------


@pytest.fixture(scope="module")
def partial(storage, tmp_path_factory):
    text = configuration(
        {name: {"url": storage[name].base_url, **QUIET} for name in ("open", "right")},
        federation={"deadline_s": 1.0},
        cache=FORGETFUL,
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("partial")) as start:
        yield start(config=text)


FAILING = {
    "500": Faults(status=500),
    "503": Faults(status=503),
    "401": Faults(status=401),
    "403": Faults(status=403),
    "silent": HANGING,
    "not XML": Faults(garbage=True),
    "cut off": Faults(truncate_xml=True),
    "reset": Faults(reset_after_bytes=-1),
}


@pytest.mark.row("D55")
@pytest.mark.parametrize("how", FAILING)
def test_a_partial_listing_is_told_to_the_client_and_to_the_operator(partial, storage, how):
    counter = "ugrpy_partial_listings_total"
    word = "denied" if how in ("401", "403") else "unknown"
    asks = f'ugrpy_endpoint_asks_total{{endpoint="right",outcome="{word}",verb="list"}}'
    before = metric(partial, counter), metric(partial, asks)
    storage["right"].faults = FAILING[how]
    try:
        listing, page = propfind(f"{partial.url}/d"), ask("GET", f"{partial.url}/d/")
    finally:
        storage["right"].faults = WELL
    assert (listing.status, page.status) == (207, 200)
    hrefs = [one.href for one in parse_multistatus(listing.body)]
    assert {"/d/", "/d/a", "/d/both", "/d/sub/"} <= set(hrefs) <= {*hrefs, "/d/r"}
    for answer in (listing, page):
        (said,) = re.findall(
            'next-hop="([^"]*)"(?:; received-status=([0-9]+))?; details="[^"]+"',
            answer.headers["proxy-status"],
        )
        assert said == ("right", how if word == "denied" else "")
    assert "Incomplete listing:" in page.text
    assert "1 of 2 storage elements answered" in page.text
    assert metric(partial, counter) == before[0] + 2
    assert metric(partial, asks) == before[1] + 2
    if word == "unknown":
        assert health_of(partial, "right")["last_error"]


@pytest.mark.row("D55")
def test_a_whole_listing_says_nothing_of_the_kind(partial, storage):
    counter = "ugrpy_partial_listings_total"
    before = metric(partial, counter)
    listing, page = propfind(f"{partial.url}/d"), ask("GET", f"{partial.url}/d/")
    assert "/d/r" in [one.href for one in parse_multistatus(listing.body)]
    for answer in (listing, page):
        assert "proxy-status" not in answer.headers
    assert "Incomplete" not in page.text
    assert metric(partial, counter) == before


@pytest.mark.row("D55")
def test_the_endpoint_that_makes_listings_partial_is_in_the_log_and_among_the_endpoints(
    storage, start_gateway
):
    gateway = start_gateway(
        config=configuration(
            {name: {"url": storage[name].base_url, **QUIET} for name in ("open", "right")},
            cache=FORGETFUL,
            health={"eject_after": 2},
        )
    )
    storage["right"].faults = Faults(status=500)
    try:
        for _ in range(2):
            assert "proxy-status" in propfind(f"{gateway.url}/d").headers
        health = health_of(gateway, "right")
        assert (health["in_service"], health["failures"]) == (False, 2)
        assert 'event="endpoint changed" endpoint=right' in gateway.log_text()
        # nobody asks it any more, and it is told all the same
        said = propfind(f"{gateway.url}/d").headers["proxy-status"]
        assert 'next-hop="right"; details="ejected' in said
        assert metric(gateway, "ugrpy_partial_listings_total") == 3
    finally:
        storage["right"].faults = WELL


# -- children without usable metadata ------------------------------------------------------------------

OK = "<D:status>HTTP/1.1 200 OK</D:status>"
GOOD = (
    "<D:propstat><D:prop><D:resourcetype/><D:getcontentlength>10</D:getcontentlength>"
    "<D:getlastmodified>Fri, 17 May 2024 10:00:00 GMT</D:getlastmodified></D:prop>"
    f"{OK}</D:propstat>"
)
NONE_HAD = "<D:prop><D:resourcetype/><D:getcontentlength/><D:getlastmodified/></D:prop>"
# what the server writes of a child -> whether it then still has its size
CHILDREN = {
    "good": GOOD,
    "not-found-props": f"<D:propstat>{NONE_HAD}<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>",
    "forbidden-props": f"<D:propstat>{NONE_HAD}<D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat>",
    "no-props": f"<D:propstat><D:prop/>{OK}</D:propstat>",
    "no-propstat": "",
    "no-props-collection/": f"<D:propstat><D:prop/>{OK}</D:propstat>",
    "forbidden": "<D:status>HTTP/1.1 403 Forbidden</D:status>",
    "failed": "<D:status>HTTP/1.1 500 Internal Server Error</D:status>",
    "nonsense": (
        "<D:propstat><D:prop><D:resourcetype/><D:getcontentlength>many</D:getcontentlength>"
        f"<D:getlastmodified>yesterday</D:getlastmodified></D:prop>{OK}</D:propstat>"
    ),
    "negative": (
        "<D:propstat><D:prop><D:resourcetype/><D:getcontentlength>-5</D:getcontentlength>"
        f"<D:getlastmodified/></D:prop>{OK}</D:propstat>"
    ),
    "good-too": GOOD,
}
COLLECTION = f"<D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop>{OK}</D:propstat>"


def response(href: str, said: str) -> str:
    return f"<D:response><D:href>{href}</D:href>{said}</D:response>"


def multistatus(*responses: str) -> bytes:
    body = "".join(responses)
    return f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{body}</D:multistatus>'.encode()


class _Sloppy(http.server.BaseHTTPRequestHandler):
    """A WebDAV server with a collection ``/d`` whose children it describes as ``CHILDREN`` says."""

    protocol_version = "HTTP/1.1"

    def do_PROPFIND(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        path = self.path.rstrip("/")
        if path not in ("", "/d", *(f"/d/{name.rstrip('/')}" for name in CHILDREN)):
            self._reply(404, b"")
        elif path in ("", "/d"):
            inside = ["/d/"] if not path else [f"/d/{name}" for name in CHILDREN]
            listed = [
                response(href, COLLECTION if href == "/d/" else CHILDREN[href[3:]])
                for href in inside
            ]
            # neither an href nor a usable one: it names nothing
            listed += [f"<D:response>{GOOD}</D:response>", response("relative/name", GOOD)]
            if self.headers["Depth"] == "0":
                listed = []
            self._reply(207, multistatus(response(f"{path}/", COLLECTION), *listed))
        else:
            self._reply(207, multistatus(response(path, GOOD)))

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]):
    """The base URL of a server with this handler."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


@pytest.fixture(scope="module")
def sloppy(tmp_path_factory):
    """A gateway over the sloppy server alone, and over it and one that knows two of its files well."""
    known = tree_of("/d/no-props", "/d/forbidden", "/d/elsewhere")
    with (
        serving(_Sloppy) as url,
        elements({"tidy": known}) as running,
        GatewayStarter(tmp_path_factory.mktemp("sloppy")) as start,
    ):
        alone = start(config=configuration({"sloppy": {"url": url, **QUIET}}))
        both = start(
            config=configuration(
                {
                    "sloppy": {"url": url, **QUIET},
                    "tidy": {"url": running["tidy"].base_url, **QUIET},
                }
            )
        )
        yield alone, both, url


SIZED = {"good", "good-too"}
UNSIZED = {"not-found-props", "forbidden-props", "no-props", "no-propstat", "nonsense", "negative"}


@pytest.mark.row("D56")
def test_a_child_without_usable_metadata_does_not_break_the_listing(sloppy):
    alone, _both, _url = sloppy
    answer = propfind(f"{alone.url}/d")
    assert answer.status == 207
    itself, *children = parse_multistatus(answer.body)
    assert (itself.href, itself.collection) == ("/d/", True)
    told = {one.href.removeprefix("/d/"): one for one in children}
    assert {name: told[name].size_bytes for name in SIZED} == dict.fromkeys(SIZED, 10)
    for name in UNSIZED:
        assert (told[name].collection, told[name].size_bytes) == (False, None)
    assert told["no-props-collection/"].collection
    # those the server itself will not describe: shown bare, or said to be missing, but never lost silently
    silent = {"forbidden", "failed"} - told.keys()
    assert not silent or "proxy-status" in answer.headers
    assert told.keys() <= {*CHILDREN}
    assert names_in(f"{alone.url}/") == ["d/"]


@pytest.mark.row("D56")
def test_a_child_without_usable_metadata_does_not_break_the_page(sloppy):
    alone, _both, _url = sloppy
    page = ask("GET", f"{alone.url}/d/")
    assert page.status == 200
    links = dict(links_of(page.text))
    for name in (*SIZED, *UNSIZED, "no-props-collection/"):
        assert links[f"/d/{name}"] == name
    assert page.text.count("no storage element told the size") >= len(UNSIZED)


@pytest.mark.row("D56")
def test_what_another_knows_of_the_child_is_shown(sloppy):
    _alone, both, _url = sloppy
    listed = parse_multistatus(propfind(f"{both.url}/d").body)
    told = {one.href.removeprefix("/d/"): one.size_bytes for one in listed[1:]}
    assert told["no-props"] == told["forbidden"] == told["elsewhere"] == 10
    assert told["not-found-props"] is None
    assert len(told) == len(listed) - 1


@pytest.mark.row("D56")
def test_a_child_without_usable_metadata_can_be_read_all_the_same(sloppy):
    _alone, both, url = sloppy
    for name in SIZED | UNSIZED - {"no-props"}:
        answer = ask("GET", f"{both.url}/d/{name}")
        assert (answer.status, answer.headers["location"]) == (302, f"{url}/d/{name}")


# -- no storage host in listings -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hidden:
    """A gateway whose endpoints are broken in every way.

    ``hosts`` is what nobody may read in its listings, ``names`` what only those may who are told the endpoints' names.
    """

    gateway: Gateway
    audience: str
    hosts: frozenset[str]
    names: frozenset[str]

    @property
    def secrets(self) -> frozenset[str]:
        """What a stranger may not read."""
        return self.hosts if self.audience == "public" else self.hosts | self.names


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Base URLs by name, of endpoints of which one is well; and where one of them leads."""
    trees = {
        f"site-{name}": tree_of("/base/d/file", "/base/d/sub/x")
        for name in ("good", "absolute", "other-size", "failing", "garbled", "closed", "mute")
    }
    trees["site-other-size"].add_file("/base/d/file", b"1")
    addresses = {name: f"127.0.44.{number}" for number, name in enumerate(trees, 11)}
    with elements(trees, addresses) as running, Bench() as bench:
        for name, faults in {
            "absolute": Faults(absolute_hrefs=True),
            "failing": Faults(status=500),
            "garbled": Faults(garbage=True),
            "closed": Faults(status=403),
            "mute": HANGING,
        }.items():
            running[f"site-{name}"].faults = faults
        elsewhere = "http://elsewhere.invalid:7007/moved"
        urls = {name: f"{element.base_url}/base" for name, element in running.items()}
        urls["site-gone"] = f"http://127.0.45.9:{free_port('127.0.45.9')}/base"
        urls["site-unknown"] = "http://no-such-storage.invalid:6006/base"
        urls["site-not-tls"] = f"https://127.0.44.11:{running['site-good'].port}/base"
        urls["site-leading-away"] = bench.nginx_redirect(elsewhere).url + "/base"
        yield urls, elsewhere


@pytest.fixture(scope="module", params=["public", "authenticated", "admin"])
def hidden(broken, request, tmp_path_factory):
    urls, elsewhere = broken
    parts = [urlsplit(url) for url in (*urls.values(), elsewhere)]
    hosts = {f"{part.hostname}" for part in parts} - {"127.0.0.1"}  # where the gateway is, too
    # a port alone could be any number on a page
    hosts |= {f":{part.port}" for part in parts} | {"/base", "/moved"}
    text = configuration(
        {name: {"url": url, **QUIET} for name, url in urls.items()},
        federation={"deadline_s": 0.7, "show_endpoints": request.param},
        cache={**FORGETFUL, "negative_ttl_s": 0.0},
        health={"eject_after": 3},
    )
    with GatewayStarter(tmp_path_factory.mktemp("hidden")) as start:
        gateway = start(config=text)
        yield Hidden(gateway, request.param, frozenset(hosts), frozenset(urls))


@pytest.mark.row("K29")
def test_listings_show_no_storage_host_and_no_name_to_strangers(hidden):
    """While everybody is asked, and later, when most are out of service."""
    url = hidden.gateway.url
    browser = {"Accept": "text/html"}
    seen = ""
    for _ in range(3):
        answers = [
            *(propfind(f"{url}{path}", depth) for path in ("/d", "/d/", "/") for depth in "01"),
            propfind(f"{url}/d/file", "0"),
            propfind(f"{url}/d/file", "1"),
            propfind(f"{url}/d/none", "0"),
            propfind(f"{url}/none", "1"),
            propfind(f"{url}/d", "infinity"),
            *(ask("GET", f"{url}{path}", headers=browser) for path in ("/", "/d/", "/d/sub/")),
            ask("GET", f"{url}/d/?sort=size&order=desc", headers=browser),
            ask("HEAD", f"{url}/d/"),
            *(ask("GET", f"{url}/d/none{end}", headers=browser) for end in ("", "/", "?metalink")),
            *(ask("GET", f"{url}/d/none{end}") for end in ("", "/", "?metalink=4")),
            ask("HEAD", f"{url}/d/none"),
            ask("PUT", f"{url}/d/file"),
        ]
        assert {answer.status for answer in answers} >= {200, 207, 403, 405}
        assert any("proxy-status" in answer.headers for answer in answers)
        for answer in answers:
            check_nothing_shown(answer, hidden.secrets)
            seen += f"{answer.headers} {answer.text}"
    # that the listing is partial, and that replicas disagree, is told to everybody
    assert "Incomplete listing:" in seen
    assert "size" in re.findall('<span class="c">([^<]*)</span>', seen)[0]
    told = {name for name in hidden.names if name in seen}
    if hidden.audience == "public":
        assert told >= {"site-failing", "site-mute", "site-gone", "site-unknown"}
    else:
        assert not told


@pytest.mark.row("K29")
def test_the_operator_is_told_names_and_hosts(hidden):
    """On the admin listener, whoever else is told."""
    explained = ask("GET", f"{hidden.gateway.admin_url}/v1/explain?path=/d/file").text
    listed = ask("GET", f"{hidden.gateway.admin_url}/v1/endpoints").text
    assert all(name in explained and name in listed for name in hidden.names)
    assert "no-such-storage.invalid:6006" in listed


def check_nothing_shown(answer: Answer, secrets: frozenset[str]) -> None:
    """No secret in the body or a header; the date has colons with digits of its own."""
    body = answer.text
    # times of day stand in dates and on pages
    for text in (body, *(f"{k}: {v}" for k, v in answer.headers.items() if k != "date")):
        plain = re.sub(r"\d\d:\d\d:\d\d", "", text)
        shown = {secret for secret in secrets if secret in plain}
        assert not shown, (answer.status, text[:2000])


@pytest.mark.row("K29")
def test_the_check_of_hosts_notices_one(hidden):
    redirect = ask("GET", f"{hidden.gateway.url}/d/file")
    assert redirect.status == 302
    with pytest.raises(AssertionError):
        check_nothing_shown(redirect, hidden.secrets)


# -- storages that are dead or silent ------------------------------------------------------------------

PATIENT_S = 60.0  # what is answered in a fifth of it was answered without those who never answer


@pytest.mark.row("K61")
def test_dead_and_hanging_storages_do_not_delay_answers(storage, nginx_dav, start_gateway):
    nginx_dav.write("quick/d/n", b"12345")
    with full_queue() as unreachable, elements({"mute": tree_of("/d/m")}) as silent:
        silent["mute"].faults = HANGING
        urls = {
            "open": storage["open"].base_url,
            "nginx": f"{nginx_dav.url}/quick",
            "dead": f"http://127.0.0.1:{free_port('127.0.0.1')}",
            "mute": silent["mute"].base_url,
            "unreachable": unreachable,
        }
        slow = {"connect_timeout_s": PATIENT_S, "first_byte_timeout_s": PATIENT_S}
        gateway = start_gateway(
            config=configuration(
                {name: {"url": url, **slow} for name, url in urls.items()},
                federation={"deadline_s": PATIENT_S},
                health={"probe_interval_s": 0.2, "max_latency_s": 0.5},
            )
        )
        # what somebody holds is found at once, before anybody is known to be dead
        check_quick(gateway, [("GET", "/d/a", 302), ("HEAD", "/d/a", 200), ("GET", "/d/n", 302)])
        for name in ("dead", "mute", "unreachable"):
            wait_for_service(gateway, name, serving=False)
        check_quick(
            gateway,
            [
                ("PROPFIND", "/d", 207),
                ("PROPFIND", "/", 207),
                ("PROPFIND", "/d/sub/", 207),
                ("GET", "/d/", 200),
                ("GET", "/d/b", 404),
                ("HEAD", "/d/never", 404),
                ("GET", "/d/both?metalink", 200),
                ("GET", "/d/both?metalink=4", 200),
                ("PROPFIND", "/d/none", 404),
            ],
        )
        listing = propfind(f"{gateway.url}/d")
        hrefs = [one.href for one in parse_multistatus(listing.body)]
        assert hrefs == ["/d/", "/d/a", "/d/both", "/d/n", "/d/sub/"]
        for name in ("dead", "mute", "unreachable"):
            assert f'next-hop="{name}"' in listing.headers["proxy-status"]


def check_quick(gateway: Gateway, cases: list[tuple[str, str, int]]) -> None:
    """Each is answered by that status, long before the deadline."""
    for method, target, status in cases:
        started = time.monotonic()
        answer = ask(method, gateway.url + target, headers={"Depth": "1"}, timeout_s=PATIENT_S)
        assert answer.status == status, (method, target, answer)
        assert time.monotonic() - started < PATIENT_S / 5, (method, target)

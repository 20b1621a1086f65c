"""HTTP as it comes over the wire: connections that are kept, old and odd requests, hostile targets, refused uploads."""

import time

import pytest

from tests.functional.helpers.answers import ageless
from tests.functional.helpers.asking import Wire, request
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import Answer
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults, StorageElement

pytestmark = pytest.mark.functional

FILES = [f"/d/{number}" for number in range(30)]
ALLOWED = "OPTIONS, GET, HEAD, PROPFIND"


@pytest.fixture(scope="module")
def element():
    with elements({"one": tree_of(*FILES, "/f", "/secret", "/d/sub/x")}) as running:
        yield running["one"]


@pytest.fixture(scope="module")
def gateway(element, tmp_path_factory):
    """The endpoint's ``/d`` is the whole federation: what lies beside it must never be reached."""
    text = configuration(
        {"one": {"url": element.base_url, "mounts": ["/ = /d"], **QUIET}}, health=NEVER_EJECT
    )
    with GatewayStarter(tmp_path_factory.mktemp("wire")) as start:
        yield start(config=text)


def location(element: StorageElement, number: int) -> str:
    return element.base_url + FILES[number]


@pytest.mark.row("K12")
def test_answers_of_every_kind_follow_each_other_on_one_connection(gateway, element):
    with Wire(gateway) as wire:
        for _ in range(3):
            wire.send(request("GET", "/0"))
            redirect = wire.receive()
            assert (redirect.status, redirect.headers["location"]) == (302, location(element, 0))
            wire.send(request("HEAD", "/0"))
            head = wire.receive(head_only=True)
            assert (head.status, head.headers["content-length"]) == (200, "10")
            wire.send(request("GET", "/none"))
            assert wire.receive().status == 404
            wire.send(request("HEAD", "/none"))
            assert wire.receive(head_only=True).status == 404
            wire.send(request("PROPFIND", "/", "Depth: 1"))
            listing = wire.receive()
            assert (listing.status, listing.body.count(b"<D:href>")) == (207, 32)
            wire.send(request("GET", "/"))
            assert wire.receive().status == 200
            wire.send(request("HEAD", "/"))
            assert wire.receive(head_only=True).status == 200
            wire.send(request("OPTIONS", "/"))
            assert wire.receive().headers["allow"] == ALLOWED


@pytest.mark.row("K12")
def test_pipelined_requests_are_answered_in_their_order(gateway, element):
    """Remembered names and new ones take turns, so that quick answers could overtake slow ones."""
    with Wire(gateway) as wire:
        for number in range(1, 6):
            wire.send(request("GET", f"/{number}"))
            assert wire.receive().headers["location"] == location(element, number)
        turns = [number for pair in zip(range(1, 6), range(6, 11), strict=True) for number in pair]
        for number in range(6, 11):
            element.faults_at[FILES[number]] = Faults(delay_s=0.05)
        wire.send(b"".join(request("GET", f"/{number}") for number in turns))
        got = [wire.receive().headers["location"] for _ in turns]
        assert got == [location(element, number) for number in turns]


def mixed(etag: str) -> list[tuple[bytes, int]]:
    """Requests and the statuses of their answers; the second and the fifth are HEADs."""
    question = b'<propfind xmlns="DAV:"><propname/></propfind>'
    asks = request("PROPFIND", "/2", "Depth: 0", f"Content-Length: {len(question)}") + question
    return [
        (request("GET", "/0"), 302),
        (request("HEAD", "/1"), 200),
        (request("GET", "/none"), 404),
        (asks, 207),
        (request("HEAD", "/1", f"If-None-Match: {etag}"), 304),
        (request("PROPFIND", "/", "Depth: infinity"), 403),
        (request("GET", "/%0a"), 400),
        (request("DELETE", "/0"), 405),
        (request("PROPFIND", "/", "Depth: 1"), 207),
        (request("GET", "/3"), 302),
    ]


@pytest.mark.row("K12")
@pytest.mark.parametrize("size", [1, 2, 61, 100_000], ids=lambda size: f"segments of {size}")
def test_different_pipelined_requests_are_answered_in_their_order(gateway, element, size):
    with Wire(gateway) as wire:
        wire.send(request("HEAD", "/1"))
        etag = wire.receive(head_only=True).headers["etag"]
        batch = mixed(etag)
        data = b"".join(asked for asked, _status in batch)
        for at in range(0, len(data), size):
            wire.send(data[at : at + size])
        answers = [wire.receive(head_only=number in (1, 4)) for number in range(len(batch))]
        assert [answer.status for answer in answers] == [status for _asked, status in batch]
        assert answers[0].headers["location"] == location(element, 0)
        assert answers[4].headers["etag"] == etag
        assert answers[-1].headers["location"] == location(element, 3)


@pytest.mark.row("K12")
def test_a_broken_request_does_not_cost_those_before_it_their_answers(gateway, element):
    with Wire(gateway) as wire:
        wire.send(request("GET", "/0") + request("HEAD", "/1") + b"NONSENSE\r\n\r\n")
        assert wire.receive().headers["location"] == location(element, 0)
        assert wire.receive(head_only=True).status == 200
        assert wire.receive().status == 501
        assert wire.at_end()


def test_a_request_that_comes_byte_by_byte_is_one_request(gateway, element):
    with Wire(gateway) as wire:
        for byte in request("GET", "/0") + request("GET", "/1")[:20]:
            wire.send(bytes([byte]))
        assert wire.receive().headers["location"] == location(element, 0)
        wire.send(request("GET", "/1")[20:])
        assert wire.receive().headers["location"] == location(element, 1)


@pytest.mark.parametrize("warm", [False, True])
def test_connection_close_is_obeyed(gateway, element, warm):
    with Wire(gateway) as wire:
        if warm:
            wire.send(request("GET", "/0") * 2)
            assert [wire.receive().status for _ in range(2)] == [302, 302]
        wire.send(request("GET", "/0", "Connection: close"))
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (302, "close")
        assert wire.at_end()


@pytest.mark.row("K13")
def test_http_1_0_gets_no_chunks_and_the_end_of_the_connection(gateway, element):
    for target, status in (("/0", 302), ("/", 200), ("/none", 404)):
        for _ in range(2):
            with Wire(gateway) as wire:
                wire.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
                answer = wire.receive()
                assert answer.status == status
                assert "transfer-encoding" not in answer.headers
                assert int(answer.headers["content-length"]) == len(answer.body)
                assert wire.at_end()


@pytest.mark.row("K13")
def test_http_1_0_keeps_the_connection_when_asked_to(gateway, element):
    with Wire(gateway) as wire:
        for _ in range(3):
            wire.send(b"GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = wire.receive()
            assert answer.headers["location"] == location(element, 0)
            assert answer.headers["connection"].lower() == "keep-alive"


@pytest.mark.row("K13")
@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ("", 400),
        ("Host: a\r\nHost: a\r\n", 400),
        ("Host: a\r\nHost: b\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: a:b\r\n", 400),
        ("Host:\r\n", 302),
        ("Host: [::1]:80\r\n", 302),
    ],
)
def test_http_1_1_has_exactly_one_host(gateway, hosts, status):
    with Wire(gateway) as wire:
        wire.send(f"GET /0 HTTP/1.1\r\n{hosts}\r\n".encode() + request("GET", "/1"))
        answer = wire.receive()
        assert answer.status == status
        if status == 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert wire.at_end()
        else:
            assert wire.receive().status == 302


@pytest.mark.parametrize(
    "target",
    ["http://gateway/0", "http://gateway:80/0", "HTTP://other.example/0?x=1", "https://a/0"],
)
def test_an_absolute_target_means_its_path(gateway, element, target):
    with Wire(gateway) as wire:
        wire.send(request("GET", target))
        answer = wire.receive()
        assert (answer.status, answer.headers["location"]) == (302, location(element, 0))


def test_an_absolute_target_without_a_path_means_the_root(gateway):
    with Wire(gateway) as wire:
        wire.send(request("GET", "http://gateway"))
        answer = wire.receive()
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


HOSTILE = [
    "/..",
    "/../secret",
    "/sub/../../secret",
    "/sub/../0",
    "/%2e%2e/secret",
    "/%2E./secret",
    "/sub/%2e%2e/%2e%2e/secret",
    "/..%2fsecret",
    "/sub%2f..%2f..%2fsecret",
    "/%00",
    "/0%00.txt",
    "/0%0d%0aLocation:%20http://evil.example/",
    "/0%0aX: y",
    "/0%7f",
    "/%1b[31m",
    "http://gateway/../secret",
    "http://gateway/%2e%2e/secret",
    "ftp://gateway/0",
    "0",
    "/" + "a" * 14_000,
    "/" + "a" * 20_000,
    "/" + "a" * 200_000,
    "/0?" + "q" * 20_000,
]


@pytest.mark.row("K9")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND"])
@pytest.mark.parametrize("target", HOSTILE, ids=lambda target: target[:30])
def test_a_hostile_target_is_refused_and_goes_no_further(gateway, element, method, target):
    before = dict(element.counts)
    with Wire(gateway) as wire:
        wire.send(request(method, target, "Depth: 0"))
        answer = wire.receive(head_only=method == "HEAD")
    assert 400 <= answer.status < 500
    assert "location" not in answer.headers
    assert "x" not in answer.headers
    assert dict(element.counts) == before


@pytest.mark.row("K9")
@pytest.mark.parametrize("octet", [0x00, 0x01, 0x0B, 0x1B, 0x7F])
def test_a_raw_control_character_in_the_target_is_refused(gateway, element, octet):
    before = dict(element.counts)
    with Wire(gateway) as wire:
        wire.send(b"GET /0" + bytes([octet]) + b"x HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert wire.receive().status == 400
    assert dict(element.counts) == before


@pytest.mark.parametrize("target", ["//0", "/.//0", "///0", "/./0", "/sub/.//x"])
def test_empty_and_single_dot_components_do_no_harm(gateway, element, target):
    with Wire(gateway) as wire:
        wire.send(request("GET", target))
        answer = wire.receive()
    assert answer.status == 302
    name = "/d/sub/x" if "sub" in target else "/d/0"
    assert answer.headers["location"] == element.base_url + name


@pytest.mark.row("K9")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "line",
    [
        b"%s /0\r\nX: injected HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s /0\rX: injected HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s /0\nX: injected HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s /0\x00 HTTP/1.1\r\nX: injected\r\nHost: h\r\n\r\n",
        b"%s /0?\r\n HTTP/1.1\r\nX: injected\r\nHost: h\r\n\r\n",
        b"%s /%%0d%%0aX:%%20injected HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s /%%0D%%0AX:%%20injected/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s /%%00X:%%20injected?metalink HTTP/1.1\r\nHost: h\r\n\r\n",
        b"%s http://h/%%0d%%0aX:%%20injected HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_line_ends_raw_or_escaped_never_reach_a_header(gateway, element, method, line):
    before = dict(element.counts)
    with Wire(gateway) as wire:
        wire.send(line % method.encode())
        answer = wire.receive(head_only=method == "HEAD")
    assert answer.status in (400, 405)
    assert b"injected" not in "\n".join(answer.headers.values()).encode()
    assert {"location", "x"}.isdisjoint(answer.headers)
    assert dict(element.counts) == before


def test_an_escaped_line_end_in_a_query_stays_there(gateway, element):
    """A query says nothing about the file, so it is no reason to refuse; nothing of it is repeated."""
    with Wire(gateway) as wire:
        wire.send(request("GET", "/0?a=%0d%0aX:%20injected"))
        answer = wire.receive()
    assert (answer.status, answer.headers["location"]) == (302, location(element, 0))
    assert "x" not in answer.headers


@pytest.mark.row("K11")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "OPTIONS", "PUT"])
@pytest.mark.parametrize(
    "target",
    ["/" + "a" * 16_384, "/" + "a/" * 50_000, "/0?" + "q" * 16_400, "/" + "%41" * 6_000],
    ids=["name", "path", "query", "escapes"],
)
def test_an_over_long_target_is_414(gateway, element, method, target):
    before = dict(element.counts)
    with Wire(gateway) as wire:
        wire.send(request(method, target, "Depth: 0"))
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (414, "close")
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.body) < 300
        assert wire.at_end()
    assert dict(element.counts) == before


@pytest.mark.row("K11")
def test_one_that_goes_on_for_ever_is_414_before_its_end(gateway):
    with Wire(gateway) as wire:
        wire.send(b"GET /" + b"a" * 20_000)
        assert wire.receive().status == 414
        assert wire.at_end()


def test_a_long_target_within_the_bound_is_looked_up(gateway):
    with Wire(gateway) as wire:
        wire.send(request("GET", "/" + "a" * 200 + "/b" * 1_900))
        assert wire.receive().status == 404


@pytest.mark.parametrize(
    "headers",
    [
        ["X: " + "a" * 9_000],
        ["a" * 9_000 + ": x"],
        ["Cookie: " + "a" * 1_000_000],
        [f"X-{number}: a" for number in range(200)],
        [f"X-{number}: {'a' * 8_000}" for number in range(120)],
    ],
    ids=["value", "name", "megabyte", "many", "all"],
)
def test_huge_headers_are_431(gateway, headers):
    with Wire(gateway) as wire:
        wire.send_all_it_takes(request("GET", "/0", *headers))
        answer = wire.receive()
        assert answer.status == 431
        assert answer.headers["content-type"] == "application/problem+json"
        assert wire.at_end()


BODY = b"GET /1 HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.row("K14")
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "MKCOL", "PATCH", "LOCK"])
def test_a_refused_method_with_a_body_leaves_the_connection_in_step(gateway, element, method):
    """The body looks like a request: whoever lost step would answer it."""
    length = request(method, "/new", f"Content-Length: {len(BODY)}") + BODY
    pieces = request(method, "/new", "Transfer-Encoding: chunked") + chunked(BODY)
    with Wire(gateway) as wire:
        for data in (length, pieces):
            wire.send(data + request("GET", "/2"))
            refused = wire.receive()
            assert (refused.status, refused.headers["allow"]) == (405, ALLOWED)
            following = wire.receive()
            assert (following.status, following.headers["location"]) == (302, location(element, 2))


@pytest.mark.row("K14")
def test_a_refused_upload_of_a_megabyte_leaves_the_connection_in_step(gateway, element):
    with Wire(gateway) as wire:
        wire.send(request("PUT", "/new", "Content-Length: 1000000") + b"GET /1 " * 142_857 + b"!")
        assert wire.receive().status == 405
        wire.send(request("GET", "/2"))
        assert wire.receive().headers["location"] == location(element, 2)


@pytest.mark.row("K14")
@pytest.mark.parametrize(
    "framing",
    [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"],
    ids=["length", "chunks"],
)
def test_an_upload_that_asks_first_is_refused_before_its_body(gateway, framing):
    """Whether the client then sends the body or not, nothing of it is taken for a request: the connection ends."""
    for follows in (b"", BODY, chunked(BODY), request("GET", "/2")):
        with Wire(gateway) as wire:
            wire.send(request("PUT", "/new", framing, "Expect: 100-continue"))
            refused = wire.receive()
            assert (refused.status, refused.headers["allow"]) == (405, ALLOWED)
            assert refused.headers["connection"] == "close"
            wire.send(follows)
            wire.finish()
            assert wire.at_end()


@pytest.mark.row("K14")
@pytest.mark.parametrize(
    "method", ["FROB", "BREW", "X" * 100, "get", "Get", "GETT", "VERSION_CONTROL"]
)
@pytest.mark.parametrize(
    "body", [b"", b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked"]
)
def test_an_unknown_method_is_501_and_its_body_no_request(gateway, method, body):
    data = (
        method.encode()
        + b" /0 HTTP/1.1\r\nHost: h\r\n"
        + (body + b"\r\n" if body else b"")
        + b"\r\n"
    )
    with Wire(gateway) as wire:
        wire.send(data + (chunked(BODY) if b"chunked" in body else BODY))
        answer = wire.receive()
        assert (answer.status, answer.headers["connection"]) == (501, "close")
        assert answer.headers["content-type"] == "application/problem+json"
        assert wire.at_end()


@pytest.mark.row("K14")
@pytest.mark.parametrize(
    "method",
    [
        "TRACE",
        "ACL",
        "BIND",
        "REPORT",
        "SEARCH",
        "UNLOCK",
        "MKCALENDAR",
        "QUERY",
        "SUBSCRIBE",
        "LINK",
    ],
)
def test_a_method_that_is_known_elsewhere_is_405_with_allow(gateway, element, method):
    with Wire(gateway) as wire:
        wire.send(request(method, "/0") + request("GET", "/2"))
        refused = wire.receive()
        assert (refused.status, refused.headers["allow"]) == (405, ALLOWED)
        assert wire.receive().headers["location"] == location(element, 2)


# -- XML -------------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
PROPFIND = '<D:propfind xmlns:D="DAV:"><D:prop><D:{name}/></D:prop></D:propfind>'
NOT_XML = {
    "text": "not XML at all",
    "half": PROPFIND[:30],
    "crossed": '<D:propfind xmlns:D="DAV:"><D:prop></D:propfind></D:prop>',
    "two roots": PROPFIND.format(name="x") * 2,
    "undeclared prefix": "<D:propfind><D:allprop/></D:propfind>",
    "wrong root": '<x xmlns="DAV:"><allprop/></x>',
    "no namespace": "<propfind><allprop/></propfind>",
    "no question": '<propfind xmlns="DAV:"/>',
    "two questions": '<propfind xmlns="DAV:"><allprop/><propname/></propfind>',
    "a control character": PROPFIND.format(name="x") + "\x01",
    "wrong encoding": '<?xml version="1.0" encoding="nonsense"?>' + PROPFIND.format(name="x"),
    "undeclared entity": '<propfind xmlns="DAV:"><prop>&x;<a/></prop></propfind>',
    "deep": "<a>" * 4_000 + "</a>" * 4_000,
}
DTDS = {
    "an entity": '<!DOCTYPE p [<!ENTITY x "getcontentlength">]>',
    "laughs": f'<!DOCTYPE p [<!ENTITY l0 "ha">{LAUGHS}]>',
    "a file": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "the network": '<!DOCTYPE p [<!ENTITY x SYSTEM "{url}/d/0">]>',
    "an external DTD": '<!DOCTYPE p SYSTEM "{url}/d/0">',
    "a parameter entity": '<!DOCTYPE p [<!ENTITY % x SYSTEM "{url}/d/0"> %x;]>',
    "nothing": "<!DOCTYPE p>",
}


def asks_with(wire: Wire, body: bytes) -> Answer:
    wire.send(request("PROPFIND", "/0", "Depth: 0", f"Content-Length: {len(body)}") + body)
    return wire.receive()


@pytest.mark.row("K27")
@pytest.mark.parametrize("name", NOT_XML)
def test_malformed_xml_is_400_and_the_connection_goes_on(gateway, element, name):
    with Wire(gateway) as wire:
        for encoding in ("utf-8", "utf-16"):
            answer = asks_with(wire, NOT_XML[name].encode(encoding))
            assert answer.status == 400
            assert answer.headers["content-type"] == "application/problem+json"
        wire.send(request("GET", "/2"))
        assert wire.receive().headers["location"] == location(element, 2)


@pytest.mark.row("K27")
@pytest.mark.parametrize("name", DTDS)
def test_entities_are_refused_and_nothing_is_fetched_or_expanded(gateway, element, name):
    before = dict(element.counts)
    reference = {"laughs": "&l11;", "an external DTD": "", "a parameter entity": "", "nothing": ""}
    document = (
        DTDS[name].replace("{url}", element.base_url)
        + f'<propfind xmlns="DAV:"><prop><a>{reference.get(name, "&x;")}</a></prop></propfind>'
    )
    started = time.monotonic()
    with Wire(gateway) as wire:
        answer = asks_with(wire, document.encode())
        assert answer.status == 400
        assert b"root:" not in answer.body
        assert len(answer.body) < 1000
        wire.send(request("GET", "/2"))
        assert wire.receive().headers["location"] == location(element, 2)
    assert time.monotonic() - started < 5
    assert dict(element.counts) == before


@pytest.mark.row("K27")
def test_a_body_that_is_too_large_is_413_and_ends_the_connection(gateway):
    piece = b"<a/>" * 5_000
    length = request("PROPFIND", "/0", "Depth: 0", "Content-Length: 100000000") + piece
    chunks = request("PROPFIND", "/0", "Depth: 0", "Transfer-Encoding: chunked")
    chunks += (b"%x\r\n%s\r\n" % (len(piece), piece)) * 5
    for data in (length, chunks):
        with Wire(gateway) as wire:
            wire.send(data)
            answer = wire.receive()
            assert (answer.status, answer.headers["connection"]) == (413, "close")


@pytest.mark.row("K28")
@pytest.mark.parametrize("depth", ["Depth: infinity", "Depth: Infinity", "X-No: depth"])
@pytest.mark.parametrize("target", ["/", "/sub", "/sub/", "/0", "/none", "/none/"])
def test_depth_infinity_is_403_and_asks_nobody(gateway, element, depth, target):
    before = dict(element.counts)
    with Wire(gateway) as wire:
        wire.send(request("PROPFIND", target, depth) + request("OPTIONS", "/"))
        answer = wire.receive()
        assert answer.status == 403
        assert b"<D:propfind-finite-depth/>" in answer.body
        assert wire.receive().status == 200
    assert dict(element.counts) == before


@pytest.mark.row("K28")
@pytest.mark.parametrize("depth", ["2", "-1", "1,noroot", "infinity, 1", "", "x" * 1000])
def test_a_depth_that_is_none_is_400(gateway, depth):
    with Wire(gateway) as wire:
        wire.send(request("PROPFIND", "/", f"Depth: {depth}"))
        assert wire.receive().status == 400


# -- credentials nobody asked for ------------------------------------------------------------------

CREDENTIALS = [
    "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
    "Bearer " + "a" * 4000,
    "bearer",
    "Bearer",
    "Basic dXNlcjpwYXNzd29yZA==",
    "Basic not base64!",
    "Negotiate YII=",
    "",
]


@pytest.mark.row("K53")
@pytest.mark.parametrize("credentials", CREDENTIALS, ids=lambda value: value[:12])
def test_credentials_on_a_public_read_change_nothing(gateway, element, credentials):
    reads = [
        ("GET", "/0"),
        ("HEAD", "/0"),
        ("GET", "/"),
        ("PROPFIND", "/"),
        ("GET", "/0?metalink=4"),
    ]
    unlike = {"date", "connection", "age", "cache-status", "server-timing"}
    with Wire(gateway) as wire:
        for method, target in reads:
            answers = []
            for header in ("X-No: credentials", f"Authorization: {credentials}"):
                wire.send(request(method, target, "Depth: 1", header))
                answers.append(wire.receive(head_only=method == "HEAD"))
            without, having = answers
            assert having.status == without.status < 400
            assert ageless(having.body) == ageless(without.body)
            # only what is remembered by then has an age
            assert having.headers.keys() - {"age"} == without.headers.keys() - {"age"}
            assert {k: v for k, v in having.headers.items() if k not in unlike} == {
                k: v for k, v in without.headers.items() if k not in unlike
            }
    assert not any("authorization" in map(str.lower, headers) for _m, _p, headers in element.seen)


def test_no_writing_method_is_offered_to_credentials_either(gateway):
    with Wire(gateway) as wire:
        wire.send(request("PUT", "/0", f"Authorization: {CREDENTIALS[0]}", "Content-Length: 0"))
        assert wire.receive().status == 405


@pytest.mark.row("K14")
def test_no_writing_method_reaches_a_storage_element(gateway, element):
    for method in ("PUT", "POST", "DELETE", "MKCOL", "PROPPATCH", "COPY", "MOVE", "LOCK"):
        with Wire(gateway) as wire:
            wire.send(request(method, "/0", "Content-Length: 0", "Destination: /d/new"))
            assert wire.receive().status == 405
    assert {method for method, _path in element.counts} <= {"PROPFIND"}
    assert len(element.tree.files) == len(FILES) + 3

"""HTTP as it comes over the wire: connections that are kept, old and odd requests, hostile targets, refused uploads."""

import pytest

from tests.functional.helpers.asking import Wire, request
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
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


def test_different_pipelined_requests_are_answered_in_their_order(gateway, element):
    with Wire(gateway) as wire:
        batch = [
            request("GET", "/0"),
            request("HEAD", "/1"),
            request("GET", "/none"),
            request("PROPFIND", "/2", "Depth: 0"),
            request("PROPFIND", "/", "Depth: infinity"),
            request("GET", "/%0a"),
            request("DELETE", "/0"),
            request("GET", "/3"),
        ]
        wire.send(b"".join(batch))
        statuses = [wire.receive(head_only=number == 1).status for number in range(len(batch) - 1)]
        assert statuses == [302, 200, 404, 207, 403, 400, 405]
        assert wire.receive().headers["location"] == location(element, 3)


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


def test_http_1_0_keeps_the_connection_when_asked_to(gateway, element):
    with Wire(gateway) as wire:
        for _ in range(3):
            wire.send(b"GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = wire.receive()
            assert answer.headers["location"] == location(element, 0)
            assert answer.headers["connection"].lower() == "keep-alive"


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


BODY = b"GET /1 HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


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


def test_a_refused_upload_of_a_megabyte_leaves_the_connection_in_step(gateway, element):
    with Wire(gateway) as wire:
        wire.send(request("PUT", "/new", "Content-Length: 1000000") + b"GET /1 " * 142_857 + b"!")
        assert wire.receive().status == 405
        wire.send(request("GET", "/2"))
        assert wire.receive().headers["location"] == location(element, 2)


def test_an_upload_that_asks_first_is_refused_before_its_body(gateway):
    with Wire(gateway) as wire:
        wire.send(request("PUT", "/new", "Content-Length: 5", "Expect: 100-continue"))
        refused = wire.receive()
        assert (refused.status, refused.headers["allow"]) == (405, ALLOWED)


def test_no_writing_method_reaches_a_storage_element(gateway, element):
    for method in ("PUT", "POST", "DELETE", "MKCOL", "PROPPATCH", "COPY", "MOVE", "LOCK"):
        with Wire(gateway) as wire:
            wire.send(request(method, "/0", "Content-Length: 0", "Destination: /d/new"))
            assert wire.receive().status == 405
    assert {method for method, _path in element.counts} <= {"PROPFIND"}
    assert len(element.tree.files) == len(FILES) + 3

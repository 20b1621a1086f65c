"""What clients are told of requests that are none: by status, by fault, and never what they sent."""

import asyncio
import json

import pytest
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from ugrpy import telemetry
from ugrpy.core.errors import UgrError
from ugrpy.service.refusal import (
    CROWDED,
    LONG_HEAD,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    SLOW_HEAD,
    Fault,
    Refused,
    is_framed,
    refusal_of,
    refusal_of_request,
)

HOST = b"Host: h\r\n"


def parsed(data: bytes):
    """What the installed parser makes of it: a request, or the error it raises."""
    parser = HttpRequestParser(
        None,
        asyncio.new_event_loop(),
        2**16,
        max_line_size=MAX_TARGET_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    messages, _upgraded, _tail = parser.feed_data(data)
    ((message, _payload),) = messages
    return message


@pytest.fixture(autouse=True)
def _a_loop_for_each_parser(monkeypatch):
    loops = []
    make = asyncio.new_event_loop

    def remembered():
        loops.append(make())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", remembered)
    yield
    for loop in loops:
        loop.close()


@pytest.mark.parametrize(
    ("data", "status", "fault", "detail"),
    [
        (b"GET /" + b"s3cret" * 4000 + b" HTTP/1.1\r\n", 414, Fault.TOO_LONG, "16384"),
        (b"GET / HTTP/1.1\r\nX: " + b"s3cret" * 2000, 431, Fault.TOO_LONG, "8190"),
        (b"GET / HTTP/1.1\r\n" + b"s3cret" * 2000 + b": 1\r\n", 431, Fault.TOO_LONG, "8190"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: s3cret\r\n" * 200, 431, Fault.TOO_LONG, "128"),
        (b"FROB /s3cret HTTP/1.1\r\n", 501, Fault.UNSUPPORTED, "method"),
        (b"get /s3cret HTTP/1.1\r\n", 501, Fault.UNSUPPORTED, "method"),
        (b"\x00s3cret", 400, Fault.MALFORMED, "rules"),
        (b"\x16\x03\x01s3cret", 400, Fault.MALFORMED, "TLS"),
        (b"GET /s3cret HTTP/1.1\r\n\r\n", 400, Fault.MALFORMED, "one Host"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: s3cret\r\n\r\n", 400, Fault.MALFORMED, "one Host"),
        (b"GET / HTTP/1.1\r\nX : s3cret\r\n", 400, Fault.MALFORMED, "rules"),
        (b"GET / HTTP/1.1\r\nX: s3cret\x00\r\n", 400, Fault.MALFORMED, "rules"),
        (b"GET /s3cret HTTP/1.7\r\n", 400, Fault.MALFORMED, "rules"),
        (b"GET /\xff HTTP/1.1\r\n", 400, Fault.MALFORMED, "rules"),
    ],
)
def test_the_parsers_errors(data, status, fault, detail):
    with pytest.raises(HttpProcessingError) as caught:
        parsed(data)
    refusal = refusal_of(caught.value)
    assert (refusal.status, refusal.fault) == (status, fault)
    problem = json.loads(refusal.body)
    assert problem["status"] == status
    assert problem["title"]
    assert detail in problem["detail"]
    assert b"s3cret" not in refusal.body
    # the log has what stands before the colon, which is the parser's own
    assert "s3cret" not in caught.value.message.partition(":")[0]


def test_an_error_nobody_has_seen_yet():
    assert refusal_of(BadHttpMessage("something new")).status == 400


@pytest.mark.parametrize(
    ("version", "status"), [(b" HTTP/2.0", 505), (b" HTTP/0.9", 400), (b"", 400)]
)
def test_other_versions(version, status):
    refusal = refusal_of_request(parsed(b"GET /" + version + b"\r\n" + HOST + b"\r\n"))
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize(
    "host",
    [
        *("", "h", "a.b-c_d.example", "h:80", "h:", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:80"),
        *("a%20b", "x" * 250, "x" * 1000),
    ],
)
def test_a_host_that_is_one(host):
    assert refusal_of_request(parsed(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())) is None


@pytest.mark.parametrize(
    "host",
    [
        *(
            "a b",
            "a/b",
            "a@b",
            "a:b",
            "a:80:90",
            "[::1",
            "::1",
            "a?b",
            "a#b",
            "é",
            "a\\b",
            "http://a",
        ),
        *("a\tb", "x" * 250 + "/", "x" * 1000 + "/"),
    ],
)
def test_a_host_that_is_none(host):
    refusal = refusal_of_request(parsed(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))
    assert refusal is not None
    assert (refusal.status, refusal.fault) == (400, Fault.MALFORMED)


def test_http_1_0_needs_no_host():
    assert refusal_of_request(parsed(b"GET / HTTP/1.0\r\n\r\n")) is None


@pytest.mark.parametrize(
    ("version", "headers", "framed"),
    [
        (b"1.1", b"Transfer-Encoding: chunked\r\n", True),
        (b"1.0", b"Transfer-Encoding: chunked\r\n", False),
        (b"1.0", b"Content-Length: 3\r\n", True),
        (b"1.1", b"Content-Length: 3\r\nConnection: upgrade\r\nUpgrade: h2c\r\n", False),
    ],
)
def test_whether_it_is_sure_where_content_ends(version, headers, framed):
    message = parsed(b"PUT / HTTP/" + version + b"\r\n" + HOST + headers + b"\r\n")
    assert is_framed(message) is framed


@pytest.mark.parametrize(
    ("refusal", "status"), [(SLOW_HEAD, 408), (CROWDED, 503), (LONG_HEAD, 431)]
)
def test_our_own(refusal, status):
    assert refusal.status == status
    assert refusal_of(Refused(refusal)) is refusal
    assert refusal.headers["Connection"] == "close"
    assert refusal.headers["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in refusal.headers) is (status == 503)


def test_every_fault_is_in_the_table_of_metrics():
    (label,) = telemetry.CLIENT_FAULTS.labels
    assert set(label.values) == set(Fault)
    assert not issubclass(Refused, UgrError)  # it never leaves the connection

"""What goes out, what comes back, and what each kind of answer amounts to."""

import gzip

import pytest

from tests.faults.raw_server import (
    RawServer,
    always,
    chunked,
    http,
    once,
    then_reset,
)
from ugrpy.core.errors import Busy, ConfigError, Failed, Malformed, Unreachable
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional


async def fetch(transport, url: str, method: str = "GET", **more) -> tuple[int, bytes]:
    async with transport.exchange(method, url, **more) as reply:
        return reply.status, b"".join([piece async for piece in reply.content.iter_any()])


# -- what goes out ---------------------------------------------------------------------------------


async def test_the_request_as_it_was_meant(make_transport):
    async with RawServer(always(http(207, b"ok"))) as server:
        url = f"{server.url}/a%20b/100%25/%2525/plus+sign;v=1"
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        said = await fetch(make_transport(), url, "PROPFIND", headers=headers, body=b"<x/>")
    assert said == (207, b"ok")
    (asked,) = server.requests
    assert (asked.method, asked.body) == ("PROPFIND", b"<x/>")
    assert asked.target == "/a%20b/100%25/%2525/plus+sign;v=1"
    assert (asked.headers["depth"], asked.headers["user-agent"]) == ("1", "ugrpy")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


async def test_cookies_are_not_kept(make_transport):
    async with RawServer(always(http(200, b"", "Set-Cookie: session=1; Path=/"))) as server:
        transport = make_transport()
        await fetch(transport, server.url)
        await fetch(transport, server.url)
    assert "cookie" not in server.requests[1].headers


async def test_proxies_in_the_environment_are_not_used(make_transport, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    async with RawServer(always(http(200, b"direct"))) as server:
        assert await fetch(make_transport(), server.url) == (200, b"direct")


# -- what comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [200, 204, 207, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410]
)
async def test_statuses_that_are_the_callers(make_transport, status):
    answer = http(status, b"", "Location: /loop")
    async with RawServer(always(answer)) as server:
        assert await fetch(make_transport(), server.url) == (status, b"")
        assert len(server.requests) == 1  # no redirect is followed


@pytest.mark.parametrize("status", [500, 501, 502, 504, 507, 599])
async def test_other_failures(make_transport, status):
    async with RawServer(always(http(status, b"a page about it"))) as server:
        with pytest.raises(Failed) as caught:
            await fetch(make_transport(), server.url)
    assert str(caught.value) == f"GET: the endpoint answered {status}"
    assert caught.value.endpoint == "uvic"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "retry_after_s"),
    [
        ((), None),
        (("Retry-After: 7",), 7.0),
        (
            (
                "Date: Fri, 31 Dec 1999 23:59:00 GMT",
                "Retry-After: Fri, 31 Dec 1999 23:59:30 GMT",
            ),
            30.0,
        ),
        (("Retry-After: Fri, 31 Dec 1999 23:59:30 GMT",), None),
        (("Retry-After: \u00b2",), None),
        (("Retry-After: \udcff",), None),
    ],
)
async def test_busy(make_transport, status, headers, retry_after_s):
    async with RawServer(always(http(status, b"later", *headers))) as server:
        with pytest.raises(Busy) as caught:
            await fetch(make_transport(), server.url)
    assert str(caught.value) == f"GET: the endpoint answered {status}"
    assert caught.value.retry_after_s == retry_after_s


async def test_a_refusal_whose_page_breaks_off_is_still_that_refusal(make_transport):
    async with RawServer(then_reset(http(503, b"la", "Retry-After: 7", length=500))) as server:
        with pytest.raises(Busy):
            await fetch(make_transport(), server.url)


async def test_a_compressed_body_is_unpacked(make_transport):
    packed = http(200, gzip.compress(b"x" * 100_000), "Content-Encoding: gzip")
    async with RawServer(always(packed)) as server:
        assert await fetch(make_transport(), server.url) == (200, b"x" * 100_000)


async def test_an_informational_answer_before_the_real_one_is_passed_over(make_transport):
    async with RawServer(always(b"HTTP/1.1 102 Processing\r\n\r\n" + http(200, b"ok"))) as server:
        assert await fetch(make_transport(), server.url) == (200, b"ok")


# -- what goes wrong -------------------------------------------------------------------------------


async def test_nobody_listens(make_transport):
    async with RawServer(always(b"")) as server:
        url = server.url
    with pytest.raises(Unreachable) as caught:
        await fetch(make_transport(), url)
    assert str(caught.value) == "GET: connection refused"


async def test_a_name_that_cannot_be_resolved(make_transport):
    label = (
        "x" * 64
    )  # longer than a label may be (RFC 1035 section 2.3.4): no server has to be asked
    with pytest.raises(Unreachable, match=r"^GET: its host name cannot be resolved$") as caught:
        await fetch(make_transport(), f"http://{label}.invalid/")
    assert f"{label}.invalid" in caught.value.inside


async def test_a_name_that_the_resolver_does_not_know(make_transport, monkeypatch):
    async def unknown(*_: object, **__: object) -> None:
        raise OSError(None, "Domain name not found")

    monkeypatch.setattr("ugrpy.transport.client.AsyncResolver.resolve", unknown)
    with pytest.raises(Unreachable) as caught:
        await fetch(make_transport(), "http://nowhere.invalid/")
    assert str(caught.value) == "GET: its host name cannot be resolved"
    assert "nowhere.invalid" in caught.value.inside
    assert "Domain name not found" in caught.value.inside


BROKEN_OFF = "ended before its announced end"


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (once(b""), Unreachable, "closed without an answer"),
        (then_reset(b""), Unreachable, "the connection was lost"),
        (then_reset(http(200, b"half", length=8)), Unreachable, "lost in the middle of the answer"),
        (then_reset(chunked(200, b"half", end=b"")), Unreachable, "lost in the middle"),
        (once(http(200, b"half", length=8)), Malformed, BROKEN_OFF),
        (once(chunked(200, b"half", end=b"")), Malformed, BROKEN_OFF),
        (once(chunked(200, b"half", end=b"zz\r\nhalf")), Malformed, "answer"),
        (once(http(200, b"not packed", "Content-Encoding: gzip")), Malformed, "cannot be unpacked"),
        (once(b"220 ftp.example FTP server ready\r\n\r\n"), Malformed, "is not HTTP"),
        (once(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), Malformed, "is not HTTP"),
        (once(b"HTTP/1.1 abc Hm\r\n\r\n"), Malformed, "is not HTTP"),
        (once(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), Malformed, "is not HTTP"),
        (once(http(200, b"", "Content-Length: 7")), Malformed, "is not HTTP"),
    ],
)
async def test_answers_that_are_none(make_transport, script, error, words):
    async with RawServer(script) as server:
        with pytest.raises((Unreachable, Malformed)) as caught:
            await fetch(make_transport(), server.url)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_status_that_the_caller_asked_for(make_transport):
    async with RawServer(always(http(501, b"no such method"))) as server:
        async with make_transport().exchange("GET", server.url, answers=(501,)) as reply:
            assert reply.status == 501
        with pytest.raises(Failed):
            await fetch(make_transport(), server.url)


@pytest.mark.parametrize("url", ["ftp://se.example/", "se.example", "http://"])
async def test_what_is_not_a_url_for_http(make_transport, url):
    with pytest.raises(Malformed, match="GET: not a URL for HTTP"):
        await fetch(make_transport(), url)


# -- the transport itself --------------------------------------------------------------------------


async def test_it_shows_its_state():
    transport = Transport("uvic", TransportOptions())
    assert repr(transport) == "Transport(uvic, closed=False)"
    await transport.close()
    assert repr(transport) == "Transport(uvic, closed=True)"


async def test_a_closed_transport_lets_go_of_the_resolver(monkeypatch):
    closed = []

    async def close(self: object) -> None:
        closed.append(self)

    monkeypatch.setattr("ugrpy.transport.client.AsyncResolver.close", close)
    await Transport("uvic", TransportOptions()).close()
    assert len(closed) == 1


async def test_an_authority_file_that_cannot_be_read(tmp_path):
    missing = tmp_path / "ca.pem"
    with pytest.raises(ConfigError, match=r"ca_file: cannot read .*ca\.pem: "):
        Transport("uvic", TransportOptions(ca_file=missing))
    missing.write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"ca_file: cannot read .*ca\.pem: "):
        Transport("uvic", TransportOptions(ca_file=missing))

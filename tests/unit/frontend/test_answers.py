"""The responses themselves: prepared redirects, downloads' names, who is missing, bodies in pieces."""

import asyncio

import pytest
from aiohttp import HttpVersion10, HttpVersion11, web
from multidict import CIMultiDict
from structlog.testing import capture_logs

from tests.unit.frontend.world import a_request, a_world
from ugrpy.core.errors import Unavailable
from ugrpy.frontend.answers import (
    WHOLE_BYTES,
    PiecesResponse,
    attachment,
    missing_note,
    send_growing,
    send_pieces,
)
from ugrpy.frontend.exchange import Exchange
from ugrpy.namespace.model import EndpointId
from ugrpy.security.identity import Identity
from ugrpy.service.quick import QuickResponse


def an_exchange(version=HttpVersion11, **headers):
    """A GET on its way, and what is written of the answer."""
    request, written = a_request("GET", "/", version=version, **headers)
    return Exchange(request, (Identity(), a_world().federation.ranker.zone_of(None), "-")), written


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("f.meta4", 'attachment; filename="f.meta4"'),
        ("two words", 'attachment; filename="two words"'),
        ('q"uote', "attachment; filename=\"q_uote\"; filename*=UTF-8''q%22uote"),
        ("back\\slash", "attachment; filename=\"back_slash\"; filename*=UTF-8''back%5Cslash"),
        ("é☃", "attachment; filename=\"__\"; filename*=UTF-8''%C3%A9%E2%98%83"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
        ("\udcff", "attachment; filename=\"_\"; filename*=UTF-8''%FF"),
    ],
)
def test_the_name_of_a_download(name, value):
    assert attachment(name) == value


async def test_a_remembered_redirect_is_prepared_once_and_says_the_same():
    world = a_world()
    for endpoint in (world.one, world.two):
        endpoint.add_file("/f", 5)
    first, second, third = [await world.ask("GET", "/f") for _ in range(3)]
    assert isinstance(first.response, web.Response)
    assert first.headers["Cache-Status"].startswith("ugrpy; fwd=miss")
    assert isinstance(second.response, web.Response)
    assert dict(second.headers) == {
        "Server": "ugrpy",
        "Location": "https://one.example/f",
        "Link": "<https://one.example/f>; rel=duplicate; pri=1, <https://two.example/f>; rel=duplicate; pri=2",
        "Cache-Status": "ugrpy; hit; ttl=300",
        "Age": "0",
        "Server-Timing": 'cache;desc="hit", total;dur=0.0',
    }
    assert isinstance(third.response, QuickResponse)
    order = (EndpointId("one"), EndpointId("two"))
    known = world.federation.recall("/f")
    assert known is not None
    assert third.response._head == known.prepared[order] + (
        b'Age: 0\r\nCache-Status: ugrpy; hit; ttl=300\r\nServer-Timing: cache;desc="hit", total;dur=0.1\r\n'
        b"Content-Length: 0\r\nDate: "
    )
    assert b"\r\nLocation: https://one.example/f\r\n" in third.response._head


@pytest.mark.parametrize(
    ("version", "headers"),
    [(HttpVersion10, {}), (HttpVersion11, {"Accept": "application/metalink4+xml;q=0.5, */*"})],
)
async def test_others_get_an_ordinary_response(version, headers):
    world = a_world()
    world.one.add_file("/f", 5)
    for _ in range(3):
        await world.ask("GET", "/f")
    answer = await world.ask("GET", "/f", version=version, **headers)
    assert isinstance(answer.response, web.Response)
    assert answer.headers["Location"] == "https://one.example/f"


async def test_replicas_named_are_limited():
    world = a_world(max_replicas=1)
    for endpoint in (world.one, world.two):
        endpoint.add_file("/f", 5)
    await world.ask("HEAD", "/f")
    answer = await world.ask("GET", "/f")
    assert answer.headers["Link"] == "<https://one.example/f>; rel=duplicate; pri=1"


async def test_a_short_body_goes_out_whole():
    exchange, _written = an_exchange()
    response = await send_pieces(exchange, 207, CIMultiDict({"A": "b"}), [b"one ", b"two"])
    assert isinstance(response, web.Response)
    assert (response.status, response.body, response.headers["A"]) == (207, b"one two", "b")


async def test_a_long_body_goes_out_while_it_is_rendered():
    exchange, written = an_exchange()
    rendered = 0

    def pieces():
        nonlocal rendered
        for _ in range(4):
            rendered += 1
            # the third is rendered when the first two, too much to wait for, have left
            assert rendered < 3 or written.pieces
            yield b"x" * WHOLE_BYTES

    response = await send_pieces(exchange, 200, CIMultiDict(), pieces())
    assert written.chunked
    assert written.ended
    assert [len(piece) for piece in written.pieces] == [2 * WHOLE_BYTES, WHOLE_BYTES, WHOLE_BYTES]
    assert isinstance(response, PiecesResponse)
    assert response.sent_bytes == 4 * WHOLE_BYTES


async def test_http_1_0_knows_no_chunks_and_reads_to_the_end_of_the_connection():
    exchange, written = an_exchange(version=HttpVersion10)
    response = await send_pieces(exchange, 200, CIMultiDict(), [b"x" * WHOLE_BYTES] * 3)
    assert b"".join(written.pieces) == b"x" * (3 * WHOLE_BYTES)
    assert written.ended
    assert not written.chunked
    assert "Content-Length" not in written.headers
    assert not response.keep_alive


async def growing(*pieces: bytes, then: Exception | None = None):
    for piece in pieces:
        yield piece
    if then is not None:
        raise then


async def test_a_growing_body_goes_out_as_it_comes():
    exchange, written = an_exchange()
    response = await send_growing(exchange, 207, CIMultiDict(), growing(b"one", b"two"))
    assert (written.chunked, written.pieces, written.ended) == (True, [b"one", b"two"], True)
    assert (response.status, response.headers["Vary"]) == (207, "Accept-Encoding")


async def test_a_growing_body_that_cannot_be_finished_ends_with_the_connection():
    exchange, written = an_exchange()
    error = Unavailable("nobody is left")
    with capture_logs() as said:
        response = await send_growing(exchange, 207, CIMultiDict(), growing(b"one", then=error))
    assert (written.pieces, written.ended) == ([b"one"], False)
    assert not response.keep_alive
    exchange.request.transport.close.assert_called_once_with()
    assert [(entry["event"], entry["reason"]) for entry in said] == [
        ("answer broken off", "nobody is left")
    ]


async def test_a_client_that_leaves_a_growing_body_is_no_mistake_of_ours():
    exchange, written = an_exchange()
    with pytest.raises(asyncio.CancelledError):
        await send_growing(
            exchange, 207, CIMultiDict(), growing(b"one", then=ConnectionResetError())
        )
    assert not written.ended


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("deflate", "deflate"),
        ("deflate, gzip", "gzip"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("*", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("br", None),
        ("gzip;q=many", None),
    ],
)
async def test_a_body_is_sent_in_the_coding_that_the_client_likes(accepted, coding):
    exchange, _ = an_exchange(**({} if accepted is None else {"Accept_Encoding": accepted}))
    body = b"a line that comes again and again\n" * 100
    response = await send_pieces(exchange, 200, CIMultiDict({"Vary": "Accept"}), [body])
    await response.prepare(exchange.request)
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept, Accept-Encoding"
    assert int(response.headers["Content-Length"]) < len(body) or coding is None


async def test_a_few_bytes_are_not_compressed():
    exchange, _ = an_exchange(Accept_Encoding="gzip")
    response = await send_pieces(exchange, 200, CIMultiDict(), [b"a few"])
    await response.prepare(exchange.request)
    assert "Content-Encoding" not in response.headers


async def test_the_note_names_who_is_missing_to_those_who_may_know():
    exchange, _ = an_exchange()
    missing = {"uvic": "no answer within 10 s", "cern": "refused"}
    assert missing_note(exchange, {}) == ""
    assert missing_note(exchange, missing) == (
        "incomplete: 2 storage elements did not contribute: cern: refused; uvic: no answer within 10 s"
    )
    exchange.show_endpoints = False
    assert missing_note(exchange, {"a": "b"}) == "incomplete: 1 storage element did not contribute"

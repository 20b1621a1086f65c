"""The responses themselves: prepared redirects, downloads' names, who is missing, bodies in pieces."""

import pytest
from aiohttp import HttpVersion10, HttpVersion11, web
from multidict import CIMultiDict

from tests.unit.frontend.world import a_request, a_world
from ugrpy.frontend.answers import WHOLE_BYTES, PiecesResponse, attachment, send_pieces
from ugrpy.namespace.model import EndpointId
from ugrpy.service.quick import QuickResponse


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
    assert first.headers["Cache-Status"] == "ugrpy; fwd=miss"
    assert isinstance(second.response, web.Response)
    assert dict(second.headers) == {
        "Server": "ugrpy",
        "Location": "https://one.example/f",
        "Link": "<https://one.example/f>; rel=duplicate; pri=1, <https://two.example/f>; rel=duplicate; pri=2",
        "Cache-Status": "ugrpy; hit",
    }
    assert isinstance(third.response, QuickResponse)
    order = (EndpointId("one"), EndpointId("two"))
    known = world.federation.recall("/f")
    assert known is not None
    assert third.response._head == known.prepared[order]
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
    request, _written = a_request("GET", "/")
    response = await send_pieces(request, 207, CIMultiDict({"A": "b"}), [b"one ", b"two"])
    assert isinstance(response, web.Response)
    assert (response.status, response.body, response.headers["A"]) == (207, b"one two", "b")


async def test_a_long_body_goes_out_while_it_is_rendered():
    request, written = a_request("GET", "/")
    rendered = 0

    def pieces():
        nonlocal rendered
        for _ in range(4):
            rendered += 1
            # the third is rendered when the first two, too much to wait for, have left
            assert rendered < 3 or written.pieces
            yield b"x" * WHOLE_BYTES

    response = await send_pieces(request, 200, CIMultiDict(), pieces())
    assert written.chunked
    assert written.ended
    assert [len(piece) for piece in written.pieces] == [2 * WHOLE_BYTES, WHOLE_BYTES, WHOLE_BYTES]
    assert isinstance(response, PiecesResponse)
    assert response.sent_bytes == 4 * WHOLE_BYTES


async def test_http_1_0_knows_no_chunks():
    request, written = a_request("GET", "/", version=HttpVersion10)
    response = await send_pieces(request, 200, CIMultiDict(), [b"x" * WHOLE_BYTES] * 3)
    assert isinstance(response, web.Response)
    assert response.body == b"x" * (3 * WHOLE_BYTES)
    assert not written.chunked

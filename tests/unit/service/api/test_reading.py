"""What requests say: parameters and content in their shapes, and every refusal names the value that does not fit."""

import asyncio
import json
from contextlib import suppress
from ipaddress import IPv4Address
from unittest.mock import Mock
from urllib.parse import quote

import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.service.api.world import (
    OPERATOR_TOKEN,
    READER_TOKEN,
    CacheId,
    Caches,
    Kind,
    NewCache,
    bearer,
    serving,
)
from ugrpy.security.identity import ANONYMOUS
from ugrpy.service.api import InvalidRequest
from ugrpy.service.api.reading import CallReader

OPERATOR = bearer(OPERATOR_TOKEN)


async def problem_of(response):
    assert response.content_type == "application/problem+json"
    problem = json.loads(await response.read())
    assert problem["status"] == response.status
    return problem


def places(problem):
    return [(error["in"], error["pointer"]) for error in problem["errors"]]


async def test_the_query_arrives_in_its_shape():
    caches = Caches(3)
    async with serving(caches.api()) as client:
        response = await client.get(
            "/v2/caches?kind=squid&kind=varnish&limit=2&verified=true&near=192.0.2.7"
        )
        assert response.status == 200
    (call,) = caches.calls
    assert call.query.kind == [Kind.SQUID, Kind.VARNISH]
    assert (call.query.limit, call.query.verified) == (2, True)
    assert call.query.near == IPv4Address("192.0.2.7")
    assert (call.body, call.content) == (None, b"")


@pytest.mark.parametrize(
    ("query", "pointers", "details"),
    [
        (
            "lmt=2",
            ["#/lmt"],
            ["no such parameter; there are cursor, kind, limit, near, verified"],
        ),
        ("limit=0", ["#/limit"], ["Input should be greater than or equal to 1"]),
        ("limit=2&limit=3", ["#/limit"], ["given more than once"]),
        ("limit=many&kind=squid&kind=pig", ["#/limit", "#/kind/1"], None),
        ("limit=", ["#/limit"], None),
        ("near=localhost", ["#/near"], None),
        ("a%2Fb~c=%ff&x", ["#/a~1b~0c", "#/x"], None),
        ("%C3%A9=1", ["#/%C3%A9"], None),
        ("n" * 500 + "=1", ["#/" + "n" * 64], None),
    ],
)
async def test_a_query_that_does_not_fit_is_400_and_names_what_does_not(query, pointers, details):
    caches = Caches(3)
    async with serving(caches.api()) as client:
        response = await client.get(f"/v2/caches?{query}")
        problem = await problem_of(response)
    assert (response.status, caches.calls) == (400, [])
    assert places(problem) == [("query", pointer) for pointer in pointers]
    assert all(pointer[2:] in problem["detail"] for pointer in pointers)
    if details:
        assert [error["detail"] for error in problem["errors"]] == details


async def test_operations_without_a_query_take_none():
    async with serving(Caches(3).api()) as client:
        response = await client.get("/v2/caches/1?verbose=1")
        problem = await problem_of(response)
    assert response.status == 400
    assert problem["errors"] == [
        {"in": "query", "pointer": "#/verbose", "detail": "no parameter is taken here"}
    ]


async def test_the_path_arrives_in_its_shape():
    caches = Caches(3)
    async with serving(caches.api()) as client:
        assert (await client.get("/v2/caches/2")).status == 200
        response = await client.get("/v2/caches/two")
        problem = await problem_of(response)
    assert [call.path for call in caches.calls] == [CacheId(id=2)]
    assert response.status == 404
    assert places(problem) == [("path", "#/id")]


async def test_content_arrives_in_its_shape_and_as_it_came():
    caches = Caches()
    content = b'{ "host": "s.example", "port": 80 }'
    headers = {**OPERATOR, "Content-Type": "Application/JSON; charset=utf-8"}
    async with serving(caches.api()) as client:
        response = await client.post("/v2/caches", data=content, headers=headers)
        assert (response.status, response.headers["Location"]) == (201, "/v2/caches/1")
        assert response.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in response.headers
    (call,) = caches.calls
    assert call.body == NewCache(host="s.example", port=80)
    assert call.content == content
    assert call.identity.name == "admin"


@pytest.mark.parametrize(
    ("content", "status", "pointers"),
    [
        (b"", 400, ["#"]),
        (b"{", 400, ["#"]),
        (b'{"host": "h"} x', 400, ["#"]),
        (b'{"host": "\xff"}', 400, ["#"]),
        (b"[" * 1900, 400, ["#"]),
        (b"[]", 422, ["#"]),
        (b"null", 422, ["#"]),
        (b"{}", 422, ["#/host"]),
        (b'{"host": "", "port": "x", "a/b": 1}', 422, ["#/host", "#/port", "#/a~1b"]),
        (b'{"host": "h", "port": 1e999}', 422, ["#/port"]),
        (b'{"host": "h", "places": [{}, {"latitude": NaN}]}', 422, ["#/places/1/latitude"]),
        (b'{"host": "h", "places": [{"latitude": 91}]}', 422, ["#/places/0/latitude"]),
        (b'{"host": "h", "port": 1234567890123456789012345678901234567890}', 422, ["#/port"]),
    ],
)
async def test_content_that_does_not_fit_names_what_does_not(content, status, pointers):
    caches = Caches()
    headers = {**OPERATOR, "Content-Type": "application/json"}
    async with serving(caches.api()) as client:
        response = await client.post("/v2/caches", data=content, headers=headers)
        problem = await problem_of(response)
    assert (response.status, caches.calls) == (status, [])
    assert places(problem) == [("body", pointer) for pointer in pointers]


async def test_values_are_never_repeated_and_errors_are_bounded():
    content = json.dumps({"host": 77123, "places": ["s3cr3t"] * 100}).encode()
    headers = {**OPERATOR, "Content-Type": "application/json"}
    async with serving(Caches().api()) as client:
        response = await client.post("/v2/caches", data=content, headers=headers)
        text = (await response.read()).decode()
    assert response.status == 422
    assert len(json.loads(text)["errors"]) == 20
    assert "s3cr3t" not in text
    assert "77123" not in text


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonp", "", "image/png"])
async def test_other_types_of_content_are_415(content_type):
    headers = {**OPERATOR, "Content-Type": content_type}
    async with serving(Caches().api()) as client:
        response = await client.post("/v2/caches", data=b"{}", headers=headers)
        problem = await problem_of(response)
    assert response.status == 415
    assert problem["detail"] == "the content has to be of type application/json"


async def test_content_is_bounded_whether_its_length_is_said_or_not():
    async def pieces():
        for _ in range(30):
            yield b" " * 100

    headers = {**OPERATOR, "Content-Type": "application/json"}
    async with serving(Caches().api()) as client:
        for data in (b" " * 2001, pieces()):
            response = await client.post("/v2/caches", data=data, headers=headers)
            problem = await problem_of(response)
            assert (response.status, problem["title"]) == (413, "Content Too Large")
            assert response.headers["Connection"] == "close"


async def test_raw_content_is_given_as_it_came():
    caches = Caches()
    async with serving(caches.api()) as client:
        headers = {**bearer(READER_TOKEN), "Content-Type": "image/gif"}
        response = await client.put("/v2/picture", data=b"GIF89a\xff", headers=headers)
        assert (response.status, await response.read()) == (202, b"")
        headers["Content-Type"] = "image/jpeg"
        assert (await client.put("/v2/picture", data=b"x", headers=headers)).status == 415
    (call,) = caches.calls
    assert (call.body, call.content) == (b"GIF89a\xff", b"GIF89a\xff")


async def test_content_is_asked_for_only_when_it_is_wanted():
    """``Expect: 100-continue``: who may not send it is told so instead, and the connection ends."""
    caches = Caches()
    async with serving(caches.api()) as client:
        headers = {"Content-Type": "application/json"}
        data = b'{"host": "h"}'
        refused = await client.post("/v2/caches", data=data, headers=headers, expect100=True)
        assert (refused.status, refused.headers["Connection"]) == (401, "close")
        headers.update(OPERATOR)
        taken = await client.post("/v2/caches", data=data, headers=headers, expect100=True)
        assert taken.status == 201


def reading(operation_number: int) -> CallReader:
    return CallReader(Caches().operations()[operation_number])


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.binary(max_size=10))
async def test_any_query_is_understood_or_refused(text, octets):
    escaped = "".join(f"%{octet:02x}" for octet in octets)
    for query in (quote(text, safe="=&+;"), f"limit={escaped}&kind={quote(text)}", escaped):
        request = make_mocked_request("GET", f"/v2/caches?{query}")
        with suppress(InvalidRequest):
            call = await reading(0).read(request, ANONYMOUS)
            assert 1 <= call.query.limit <= 1000


jsons = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("host"), inner),
    max_leaves=8,
)


@given(jsons.map(json.dumps).map(str.encode) | st.binary(max_size=30))
async def test_any_content_is_understood_or_refused(content):
    payload = StreamReader(Mock(connected=True), 2**16, loop=asyncio.get_running_loop())
    payload.feed_data(content)
    payload.feed_eof()
    headers = {"Content-Type": "application/json"}
    request = make_mocked_request("POST", "/v2/caches", headers=headers, payload=payload)
    with suppress(InvalidRequest):
        call = await reading(1).read(request, ANONYMOUS)
        assert isinstance(call.body, NewCache)

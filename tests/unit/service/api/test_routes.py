"""The table at work: methods, conditions, codings, roles, and what becomes of errors."""

import gzip
import json
import zlib

import pytest
import structlog
from aiohttp import ClientPayloadError, web

from tests.unit.service.api.world import (
    OPERATOR_TOKEN,
    READER_TOKEN,
    Cache,
    Caches,
    bearer,
    serving,
)
from ugrpy.core.errors import Forbidden, Unavailable
from ugrpy.security.identity import Identity
from ugrpy.service.api import Api, Call, Nothing, Operation
from ugrpy.service.api.problem import Problem


async def problem_of(response):
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    problem = json.loads(await response.read())
    Problem.model_validate(problem)  # what the document promises
    assert problem["status"] == response.status
    return problem


async def test_a_model_is_answered_as_json():
    async with serving(Caches(2).api()) as client:
        response = await client.get("/v2/caches/2")
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert json.loads(await response.read()) == {
            "id": 2,
            "host": "squid2.example",
            "port": 3128,
            "kind": "squid",
            "place": {"city": "", "latitude": None},
        }


async def test_nothing_is_answered_as_204():
    caches = Caches(2)
    async with serving(caches.api()) as client:
        response = await client.delete("/v2/caches/2", headers=bearer(OPERATOR_TOKEN))
        assert (response.status, await response.read()) == (204, b"")
        assert "Content-Type" not in response.headers
    assert list(caches.caches) == [1]


async def test_raw_text_is_answered_under_its_type():
    async with serving(Caches().api()) as client:
        response = await client.get("/wpad.dat")
        assert response.headers["Content-Type"] == "application/x-ns-proxy-autoconfig"
        assert (await response.read()).decode().endswith("// Zürich\n")


async def test_head_is_get_without_the_body():
    async with serving(Caches(200).api()) as client:
        for headers in ({"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}):
            get = await client.get("/v2/caches", headers=headers)
            head = await client.head("/v2/caches", headers=headers)
            body = await get.read()
            assert (head.status, await head.read()) == (200, b"")
            assert head.headers["Content-Length"] == str(len(body))
            assert head.headers["ETag"] == get.headers["ETag"]
        assert (await client.head("/v2/caches/999")).status == 404


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v2/caches", "GET, HEAD, OPTIONS, POST"),
        ("/v2/caches/7", "DELETE, GET, HEAD, OPTIONS"),
        ("/v2/picture", "OPTIONS, PUT"),
        ("/docs", "GET, HEAD, OPTIONS"),
    ],
)
async def test_what_is_allowed_is_told_by_options_and_with_405(path, allowed):
    async with serving(Caches().api()) as client:
        response = await client.options(path)
        assert (response.status, response.headers["Allow"]) == (204, allowed)
        refused = await client.request("PATCH", path)
        problem = await problem_of(refused)
        assert (refused.status, refused.headers["Allow"]) == (405, allowed)
        assert problem["title"] == "Method Not Allowed"
        assert problem["detail"] == "PATCH is not offered here"


@pytest.mark.parametrize("path", ["/v3", "/v2/caches/1/x", "/v2/caches/", "/%2e%2e/x"])
async def test_unknown_paths_are_404(path):
    async with serving(Caches(2).api()) as client:
        response = await client.get(path)
        problem = await problem_of(response)
    assert (response.status, problem["detail"]) == (404, "there is no such path")
    assert problem["instance"].startswith("/")
    assert not problem["instance"].startswith("//")


# -- conditions and codings ------------------------------------------------------------------------


async def test_what_the_client_has_is_not_sent_again():
    caches = Caches(2)
    async with serving(caches.api()) as client:
        etag = (await client.get("/v2/caches")).headers["ETag"]
        assert etag.startswith('"')
        for tags in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            response = await client.get("/v2/caches", headers={"If-None-Match": tags})
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["ETag"] == etag
            assert response.headers["Cache-Control"] == "max-age=5"
            assert response.headers["Vary"] == "Accept-Encoding"
        caches.caches[1] = Cache(id=1, host="moved.example")
        response = await client.get("/v2/caches", headers={"If-None-Match": etag})
        assert (response.status, response.headers["ETag"] == etag) == (200, False)


@pytest.mark.parametrize(
    ("accepted", "coding", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("deflate", "deflate", zlib.decompress),
        ("br", None, bytes),
        ("gzip;q=0", None, bytes),
    ],
)
@pytest.mark.parametrize("count", [50, 900])
async def test_long_bodies_are_sent_in_the_coding_the_client_likes(count, accepted, coding, unpack):
    async with serving(Caches(count).api()) as client:
        plain = await client.get("/v2/caches?limit=1000", headers={"Accept-Encoding": "identity"})
        coded = await client.get("/v2/caches?limit=1000", headers={"Accept-Encoding": accepted})
        body = await coded.read()
        assert coded.headers.get("Content-Encoding") == coding
        assert coded.headers["Vary"] == "Accept-Encoding"
        assert coded.headers["Content-Length"] == str(len(body))
        assert unpack(body) == await plain.read()
        assert (coded.headers["ETag"] == plain.headers["ETag"]) is (coding is None)
        # each form has a tag of its own, by which it is known
        headers = {"Accept-Encoding": accepted, "If-None-Match": coded.headers["ETag"]}
        again = await client.get("/v2/caches?limit=1000", headers=headers)
        assert again.status == 304
        assert "Content-Encoding" not in again.headers


async def test_short_bodies_are_sent_as_they_are():
    async with serving(Caches(1).api()) as client:
        response = await client.get("/v2/caches/1", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in response.headers


async def test_an_operation_may_forbid_compression():
    async def long(call: Call[Nothing, Nothing, None]) -> bytes:
        return b"a" * 5000

    operation = Operation("GET", "/x", long, summary="x", media_type="image/png", compress=False)
    async with serving(Api("t", "1", [operation])) as client:
        response = await client.get("/x", headers={"Accept-Encoding": "gzip"})
        assert await response.read() == b"a" * 5000


# -- pages -----------------------------------------------------------------------------------------


async def test_a_long_list_is_walked_by_its_links():
    async with serving(Caches(7).api()) as client:
        seen, url, pages = [], "/v2/caches?kind=squid&limit=3", 0
        while url:
            response = await client.get(url)
            seen += [cache["id"] for cache in json.loads(await response.read())]
            pages += 1
            next_ = response.links.get("next")
            url = next_["url"].raw_path_qs if next_ else ""
            assert not url or "kind=squid" in url
    assert (seen, pages) == ([1, 2, 3, 4, 5, 6, 7], 3)


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "bnVsbA", "WyJhIl0", "é", "W1siYSJdXQ", "WzFd" * 300]
)
async def test_a_cursor_that_is_none_of_ours_is_400(cursor):
    async with serving(Caches(7).api()) as client:
        response = await client.get("/v2/caches", params={"cursor": cursor})
        problem = await problem_of(response)
    assert response.status == 400
    assert problem["errors"][0]["pointer"] == "#/cursor"


# -- roles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status", "challenge"),
    [
        ({}, 401, 'Bearer realm="api"'),
        (bearer("nonsense"), 401, 'Bearer realm="caches", error="invalid_token"'),
        (bearer(READER_TOKEN), 403, None),
        (bearer(OPERATOR_TOKEN), 204, None),
    ],
)
async def test_only_the_right_role_gets_in(headers, status, challenge):
    caches = Caches(2)
    async with serving(caches.api()) as client:
        response = await client.delete("/v2/caches/1", headers=headers)
        assert response.status == status
        assert response.headers.get("WWW-Authenticate") == challenge
    assert (1 in caches.caches) is (status != 204)


async def test_who_may_not_learns_nothing_of_what_would_be_wrong():
    async with serving(Caches().api()) as client:
        response = await client.post("/v2/caches?x=1", data=b"{")
        problem = await problem_of(response)
    assert (response.status, "errors" in problem) == (401, False)


async def test_answers_for_some_are_not_for_shared_caches():
    async def secret(call: Call[Nothing, Nothing, None]) -> Cache:
        return Cache(id=1, host=call.identity.name)

    def authorise(identity: Identity, role: str) -> None:
        if (identity.name, role) != ("me", "inner circle"):
            raise Forbidden("no")

    operation = Operation("GET", "/x", secret, summary="x", role="inner circle")
    name = ["me"]
    api = Api(
        "t",
        "1",
        [operation],
        identify=lambda request: Identity(name=name[0]),
        authorise=authorise,
        document_role="inner circle",
    )
    async with serving(api) as client:
        response = await client.get("/x")
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Vary"] == "Accept-Encoding, Authorization"
        assert json.loads(await response.read())["host"] == "me"
        name[0] = "you"
        for path in ("/x", "/openapi.json", "/docs"):
            assert (await client.get(path)).status == 403


# -- errors ----------------------------------------------------------------------------------------


async def test_our_errors_are_told_with_their_headers_and_hints():
    async with serving(Caches(1).api()) as client:
        response = await client.get("/v2/fail", headers=bearer(READER_TOKEN))
        problem = await problem_of(response)
        assert (response.status, response.headers["Retry-After"]) == (503, "3")
        assert problem == {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": "the broker is away",
            "instance": "/v2/fail",
        }
        missing = await problem_of(await client.get("/v2/caches/77"))
        assert missing["hint"] == "look at /v2/caches"


async def test_a_mistake_is_500_with_an_id_under_which_it_is_logged_once():
    caches = Caches()

    def wrong():
        raise ZeroDivisionError("the inside story")

    caches.wrong = wrong
    with structlog.testing.capture_logs() as logs:
        async with serving(caches.api()) as client:
            response = await client.get("/v2/fail?", headers=bearer(READER_TOKEN))
            text = await response.text()
            problem = await problem_of(response)
    (line,) = logs
    assert response.status == 500
    assert (line["id"], line["path"], line["method"]) == (problem["id"], "/v2/fail", "GET")
    assert line["exc_info"]
    assert "inside story" not in text
    assert "Traceback" not in text


async def test_a_result_of_another_shape_is_a_mistake():
    async def liar(call: Call[Nothing, Nothing, None]) -> Cache:
        return {"id": "x"}  # type: ignore[return-value]

    with structlog.testing.capture_logs() as logs:
        async with serving(Api("t", "1", [Operation("GET", "/x", liar, summary="x")])) as client:
            assert (await client.get("/x")).status == 500
    assert len(logs) == 1


async def test_secrets_stay_out_of_the_log():
    caches = Caches()
    caches.wrong = lambda: 1 / 0
    with structlog.testing.capture_logs() as logs:
        async with serving(caches.api()) as client:
            for token in (READER_TOKEN, "wrong-token"):
                await client.get("/v2/fail", headers=bearer(token))
            await client.get("/v2/fail?token=in-the-query", headers=bearer(READER_TOKEN))
    assert len(logs) == 1
    assert not any(secret in str(logs) for secret in (READER_TOKEN, "wrong-token", "in-the-query"))


async def test_other_handlers_of_the_application_tell_errors_the_same_way():
    async def unavailable(request: web.Request) -> web.Response:
        raise Unavailable("not now", status=504)

    async def own(request: web.Request) -> web.Response:
        raise web.HTTPNotFound(text="not found")

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/there")

    async def mistake(request: web.Request) -> web.Response:
        return web.Response(text=str(1 // 0))

    app = web.Application()
    for handler in (unavailable, own, moved, mistake):
        app.router.add_get(f"/{handler.__name__}", handler)
    with structlog.testing.capture_logs() as logs:
        async with serving(Caches().api(), app) as client:
            assert (await problem_of(await client.get("/unavailable")))["status"] == 504
            response = await client.get("/own")
            assert (response.status, await response.text()) == (404, "not found")
            assert (await client.get("/moved", allow_redirects=False)).status == 302
            assert (await problem_of(await client.get("/mistake")))["status"] == 500
            assert (await problem_of(await client.post("/own")))["status"] == 405
    assert len(logs) == 1


@pytest.mark.parametrize("error", [ZeroDivisionError(), Unavailable("no more")])
async def test_an_answer_that_has_begun_is_broken_off_when_it_fails(error):
    async def streams(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b"begun")
        raise error

    app = web.Application()
    app.router.add_get("/streams", streams)
    async with serving(Caches().api(), app) as client:
        response = await client.get("/streams")
        assert response.status == 200
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_two_apis_in_one_application_have_the_errors_told_once():
    async def one(call: Call[Nothing, Nothing, None]) -> Cache:
        return Cache(id=1, host="one")

    app = web.Application()
    other = Api(
        "o",
        "1",
        [Operation("GET", "/one", one, summary="x")],
        document_path="/one.json",
        docs_path="/one.html",
    )
    other.add_to(app)
    async with serving(Caches(1).api(), app) as client:
        for path in ("/one", "/one.json", "/one.html", "/openapi.json", "/docs", "/v2/caches/1"):
            assert (await client.get(path)).status == 200
    assert len(app.middlewares) == 1

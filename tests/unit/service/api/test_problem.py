"""Errors in the words of RFC 9457."""

import json

import pytest
from aiohttp.test_utils import make_mocked_request

from ugrpy.core.errors import (
    BadRequest,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    TooManyItems,
    Unavailable,
)
from ugrpy.service.api.problem import (
    InvalidBody,
    InvalidRequest,
    MistakeOfOurs,
    Problem,
    Unauthorized,
    field_error,
    problem_response,
    statuses_of,
)


def told(error, target="/a%2Fb?x=1"):
    response = problem_response(error, make_mocked_request("GET", target))
    assert isinstance(response.body, bytes)
    problem = json.loads(response.body)
    Problem.model_validate(problem)
    return response, problem


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (BadRequest("no"), 400, {}),
        (Unauthorized("who?", challenge="Bearer x=1"), 401, {"WWW-Authenticate": "Bearer x=1"}),
        (Forbidden("no"), 403, {}),
        (NotFound("no"), 404, {}),
        (MethodNotAllowed("no", allowed=("GET", "PUT")), 405, {"Allow": "GET, PUT"}),
        (InvalidBody("no", []), 422, {}),
        (Unavailable("no"), 503, {}),
        (Unavailable("no", status=504, retry_after_s=0.1), 504, {"Retry-After": "1"}),
        (Unavailable("no", retry_after_s=-3), 503, {"Retry-After": "0"}),
    ],
)
async def test_each_error_has_its_status_and_headers(error, status, header):
    response, problem = told(error)
    assert (response.status, problem["status"], problem["title"]) == (status, status, error.title)
    assert problem["detail"] == str(error)
    assert problem["instance"] == "/a%2Fb"
    for name in ("WWW-Authenticate", "Allow", "Retry-After"):
        assert response.headers.get(name) == header.get(name)


async def test_what_does_not_apply_is_left_out():
    _, problem = told(BadRequest("no"))
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    _, problem = told(BadRequest("no", hint="try this"))
    assert problem["hint"] == "try this"
    _, problem = told(MistakeOfOurs("abc"))
    assert problem["id"] == "abc"


async def test_an_instance_is_always_a_path():
    for target in ("//host/path", "////path", "http://host/path?x"):
        _, problem = told(NotFound("no"), target)
        assert problem["instance"] == "/path"


async def test_names_that_are_no_text_can_be_told():
    response, problem = told(NotFound("no \udcff"))
    assert response.body is not None
    assert problem["detail"] == "no \udcff"


def test_pointers_are_those_of_json_in_a_url():
    error = field_error("body", ["a/b", 0, "c~d", "é %"], "x")
    assert error.pointer == "#/a~1b/0/c~0d/%C3%A9%20%25"
    assert error.model_dump() == {"in": "body", "pointer": error.pointer, "detail": "x"}


def test_errors_are_bounded():
    assert len(InvalidRequest("no", [field_error("query", ["x"], "x")] * 30).errors) == 20


def test_which_statuses_an_error_may_have():
    assert statuses_of(NotFound) == {404: "Not Found"}
    assert statuses_of(TooManyItems) == {403: "Forbidden"}
    assert statuses_of(Unavailable) == {
        502: "Bad Gateway",
        503: "Service Unavailable",
        504: "Gateway Timeout",
    }

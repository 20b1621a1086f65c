"""The tree of errors."""

import re

import pytest

from ugrpy.core import errors
from ugrpy.core.errors import (
    BadRequest,
    Busy,
    ConfigError,
    DataError,
    DepthRefused,
    EndpointError,
    Failed,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RequestError,
    TimedOut,
    UgrError,
    Unavailable,
    Unreachable,
)


def drawn_tree() -> dict[str, tuple[str, str]]:
    """Each class of the drawing with its parent and what stands beside it."""
    doc = errors.__doc__
    assert doc is not None
    tree: dict[str, tuple[str, str]] = {}
    above: dict[int, str] = {}
    for line in doc.splitlines():
        match = re.fullmatch(r"    (?P<lead>[│├└─ ]*)(?P<name>[A-Z]\w+) *(?P<beside>.*)", line)
        if match is None:
            continue
        depth = len(match["lead"]) // 4
        above[depth] = match["name"]
        tree[match["name"]] = (above[depth - 1] if depth else "Exception", match["beside"])
    return tree


def defined() -> dict[str, type[UgrError]]:
    return {
        name: thing
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, UgrError)
    }


def test_the_drawn_tree_is_the_tree_of_classes():
    parents = {name: parent for name, (parent, _) in drawn_tree().items()}
    classes = {name: thing.__bases__[0].__name__ for name, thing in defined().items()}
    assert classes == parents


def test_every_class_says_when_it_is_raised():
    assert [name for name, thing in defined().items() if not thing.__doc__] == []


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (BadRequest("x"), 400, "Bad Request"),
        (Forbidden("x"), 403, "Forbidden"),
        (DepthRefused("x"), 403, "Forbidden"),
        (NotFound("x"), 404, "Not Found"),
        (MethodNotAllowed("x", allowed=("GET", "HEAD")), 405, "Method Not Allowed"),
        (PreconditionFailed("x"), 412, "Precondition Failed"),
        (Unavailable("x"), 503, "Service Unavailable"),
        (Unavailable("x", status=502), 502, "Bad Gateway"),
        (Unavailable("x", status=504), 504, "Gateway Timeout"),
    ],
)
def test_what_a_client_caused_has_a_status(error: RequestError, status: int, title: str):
    assert (error.status, error.title, str(error)) == (status, title, "x")
    drawn_parent, beside = drawn_tree()[type(error).__name__]
    assert drawn_parent == type(error).__bases__[0].__name__
    assert str(status) in beside


def test_errors_carry_what_their_answer_needs():
    allowed = MethodNotAllowed("x", allowed=("GET",), hint="use GET")
    assert (allowed.allowed, allowed.hint) == (("GET",), "use GET")
    missing = {"uvic": "drained"}
    away = Unavailable("x", retry_after_s=7.0, missing=missing)
    assert (away.retry_after_s, away.missing) == (7.0, missing)
    assert (Unavailable("x").retry_after_s, Unavailable("x").missing) == (None, {})
    gone = NotFound("x", missing=missing)
    assert gone.missing == missing
    missing.clear()
    assert (away.missing, gone.missing) == ({"uvic": "drained"}, {"uvic": "drained"})
    assert NotFound("x").missing == {}
    with pytest.raises(KeyError):
        Unavailable("x", status=500)


@pytest.mark.parametrize(
    ("kind", "retryable", "also"),
    [
        (EndpointError, True, Exception),
        (TimedOut, True, TimeoutError),
        (Unreachable, True, ConnectionError),
        (Malformed, False, EndpointError),
        (Busy, True, EndpointError),
        (Failed, True, EndpointError),
    ],
)
def test_endpoint_errors_advise_whether_to_try_again(kind, retryable, also):
    error = kind("no answer", endpoint="uvic", retry_after_s=3.0, hint="look at it")
    assert isinstance(error, also)
    assert isinstance(error, EndpointError)
    assert str(error) == "no answer"
    assert (error.endpoint, error.retry_after_s, error.hint) == ("uvic", 3.0, "look at it")
    assert error.retryable is retryable
    assert (kind("x").endpoint, kind("x").retry_after_s, kind("x").hint) == ("", None, "")


def test_operators_are_told_more_of_an_endpoint_than_clients():
    error = TimedOut("no answer", inside="no answer from https://se.example/dav")
    assert (str(error), error.inside) == ("no answer", "no answer from https://se.example/dav")
    assert TimedOut("no answer").inside == "no answer"


def test_configuration_errors_say_where():
    error = ConfigError("not a number", where="ugrpy.toml:3", hint="write 3")
    assert (str(error), error.where, error.hint) == (
        "ugrpy.toml:3: not a number",
        "ugrpy.toml:3",
        "write 3",
    )
    assert str(ConfigError("two endpoints")) == "two endpoints"
    assert ConfigError("x").where == ""


def test_broken_bytes_are_nobodys_request():
    assert not issubclass(DataError, RequestError)
    assert DataError("x", hint="y").hint == "y"
    assert (DataError("x").seen, DataError("x", seen="<html>").seen) == ("", "<html>")

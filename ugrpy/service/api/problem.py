"""How is an error told? As problem details (RFC 9457), with the headers its status asks for; and the errors that only an API has."""

import json
import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote

from aiohttp import web
from pydantic import ConfigDict, Field, ValidationError

from ugrpy.core.errors import MethodNotAllowed, RequestError, Unavailable
from ugrpy.service.api.table import ApiModel

PROBLEM_JSON = "application/problem+json"

# A hostile body could have any number of faults; the first ones help.
MOST_ERRORS = 20

Where = Literal["path", "query", "body"]


class FieldError(ApiModel):
    """What is wrong with one value that the client sent."""

    model_config = ConfigDict(serialize_by_alias=True)

    where: Where = Field(alias="in", description="The part of the request.")
    pointer: str = Field(
        description="The value there: a JSON pointer as a fragment (RFC 6901 section 6).",
        examples=["#/caches/0/port"],
    )
    detail: str = Field(description="What is wrong with it.")


class Problem(ApiModel):
    """Problem details (RFC 9457). What does not apply is left out."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str = Field(default="about:blank", description="A URI for this kind of problem.")
    title: str = Field(description="The kind in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request.")
    instance: str = Field(description="The path that was asked for.")
    hint: str = Field(default="", description="What can be done about it.")
    id: str = Field(
        default="", description="Under which the service's log has the details of its mistake."
    )
    errors: list[FieldError] = Field(default=[], description="What is wrong with which value.")


class InvalidRequest(RequestError):
    """Values that do not have the shape asked for; ``errors`` says which. 400 for queries and for what is no JSON."""

    def __init__(self, message: str, errors: Iterable[FieldError], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errors = list(errors)[:MOST_ERRORS]


class NoSuchPath(InvalidRequest):
    """A value in the path does not have its shape, so nothing can be there."""

    status = 404
    title = "Not Found"


class InvalidBody(InvalidRequest):
    """JSON, but not of the shape asked for (RFC 9110 section 15.5.21)."""

    status = 422
    title = "Unprocessable Content"


class UnsupportedMediaType(RequestError):
    """Content of a type that is not taken (RFC 9110 section 15.5.16)."""

    status = 415
    title = "Unsupported Media Type"


class Unauthorized(RequestError):
    """No credential, or none that counts; ``challenge`` goes into ``WWW-Authenticate`` (RFC 9110 section 15.5.2)."""

    status = 401
    title = "Unauthorized"

    def __init__(
        self, message: str, *, challenge: str = 'Bearer realm="api"', hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.challenge = challenge


class MistakeOfOurs(RequestError):
    """Anything unforeseen: the client is told an ``id`` only, the log has the rest under it."""

    status = 500
    title = "Internal Server Error"

    def __init__(self, id_: str) -> None:
        super().__init__("this service made a mistake")
        self.id = id_


def field_errors(error: ValidationError, where: Where) -> list[FieldError]:
    """What pydantic found, in our form; never the values themselves, which could be secrets."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [field_error(where, one["loc"], one["msg"]) for one in found[:MOST_ERRORS]]


def field_error(where: Where, location: Iterable[str | int], detail: str) -> FieldError:
    """One of them; ``location`` leads to the value from the outside in."""
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    pointer = "#" + "".join("/" + quote(part, safe="~", errors="replace") for part in parts)
    return FieldError.model_validate({"in": where, "pointer": pointer, "detail": detail})


def problem_response(error: RequestError, request: web.Request) -> web.Response:
    """The error as an answer to this request."""
    # two slashes at the start would make the path a host (RFC 3986 section 3.3)
    instance = "/" + request.rel_url.raw_path.lstrip("/")
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "instance": instance,
    }
    if error.hint:
        problem["hint"] = error.hint
    if isinstance(error, MistakeOfOurs):
        problem["id"] = error.id
    if isinstance(error, InvalidRequest) and error.errors:
        problem["errors"] = [one.model_dump() for one in error.errors]
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **_headers_of(error),
    }
    # the standard library's JSON escapes what is not ASCII, also what is no text in UTF-8
    return web.Response(status=error.status, headers=headers, body=json.dumps(problem).encode())


def _headers_of(error: RequestError) -> Mapping[str, str]:
    match error:
        case MethodNotAllowed():
            return {"Allow": ", ".join(error.allowed)}
        case Unauthorized():
            return {"WWW-Authenticate": error.challenge}
        case Unavailable(retry_after_s=float() | int() as seconds):
            return {"Retry-After": str(max(0, math.ceil(seconds)))}
        case _:
            return {}


def statuses_of(error: type[RequestError]) -> dict[int, str]:
    """The statuses an error of this class may have, with their titles; for the document."""
    if issubclass(error, Unavailable):
        return dict(error.titles)
    return {error.status: error.title or HTTPStatus(error.status).phrase}

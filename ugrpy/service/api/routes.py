"""How does the table become a service? Routes for aiohttp, and the one place where errors of any handler become answers."""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler as WebHandler
from pydantic import TypeAdapter

from ugrpy.core.errors import MethodNotAllowed, NotFound, RequestError
from ugrpy.service.api.access import Authorise, Identify, nobody_in_particular, require_role
from ugrpy.service.api.conditional import compressed, has_already, strong_etag
from ugrpy.service.api.docs import DOCS_HEADERS, render_docs
from ugrpy.service.api.openapi import openapi_document, render_document
from ugrpy.service.api.problem import MistakeOfOurs, problem_response
from ugrpy.service.api.reading import CallReader
from ugrpy.service.api.table import (
    PUBLIC,
    Answer,
    Call,
    Nothing,
    Operation,
    Page,
    shape_of,
)
from ugrpy.service.body import ends_connection
from ugrpy.service.coding import SMALLEST_BYTES, content_coding

log = structlog.get_logger("ugrpy.service")


class Api:
    """The table at work. ``ValueError`` when two lines of it are one, or one cannot be served.

    Two operations are added to it: the OpenAPI document and a page of the same for people, for whoever has
    ``document_role``. ``document`` is the OpenAPI document.
    """

    def __init__(
        self,
        title: str,
        version: str,
        operations: Iterable[Operation],
        *,
        description: str = "",
        identify: Identify = nobody_in_particular,
        authorise: Authorise = require_role,
        document_path: str = "/openapi.json",
        docs_path: str = "/docs",
        document_role: str = PUBLIC,
    ) -> None:
        table = list(operations)
        self.document = openapi_document(title, version, table, description=description)
        documents = _Documents(
            render_document(self.document), render_docs(self.document, document_path)
        )
        table += documents.operations(document_path, docs_path, document_role)
        self.operations = tuple(table)
        self._routes = [_Route(operation, identify, authorise) for operation in table]
        self._by_path: dict[str, list[_Route]] = defaultdict(list)
        for route in self._routes:
            beside = self._by_path[route.operation.path]
            if any(other.operation.method == route.operation.method for other in beside):
                raise ValueError(f"{route.operation}: twice in the table")
            beside.append(route)

    def __repr__(self) -> str:
        return f"Api({', '.join(map(str, self.operations))})"

    def add_to(self, app: web.Application) -> None:
        """Add the routes, and ``problems`` for the errors of all handlers of the application, ours or not."""
        if problems not in app.middlewares:
            app.middlewares.append(problems)
        for path, routes in self._by_path.items():
            resource = app.router.add_resource(path)
            allowed: set[str] = {hdrs.METH_OPTIONS}
            for route in routes:
                methods = {route.operation.method} | (
                    {hdrs.METH_HEAD} if route.operation.reads else set()
                )
                allowed |= methods
                for method in methods:
                    resource.add_route(method, route.answer, expect_handler=_not_yet)
            resource.add_route(hdrs.METH_OPTIONS, _Options(allowed).answer)


class _Route:
    """One operation, served."""

    def __init__(self, operation: Operation, identify: Identify, authorise: Authorise) -> None:
        shape = shape_of(operation.handler)
        self.operation = operation
        self._identify = identify
        self._authorise = authorise
        self._reader = CallReader(operation)
        self._result: TypeAdapter[Any] | None = None if shape.raw else TypeAdapter(shape.result)
        self._empty = shape.result is type(None)
        self._headers = self._usual_headers()

    def _usual_headers(self) -> dict[str, str]:
        operation = self.operation
        caching = operation.cache_control or ("no-cache" if operation.reads else "no-store")
        vary = "Accept-Encoding"
        if operation.role != PUBLIC:
            caching = f"private, {caching}"
            vary = f"{vary}, Authorization"
        headers = {"Cache-Control": caching, "Vary": vary, "X-Content-Type-Options": "nosniff"}
        return headers if self._empty else {"Content-Type": operation.media_type, **headers}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Raises ``RequestError``; what else comes is a mistake."""
        operation = self.operation
        identity = self._identify(request)
        self._authorise(identity, operation.role)
        call = await self._reader.read(request, identity)
        result = await operation.handler(call)
        status, headers = operation.status, self._headers
        if isinstance(result, Answer):
            status = result.status or status
            headers = {**headers, **result.headers}
            result = result.value
        if isinstance(result, Page):
            if result.next_cursor is not None:
                headers = {**headers, "Link": _link_to_next(request, result.next_cursor)}
            result = result.items
        if self._empty:
            return web.Response(status=204 if status == 200 else status, headers=headers)
        return await self._send(request, status, headers, self._render(result))

    def _render(self, result: Any) -> bytes:
        if self._result is not None:
            # a result of another shape than promised is our mistake, and never half right
            return self._result.dump_json(result, by_alias=True, warnings="error")
        return result.encode() if isinstance(result, str) else result

    async def _send(
        self, request: web.Request, status: int, headers: dict[str, str], body: bytes
    ) -> web.Response:
        coding = None
        if self.operation.compress and len(body) >= SMALLEST_BYTES:
            coding = content_coding(request.headers.get(hdrs.ACCEPT_ENCODING))
        if self.operation.reads and status == 200:
            etag = strong_etag(body, coding)
            headers = {**headers, "ETag": etag}
            if_none_match = ",".join(request.headers.getall(hdrs.IF_NONE_MATCH, ()))
            if if_none_match and has_already(if_none_match, etag):
                del headers["Content-Type"]
                return web.Response(status=304, headers=headers)
        if coding is not None:
            headers = {**headers, "Content-Encoding": coding.value}
            body = await compressed(body, coding)
        return web.Response(status=status, headers=headers, body=body)


class _Options:
    """What may be asked for at a path; nobody has to be anybody to learn it."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._headers = {"Allow": ", ".join(sorted(allowed))}

    async def answer(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._headers)


class _Documents:
    """The table described, for programs and for people; made once."""

    def __init__(self, document: bytes, page: bytes) -> None:
        self._document = document
        self._page = page

    def operations(self, document_path: str, docs_path: str, role: str) -> list[Operation]:
        return [
            Operation(
                "GET", document_path, self.openapi, summary="This API", role=role, documented=False
            ),
            Operation(
                "GET",
                docs_path,
                self.docs,
                summary="This API, for people",
                role=role,
                media_type="text/html; charset=utf-8",
                documented=False,
            ),
        ]

    async def openapi(self, call: Call[Nothing, Nothing, None]) -> bytes:
        return self._document

    async def docs(self, call: Call[Nothing, Nothing, None]) -> Answer[bytes]:
        return Answer(self._page, headers=DOCS_HEADERS)


def _link_to_next(request: web.Request, cursor: str) -> str:
    """The same question with another cursor, as a path: a service need not know its own name."""
    url = request.rel_url.update_query(cursor=cursor)
    return f'<{url.raw_path}?{url.raw_query_string}>; rel="next"'


async def _not_yet(request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to the one who reads the content, after it is known that it is wanted."""


@web.middleware
async def problems(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    """Turn every error into problem details: ours as they say, what the router does not know, and mistakes as 500.

    A mistake is logged once, with its trace; the client gets its id.
    """
    try:
        return await handler(request)
    except RequestError as error:
        if _has_begun(request):
            raise
        response = problem_response(error, request)
    except web.HTTPException as error:
        # a handler that is not of the table may raise its own answer
        if request.match_info.http_exception is not error:
            raise
        response = problem_response(_from_router(error, request), request)
    except Exception:
        if _has_begun(request):
            raise
        mistake = MistakeOfOurs(secrets.token_hex(6))
        # the path only: queries and headers may hold secrets
        log.exception("request failed", id=mistake.id, method=request.method, path=request.path)
        response = problem_response(mistake, request)
    if ends_connection(request, response.status):
        response.force_close()
    return response


def _has_begun(request: web.Request) -> bool:
    """Whether part of an answer is out: then aiohttp ends the connection, which is all that can be told."""
    return request.writer.output_size > 0


def _from_router(error: web.HTTPException, request: web.Request) -> RequestError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = tuple(sorted(error.allowed_methods))
        return MethodNotAllowed(f"{request.method} is not offered here", allowed=allowed)
    return NotFound("there is no such path")

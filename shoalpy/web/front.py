"""Which answer does a path mean?

Paths of version 1 are looked for first and by hand, since they are nearly all of the load; they, and what else callers ask for, are told of
trouble in short texts, as by the services this one replaces. What begins like version 2 goes to the application behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import hdrs, web
from multidict import CIMultiDict

from shoalpy import telemetry
from shoalpy.ranking import Wish
from shoalpy.web import echo, page
from shoalpy.web.callers import Asking, Callers, fields_of
from shoalpy.web.replies import FOR_THE_CALLER, JSON, SERVER, coding_for, plain, send
from shoalpy.web.v1 import V1, Everything, parse_path
from ugrpy.core.clock import Clock
from ugrpy.core.errors import MethodNotAllowed, RequestError
from ugrpy.core.meter import Instrument, Meter
from ugrpy.service.api.conditional import compressed
from ugrpy.service.observing import client_of
from ugrpy.service.protocol import Handler
from ugrpy.service.quick import QuickBody, head_before_length, quick_for

Answer = Callable[[web.BaseRequest, Asking], Awaitable[web.StreamResponse]]
"""A handler for paths of its own; it is told who asks."""

READING = ("GET", "HEAD")
# A page of more rows is put together in a thread.
_MANY_ROWS = 500


@dataclass(frozen=True, slots=True)
class FrontParts:
    """What there is to answer with.

    ``answers``: paths that other parts serve to callers, by name of the part; ``below``: the same for all paths with
    that beginning. ``behind``: the beginnings of paths that the application behind serves. ``fsad``: what the operator adds to
    ``/fsad.conf`` now.
    """

    v1: V1
    callers: Callers
    view: Callable[[Asking, float], page.PageView]
    answers: Mapping[str, tuple[str, Answer]] = field(default_factory=dict)
    below: Mapping[str, tuple[str, Answer]] = field(default_factory=dict)
    behind: tuple[str, ...] = ()
    fsad: Callable[[], Mapping[str, str]] = dict


class Front:
    """Stands before the application of version 2: ``Door(app, before=front.before)``."""

    def __init__(self, parts: FrontParts, *, clock: Clock, meter: Meter) -> None:
        self._parts = parts
        self._clock = clock
        self._meter = meter
        self._counts: dict[tuple[str, int], Instrument] = {}

    def before(self, behind: Handler) -> Handler:
        """The handler for all paths."""

        async def answered(request: web.BaseRequest) -> web.StreamResponse:
            path, _, query = request.raw_path.partition("?")
            wanted = parse_path(path)
            what = "v1"
            try:
                if wanted is not None:
                    response = await self._v1(request, wanted, query)
                elif (part := self._part_for(path, query)) is not None:
                    what, answer = part
                    response = await answer(request, self._asking(request, query))
                else:
                    what, response = "v2", await behind(request)
            except RequestError as error:
                response = _trouble(error)
            return self._counted(what, response)

        return answered

    def _asking(self, request: web.BaseRequest, query: str) -> Asking:
        return self._parts.callers.asking(client_of(request), query)

    def _part_for(self, path: str, query: str) -> tuple[str, Answer] | None:
        """Who answers at this path, by its name; ``None`` for the application behind."""
        parts = self._parts
        found = parts.answers.get(path)
        if found is not None:
            return found
        if path.startswith(parts.behind):
            return None
        for start, answer in parts.below.items():
            if path.startswith(start):
                return answer
        if path in echo.PATHS:
            return "echo", self._echo
        ask = page.parse_ask(path, fields_of(query) if query else {})
        if ask is None:
            return "other", _nothing_there
        wanted = ask

        async def show(request: web.BaseRequest, asking: Asking) -> web.StreamResponse:
            return await self._page(request, asking, wanted)

        return "page", show

    async def _v1(
        self, request: web.BaseRequest, wanted: Wish | Everything, query: str
    ) -> web.StreamResponse:
        check_reading(request)
        caller = self._asking(request, query).caller
        now_s = self._clock.wall()
        if isinstance(wanted, Everything):
            return await send(request, self._parts.v1.everything(caller, now_s))
        body = self._parts.v1.nearest(caller, wanted, now_s)
        if (
            request.method == "GET"
            and quick_for(request)
            and hdrs.ACCEPT_ENCODING not in request.headers
        ):
            return QuickBody(200, _QUICK_HEAD, body)
        return await _for_the_caller(request, body, JSON)

    async def _echo(self, request: web.BaseRequest, asking: Asking) -> web.StreamResponse:
        check_reading(request)
        body = echo.render_fsad(asking.address, self._parts.fsad()).encode()
        return await _for_the_caller(request, body, echo.CONTENT_TYPE)

    async def _page(
        self, request: web.BaseRequest, asking: Asking, ask: page.PageAsk
    ) -> web.StreamResponse:
        check_reading(request)
        view = self._parts.view(asking, self._clock.wall())
        if len(view.caches) > _MANY_ROWS:
            text = await asyncio.to_thread(page.render, view, ask)
        else:
            text = page.render(view, ask)
        response = await _for_the_caller(request, text.encode(), page.CONTENT_TYPE)
        response.headers["Content-Security-Policy"] = page.CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _counted(self, what: str, response: web.StreamResponse) -> web.StreamResponse:
        count = self._counts.get((what, response.status))
        if count is None:
            count = self._counts[what, response.status] = self._meter.instrument(
                telemetry.ANSWERED.name, answer=what, status=str(response.status)
            )
        count.add()
        return response


def check_reading(request: web.BaseRequest) -> None:
    """Raises ``MethodNotAllowed`` for all but GET and HEAD."""
    if request.method not in READING:
        raise MethodNotAllowed("method not allowed", allowed=READING)


async def _nothing_there(_request: web.BaseRequest, _asking: Asking) -> web.StreamResponse:
    return plain(404, "not found")


def _headers(content_type: str) -> dict[str, str]:
    """Of an answer that depends on who asks."""
    return {
        "Server": SERVER,
        "Content-Type": content_type,
        "Cache-Control": FOR_THE_CALLER,
        "Vary": "Accept-Encoding",
    }


_QUICK_HEAD = head_before_length(200, CIMultiDict(_headers(JSON)))


async def _for_the_caller(
    request: web.BaseRequest, body: bytes, content_type: str
) -> web.StreamResponse:
    headers = _headers(content_type)
    if hdrs.ACCEPT_ENCODING in request.headers and (coding := coding_for(request, len(body))):
        body = await compressed(body, coding)
        headers["Content-Encoding"] = coding.value
    return web.Response(body=body, headers=headers)


def _trouble(error: RequestError) -> web.Response:
    if isinstance(error, MethodNotAllowed):
        return plain(error.status, "method not allowed", Allow=", ".join(error.allowed))
    return plain(error.status, f"{error.title}: {error}\n")

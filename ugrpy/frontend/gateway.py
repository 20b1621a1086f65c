"""Every request enters here: who asks and for what, may they, which handler, and how errors are told."""

import asyncio
import itertools
import math
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

import structlog
from aiohttp import web
from multidict import CIMultiDict

from ugrpy import telemetry
from ugrpy.changing import Changing
from ugrpy.copying import Copier
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import (
    Clash,
    DepthRefused,
    Forbidden,
    MethodNotAllowed,
    NoRoom,
    NotFound,
    RequestError,
    TooManyRequests,
    Unavailable,
)
from ugrpy.core.meter import Instrument, Meter, NullMeter
from ugrpy.core.trouble import Trouble
from ugrpy.federation import Federation
from ugrpy.frontend import answers
from ugrpy.frontend.copying import Copying
from ugrpy.frontend.exchange import Client, Exchange, split_target
from ugrpy.frontend.fields import proxy_error
from ugrpy.frontend.page import CONTENT_SECURITY_POLICY
from ugrpy.frontend.problem import prefers_html, render_problem
from ugrpy.frontend.propfind import Propfind
from ugrpy.frontend.reading import Reading
from ugrpy.frontend.refusing import Proppatch
from ugrpy.frontend.relocating import Relocating
from ugrpy.frontend.rights import demanding
from ugrpy.frontend.streaming import Streaming
from ugrpy.frontend.telling import tell
from ugrpy.frontend.writing import Writing
from ugrpy.load.admission import Admission
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.paths import Above, Inside, PrefixMap, parse_path
from ugrpy.recording import Recorder
from ugrpy.security.authz import AllowReading, Operation, Policy
from ugrpy.security.forwarded import TrustedNetworks, client_address
from ugrpy.security.identity import Audience, Identity
from ugrpy.service.access import Access, AccessLog
from ugrpy.service.body import ends_connection
from ugrpy.service.observing import CLIENT_LEFT, RequestCounts
from ugrpy.service.quick import QuickResponse
from ugrpy.service.state import Side
from ugrpy.streaming import StreamingSettings
from ugrpy.summing import Summing, SumSettings

log = structlog.get_logger("ugrpy.frontend")

Handler = Callable[[Exchange], Awaitable[web.StreamResponse]]

# The external path, the federated one, the names above the prefixes, whether it ends in a slash, the query.
Resolved = tuple[str, str | None, tuple[str, ...], bool, str]

KNOWN_CLIENTS = 50_000
KNOWN_TARGETS = 20_000
# Longer targets and forwarding headers are worked out each time, or strangers could fill the memory with them.
LONGEST_KEPT = 512

ALLOWED = ("OPTIONS", "GET", "HEAD", "PROPFIND")
ALLOWED_WITH_CHANGES = (*ALLOWED, "PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH")
# The precondition of RFC 4918 section 9.1, as its section 16 wants it told.
_FINITE_DEPTH = b'<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>\n'


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How this gateway shows itself."""

    prefixes: PrefixMap = field(default_factory=PrefixMap)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    max_replicas: int = 0
    show_endpoints: Audience = Audience.PUBLIC
    policy: Policy = field(default_factory=AllowReading)
    access_log: AccessLog | None = None
    body_timeout_s: float = 30.0
    streaming: StreamingSettings = field(default_factory=StreamingSettings)
    recorder: Recorder | None = None


class Gateway:
    """The handler for a ``ProtocolServer``: one instance per worker.

    Without a ``copier`` nothing is copied to or from other servers. ``sides`` are paths served beside the federation (``/livez``); they hide files of the same name.
    """

    def __init__(
        self,
        federation: Federation,
        options: GatewayOptions,
        changing: Changing | None = None,
        *,
        summing: Summing | None = None,
        copier: Copier | None = None,
        load: Admission | None = None,
        clock: Clock | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._federation = federation
        self._options = options
        self._clock = clock or SystemClock()
        meter = meter or NullMeter()
        self._load = load or Admission(clock=self._clock, meter=meter)
        self._trusted = TrustedNetworks(options.trusted_proxies)
        # clients and names come back: who and what they are is worked out once
        self._known_clients = lru_cache(maxsize=KNOWN_CLIENTS)(self._client)
        self._resolve = lru_cache(maxsize=KNOWN_TARGETS)(self._resolve_target)
        self._demand = demanding(options.policy)
        self._show_endpoints = options.show_endpoints
        redirected = {
            member.id: meter.instrument(telemetry.REDIRECTS.name, endpoint=member.id)
            for member in federation.members
        }
        self.streaming = streaming = (
            Streaming(federation, options.streaming, meter, self._load)
            if options.streaming.is_on
            else None
        )
        summing = summing or Summing(federation, SumSettings(), meter)
        reading = Reading(
            federation,
            self._clock,
            options.max_replicas,
            redirected,
            summing,
            self._load,
            streaming,
        )
        self._handlers: dict[str, tuple[Handler, Operation]] = {
            "GET": (reading.get, Operation.READ),
            "HEAD": (reading.head, Operation.STAT),
            "PROPFIND": (Propfind(federation, self._load, options.body_timeout_s), Operation.LIST),
            "OPTIONS": (self._options_of, Operation.STAT),
        }
        if changing is not None:
            self._handlers |= self._changes(changing, copier, redirected, streaming)
        self._allowed = ALLOWED if changing is None else ALLOWED_WITH_CHANGES
        self.sides: dict[str, Side] = {}
        self.inflight = 0
        self._requests = RequestCounts(meter, telemetry.SERVICE)
        self._seconds = meter.instrument(telemetry.REQUEST_SECONDS.name)
        self._numbers = itertools.count(1)
        self._process = f"{os.getpid():x}"

    def _changes(
        self,
        changing: Changing,
        copier: Copier | None,
        redirected: Mapping[EndpointId, Instrument],
        streaming: Streaming | None,
    ) -> dict[str, tuple[Handler, Operation]]:
        writing = Writing(changing, redirected, self._load, streaming)
        relocating = Relocating(changing, self._options.prefixes, self._demand, self._load)
        proppatch = Proppatch(self._federation, self._load, self._options.body_timeout_s)
        return {
            "PUT": (writing.put, Operation.WRITE),
            "DELETE": (writing.delete, Operation.DELETE),
            "MKCOL": (writing.make_collection, Operation.WRITE),
            "MOVE": (relocating.move, Operation.DELETE),
            "COPY": (Copying(relocating, copier, redirected), Operation.READ),
            "PROPPATCH": (proppatch, Operation.WRITE),
        }

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every error becomes a response that says what was wrong."""
        side = self.sides.get(request.raw_path)
        if side is not None:
            return await side(request, self._identify(request)[0].address)
        number = next(self._numbers)
        exchange = Exchange(request, self._identify(request), self._clock.monotonic)
        exchange.leased = self._federation.shared_down
        if self._show_endpoints is not Audience.PUBLIC:
            exchange.show_endpoints = self._show_endpoints.includes(exchange.identity)
        self.inflight += 1
        response: web.StreamResponse | None = None
        try:
            response = await self._answer(exchange)
            if type(response) is not QuickResponse and not response.prepared:
                tell(exchange, response.status, response.headers)
        except RequestError as error:
            response = self._problem(exchange, error)
            if ends_connection(request, error.status):
                response.force_close()
        except asyncio.CancelledError:
            raise
        except Exception:
            request_id = self._id_of(number)
            log.exception(
                "request failed", id=request_id, method=request.method, path=exchange.external
            )
            response = self._problem(exchange, _internal(request_id))
        finally:
            self.inflight -= 1
            self._note(exchange, number, response)
        return response

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        target = request.raw_path
        resolve = self._resolve if len(target) <= LONGEST_KEPT else self._resolve_target
        resolved = resolve(target)
        exchange.external, exchange.path, exchange.above, exchange.slash, exchange.query = resolved
        known = self._handlers.get(request.method)
        if known is None:
            raise MethodNotAllowed(f"{request.method} is not offered here", allowed=self._allowed)
        handler, operation = known
        self._demand(exchange, operation, exchange.path or "/")
        return await handler(exchange)

    async def _options_of(self, exchange: Exchange) -> web.StreamResponse:
        return web.Response(
            headers={
                "Server": answers.SERVER,
                "Allow": ", ".join(self._allowed),
                "DAV": "1",
                "MS-Author-Via": "DAV",
                "Accept-Ranges": "bytes",
            }
        )

    def _resolve_target(self, target: str) -> Resolved:
        raw, query = split_target(target)
        external = parse_path(raw)
        match self._options.prefixes.translate(external):
            case Inside(path):
                return external, path, (), raw.endswith("/"), query
            case Above(names):
                return external, None, names, True, query
            case _:
                raise NotFound(f"{external}: nothing is federated there")

    def _identify(self, request: web.BaseRequest) -> Client:
        if not self._trusted:
            return self._known_clients(request.remote, (), ())
        headers = request.headers
        x_forwarded_for = tuple(headers.getall("X-Forwarded-For", ()))
        forwarded = tuple(headers.getall("Forwarded", ()))
        length = sum(map(len, x_forwarded_for)) + sum(map(len, forwarded))
        find = self._known_clients if length <= LONGEST_KEPT else self._client
        return find(request.remote, x_forwarded_for, forwarded)

    def _client(
        self, peer: str | None, x_forwarded_for: tuple[str, ...], forwarded: tuple[str, ...]
    ) -> Client:
        address = client_address(
            peer, x_forwarded_for=x_forwarded_for, forwarded=forwarded, trusted=self._trusted
        )
        zone = self._federation.ranker.zone_of(address)
        return Identity(address=address), zone, str(address or "-")

    def _problem(self, exchange: Exchange, error: RequestError) -> web.Response:
        exchange.why = str(error)
        headers: CIMultiDict[str] = CIMultiDict({"Server": answers.SERVER})
        missing: dict[str, str] = {}
        facts: dict[str, object] = {}
        match error:
            case MethodNotAllowed(allowed=allowed):
                headers["Allow"] = ", ".join(allowed)
            case DepthRefused():
                headers["Content-Type"] = 'application/xml; charset="utf-8"'
                tell(exchange, error.status, headers)
                return web.Response(status=error.status, headers=headers, body=_FINITE_DEPTH)
            case Forbidden(missing=missing) if not missing:
                headers["Proxy-Status"] = proxy_error(Trouble.HTTP_REQUEST_DENIED, error.title)
            case _InternalError():
                headers["Proxy-Status"] = proxy_error(Trouble.PROXY_INTERNAL_ERROR, error.hint)
            case (
                NotFound(missing=missing)
                | Forbidden(missing=missing)
                | Clash(missing=missing)
                | NoRoom(missing=missing)
            ):
                answers.note_missing(exchange, headers, missing)
            case Unavailable(missing=missing, retry_after_s=retry_after_s):
                answers.note_missing(exchange, headers, missing)
                if retry_after_s is not None:
                    headers["Retry-After"] = str(max(1, round(retry_after_s)))
            case TooManyRequests(retry_after_s=retry_after_s, limit=limit, most=most):
                wait_s = math.ceil(retry_after_s)
                headers["Retry-After"] = str(wait_s)
                facts = {"limit": limit, "most": most, "retry_after_s": wait_s}
            case _:
                pass
        content_type, body = render_problem(
            error.status,
            error.title,
            str(error),
            instance=exchange.external,
            hint=error.hint,
            missing=missing,
            facts=facts,
            show_endpoints=exchange.show_endpoints,
            wants_html=prefers_html(exchange.request.headers.get("Accept")),
        )
        headers["Content-Type"] = content_type
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        headers["Vary"] = "Accept"
        tell(exchange, error.status, headers)
        return web.Response(status=error.status, headers=headers, body=body)

    def _id_of(self, number: int) -> str:
        """How a request is called in the logs: by its process and its number there."""
        return f"{self._process}-{number:x}"

    def _note(
        self,
        exchange: Exchange,
        number: int,
        response: web.StreamResponse | None,
    ) -> None:
        took_s = self._clock.monotonic() - exchange.started_s
        request = exchange.request
        status = CLIENT_LEFT if response is None else response.status
        self._requests.add(request.method, status)
        self._seconds.add(took_s)
        if (recorder := self._options.recorder) is not None:
            recorder.take(exchange, request.method, number, status, exchange.started_s, took_s)
        if (access_log := self._options.access_log) is not None:
            access_log.write(
                Access(
                    id=self._id_of(number),
                    client=exchange.client,
                    method=request.method,
                    target=request.raw_path,
                    status=status,
                    size_bytes=_size_of(response, request.method),
                    took_s=took_s,
                    cache=exchange.cache,
                    endpoint=exchange.endpoint,
                    agent=request.headers.get("User-Agent", ""),
                )
            )


def _size_of(response: web.StreamResponse | None, method: str) -> int:
    """The bytes of the body: what was sent in pieces, or what is about to be sent whole."""
    if (
        type(response) is QuickResponse
    ):  # the usual case, and isinstance is dear for aiohttp's classes
        return 0
    if isinstance(response, web.Response):
        body = response.body
        return len(body) if isinstance(body, bytes) and method != "HEAD" else 0
    return response.sent_bytes if isinstance(response, answers.PiecesResponse) else 0


class _InternalError(RequestError):
    status = 500
    title = "Internal Server Error"


def _internal(request_id: str) -> RequestError:
    return _InternalError(
        "this gateway made a mistake", hint=f"the log has the details under id {request_id}"
    )

"""Every request of a service is timed, counted and logged, the same way whatever serves it.

An ``Observer`` stands around a handler. It works out who the client is, answers liveness and its like beside the real work,
and has the last word on errors: ours become a problem (RFC 9457), and what nobody foresaw becomes a 500 that gives away
nothing but the id under which the log tells the rest.
"""

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

import structlog
from aiohttp import web

from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import MethodNotAllowed, RequestError, Unavailable
from ugrpy.core.meter import Instrument, Meter
from ugrpy.core.service_metrics import METHODS, ServiceMetrics, service_metrics
from ugrpy.security.forwarded import TrustedNetworks, client_address
from ugrpy.service.access import Access, AccessLog
from ugrpy.service.protocol import Handler
from ugrpy.service.quick import QuickBody
from ugrpy.service.state import ClientAddress, ServiceState, Side

log = structlog.get_logger("ugrpy.service")

# The status logged when the client left before it was answered; nginx uses the same number.
CLIENT_LEFT = 499
KNOWN_CLIENTS = 50_000
# Longer forwarding headers are worked out each time, or strangers could fill the memory with them.
LONGEST_KEPT = 512

_CLIENT: web.RequestKey[ClientAddress] = web.RequestKey("client")


def client_of(request: web.BaseRequest) -> ClientAddress:
    """The client's address, trusted proxies seen through; ``None`` when it cannot be told, or nobody observes."""
    return request.get(_CLIENT)


class Observer:
    """Stands around the handlers of one service. ``inflight`` is how many requests are being answered.

    ``sides`` are paths served beside the real work, neither counted nor logged; they hide what the handler has there.
    """

    def __init__(
        self,
        program: str,
        state: ServiceState,
        *,
        sides: Mapping[str, Side] | None = None,
        access_log: AccessLog | None = None,
        trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
        methods: Sequence[str] = METHODS,
        clock: Clock | None = None,
    ) -> None:
        self._sides = dict(sides or {})
        self._access_log = access_log
        self._clock = clock or SystemClock()
        self._trusted = TrustedNetworks(trusted_proxies)
        # clients come back: who they are is worked out once
        self._known_clients = lru_cache(maxsize=KNOWN_CLIENTS)(self._client)
        metrics = service_metrics(program, methods)
        self._requests = RequestCounts(state.meter, metrics)
        self._seconds = state.meter.instrument(metrics.request_seconds.name)
        gauge = state.meter.instrument(metrics.inflight_requests.name)
        state.also_refresh.append(lambda: gauge.add(self.inflight))
        self._numbers = itertools.count(1)
        self._process = f"{os.getpid():x}"
        self.inflight = 0

    def around(self, handler: Handler) -> Handler:
        """The handler, observed."""

        async def observed(request: web.BaseRequest) -> web.StreamResponse:
            return await self._answer(handler, request)

        return observed

    async def _answer(self, handler: Handler, request: web.BaseRequest) -> web.StreamResponse:
        started_s = self._clock.monotonic()
        address, client = self._identify(request)
        side = self._sides.get(request.raw_path)
        if side is not None:
            return await side(request, address)
        request[_CLIENT] = address
        request_id = f"{self._process}-{next(self._numbers):x}"
        self.inflight += 1
        status, size_bytes = CLIENT_LEFT, 0
        try:
            response = await self._handled(handler, request, request_id)
            status, size_bytes = response.status, _size_of(response, request.method)
        except web.HTTPException as answer:  # aiohttp's way of answering from anywhere
            status, size_bytes = answer.status, _size_of(answer, request.method)
            raise
        except Exception:
            status = CLIENT_LEFT if _has_left(request) else 500
            raise
        finally:
            self.inflight -= 1
            took_s = self._clock.monotonic() - started_s
            self._requests.add(request.method, status)
            self._seconds.add(took_s)
            if self._access_log is not None:
                self._access_log.write(
                    Access(
                        id=request_id,
                        client=client,
                        method=request.method,
                        target=request.raw_path,
                        status=status,
                        size_bytes=size_bytes,
                        took_s=took_s,
                        agent=request.headers.get("User-Agent", ""),
                    )
                )
        return response

    async def _handled(
        self, handler: Handler, request: web.BaseRequest, request_id: str
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except RequestError as error:
            return problem_of(error)
        except (asyncio.CancelledError, web.HTTPException):
            raise
        except Exception:
            if _has_left(request):
                raise
            if _is_begun(
                request
            ):  # nothing can be told any more; aiohttp logs it and cuts the connection
                log.error("answer broke off", id=request_id, path=request.raw_path)  # noqa: TRY400
                raise
            log.exception(
                "request failed", id=request_id, method=request.method, path=request.raw_path
            )
            return problem_of(
                _InternalError(f"this service made a mistake; the log has it under id {request_id}")
            )

    def _identify(self, request: web.BaseRequest) -> tuple[ClientAddress, str]:
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
    ) -> tuple[ClientAddress, str]:
        address = client_address(
            peer, x_forwarded_for=x_forwarded_for, forwarded=forwarded, trusted=self._trusted
        )
        return address, str(address or "-")


class RequestCounts:
    """``…_requests_total``, its series kept by method and status."""

    def __init__(self, meter: Meter, metrics: ServiceMetrics) -> None:
        self._meter = meter
        self._name = metrics.requests.name
        self._methods = metrics.methods
        self._series: dict[tuple[str, int], Instrument] = {}

    def add(self, method: str, status: int) -> None:
        """One more answer."""
        label = method if method in self._methods else "other"
        series = self._series.get((label, status))
        if series is None:
            series = self._meter.instrument(self._name, method=label, status=str(status))
            self._series[label, status] = series
        series.add()


class _InternalError(RequestError):
    status = 500
    title = "Internal Server Error"


def problem_of(error: RequestError) -> web.Response:
    """The error as ``application/problem+json`` (RFC 9457), with the headers it asks for."""
    problem = {"title": error.title, "status": error.status, "detail": str(error)}
    response = web.json_response(
        problem, status=error.status, content_type="application/problem+json"
    )
    match error:
        case MethodNotAllowed(allowed=allowed):
            response.headers["Allow"] = ", ".join(allowed)
        case Unavailable(retry_after_s=retry_after_s) if retry_after_s is not None:
            response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
        case _:
            pass
    return response


def _has_left(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _is_begun(request: web.BaseRequest) -> bool:
    return request.writer.output_size > 0


def _size_of(response: web.StreamResponse, method: str) -> int:
    """The bytes of the body: what is about to be sent whole, or what was sent in pieces."""
    if isinstance(response, QuickBody):
        return len(response.content)
    if isinstance(response, web.Response):
        body = response.body
        return len(body) if isinstance(body, bytes) and method != "HEAD" else 0
    return response.body_length if response.prepared else 0

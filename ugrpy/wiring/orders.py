"""How do operators take endpoints out of use and back, at run time?

``POST /v1/endpoints/NAME/drain``, ``disable``, ``enable`` or ``downtime`` on the admin listener, with a JSON object or a form::

    {"reason": "new disks", "by": "alice", "until": "2026-12-01T06:00:00Z"}

``until`` and ``from`` are moments (ISO 8601; UTC without a zone), ``for`` is a length of time such as ``2h``. The answer is what is
said of the endpoint now, when all workers act on it. Each order is a line in the log, with who gave it and why.
"""

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ugrpy.announcing.desk import Desk
from ugrpy.announcing.words import (
    LONGEST_BY,
    LONGEST_REASON,
    Word,
    check_text,
    facts_of,
    of_endpoint,
    parse_duration_s,
    parse_time,
    render_time,
)
from ugrpy.core.clock import Clock
from ugrpy.core.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound
from ugrpy.health.board import HealthBoard
from ugrpy.health.notices import NoticeKind
from ugrpy.namespace.model import EndpointId
from ugrpy.service.body import CodedContent, read_body

log = structlog.get_logger("ugrpy.audit")

PREFIX = "/v1/endpoints/"
LONGEST_ORDER_BYTES = 16 * 1024
ORDER_TIMEOUT_S = 10.0
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


def _reason(text: str) -> str:
    return check_text(text, LONGEST_REASON, "the reason")


def _by(text: str) -> str:
    return check_text(text, LONGEST_BY, "the name of who says so")


class Order(BaseModel):
    """What an operator sends. ``despite_downtimes``: what calendars say does not count either."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, AfterValidator(_reason)] = ""
    by: Annotated[str, AfterValidator(_by)] = ""
    until: float | None = None
    begins: Annotated[float | None, Field(alias="from")] = None
    severity: NoticeKind = NoticeKind.OUTAGE
    cancel: bool = False
    despite_downtimes: bool = False


def parse_order(fields: Mapping[str, object], wall: float) -> Order:
    """The order that these fields make. Raises ``BadRequest`` with the name of what is wrong."""
    given = dict(fields)
    try:
        for key in ("from", "until"):
            if key in given:
                given[key] = parse_time(str(given[key]))
        if "for" in given:
            if "until" in given:
                raise BadRequest("give until or for, not both")
            start = given.get("from", wall)
            assert isinstance(start, float)
            given["until"] = start + parse_duration_s(str(given.pop("for")))
        order = Order.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{where}: {first['msg']}") from None
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"a time that cannot be read: {error}") from None
    if order.until is not None and order.until <= max(wall, order.begins or wall):
        raise BadRequest("its end is not after its beginning, or has passed")
    if order.severity not in (NoticeKind.OUTAGE, NoticeKind.AT_RISK):
        raise BadRequest("severity is outage or at_risk")
    return order


class OrderPages:
    """The pages below ``/v1/endpoints/``."""

    def __init__(self, desk: Desk, board: HealthBoard, clock: Clock) -> None:
        self._desk = desk
        self._board = board
        self._clock = clock
        self._acts = {
            "drain": self._drain,
            "disable": self._disable,
            "enable": self._enable,
            "downtime": self._downtime,
        }

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out what an operator wants."""
        name, _, verb = request.path[len(PREFIX) :].rpartition("/")
        endpoint = EndpointId(unquote(name))
        act = self._acts.get(verb)
        if act is None or endpoint not in self._board:
            raise NotFound(
                f"no such page; there are {PREFIX}NAME/{{{','.join(self._acts)}}} for "
                f"{', '.join(self._board)}"
            )
        if request.method != "POST":
            raise MethodNotAllowed("orders are given by POST", allowed=("POST",))
        refuse_other_sites(request)
        order = parse_order(await _fields(request), self._clock.wall())
        await act(endpoint, order)
        self._audit(request, endpoint, verb, order)
        breaker = self._board[endpoint]
        return web.json_response(
            {
                "endpoint": endpoint,
                "state": breaker.state.value,
                "note": breaker.note(self._clock.monotonic()),
                "orders": [facts_of(one) for one in of_endpoint(self._desk.orders, endpoint)],
            }
        )

    async def _drain(self, endpoint: EndpointId, order: Order) -> None:
        await self._desk.order(self._word(endpoint, NoticeKind.DRAINED, order))

    async def _disable(self, endpoint: EndpointId, order: Order) -> None:
        await self._desk.order(self._word(endpoint, NoticeKind.DISABLED, order))

    async def _enable(self, endpoint: EndpointId, order: Order) -> None:
        await self._desk.give_back(endpoint)
        if order.despite_downtimes:
            await self._desk.order(self._word(endpoint, NoticeKind.KEPT, order))

    async def _downtime(self, endpoint: EndpointId, order: Order) -> None:
        if order.cancel:
            await self._desk.give_back(endpoint, planned=True)
            return
        if order.until is None:
            raise BadRequest("a downtime has an end: give until or for")
        await self._desk.order(self._word(endpoint, order.severity, order))

    def _word(self, endpoint: EndpointId, kind: NoticeKind, order: Order) -> Word:
        wall = self._clock.wall()
        return Word(endpoint, kind, order.reason, order.by, wall, order.begins, order.until)

    def _audit(
        self, request: web.BaseRequest, endpoint: EndpointId, verb: str, order: Order
    ) -> None:
        times = {"from": order.begins, "until": order.until}
        log.warning(
            "operator's order",
            endpoint=endpoint,
            order=verb,
            by=order.by or "not said",
            reason=order.reason,
            peer=request.remote or "local socket",
            **{key: render_time(at) for key, at in times.items() if at is not None},
        )


async def _fields(request: web.BaseRequest) -> dict[str, object]:
    body = await read_body(request, max_bytes=LONGEST_ORDER_BYTES, timeout_s=ORDER_TIMEOUT_S)
    if not body:
        return {}
    try:
        match request.content_type:
            case "application/json":
                found: object = json.loads(body)
            case "application/x-www-form-urlencoded":
                found = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            case other:
                raise CodedContent(f"an order is {_JSON} or {_FORM}, not {other}")
    except (ValueError, RecursionError):
        raise BadRequest("the order is not well-formed") from None
    if not isinstance(found, dict):
        raise BadRequest("an order is a JSON object")
    return found


def refuse_other_sites(request: web.BaseRequest) -> None:
    """A page that an operator has open in a browser must not give orders in his name."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    strange = origin is not None and urlsplit(origin).netloc != request.headers.get("Host", "")
    if strange or site not in ("none", "same-origin"):
        raise Forbidden("orders are not taken from other sites' pages")

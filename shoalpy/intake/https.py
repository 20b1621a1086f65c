"""How does an agent report without a broker? It posts its heartbeat, signed (``shoalpy.signing``), and hears at once what became of it.

``POST /v2/heartbeats`` takes the same JSON that goes through the broker. Taken is 200 with what the server makes of the cache, so that
an agent can tell its administrator::

    {"key": "5f0c…", "health": "passed", "message": "all tests passed", "address": "192.0.2.7"}

``address`` is where the request came from. What is not taken is an RFC 9457 problem with the ``reason`` that is counted.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field

from shoalpy.intake.counts import Transport
from shoalpy.intake.taking import Goodbye, Intake
from shoalpy.model import Address
from shoalpy.signing import Verifier
from shoalpy.wire import MAX_BEAT_BYTES, BadBeat, Reason
from ugrpy.core.errors import RequestError
from ugrpy.service.body import ContentTooLarge, ends_connection, read_body

PATH = "/v2/heartbeats"
_SIGNED_FIELDS = ("Content-Digest", "Signature", "Signature-Input")
_PROBLEM = "application/problem+json"

_STATUS = {
    Reason.TOO_LONG: 413,
    Reason.BAD_SIGNATURE: 401,
    Reason.NOT_THE_OWNER: 403,
    Reason.REPLAYED: 409,
    Reason.TOO_MANY: 503,
}
# Everything else is a heartbeat that breaks the rules: understood and refused (RFC 9110 section 15.5.21).
_REFUSED = 422


@dataclass(frozen=True, slots=True)
class BeatsPolicy:
    """Heartbeats over HTTPS."""

    keys_file: Annotated[
        str,
        Field(
            description="file with the keys of agents that report over HTTPS, a line each: id, hmac-sha256 or ed25519, key in base64; "
            "none are taken without it"
        ),
    ] = ""
    window_s: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds an agent's clock may be wrong when it signs"),
    ] = 60.0


@dataclass(frozen=True, slots=True)
class BeatsOverHttps:
    """The handler. ``address_of`` tells who sent a request, proxies seen through; ``timeout_s`` is what its content has to arrive."""

    intake: Intake
    verifier: Verifier
    address_of: Callable[[web.BaseRequest], Address | None] = field(default=lambda _request: None)
    timeout_s: float = 30.0

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        if request.method != "POST":
            return _problem(405, "a heartbeat is posted", Allow="POST")
        try:
            body = await read_body(request, max_bytes=MAX_BEAT_BYTES, timeout_s=self.timeout_s)
        except ContentTooLarge as error:
            self.intake.counts.dropped(Transport.HTTPS, Reason.TOO_LONG)
            return _closing(request, _problem(error.status, str(error), reason=Reason.TOO_LONG))
        except RequestError as error:
            return _closing(request, _problem(error.status, str(error)))
        try:
            taken = self._take(request, body)
        except BadBeat as error:
            status = _STATUS.get(error.reason, _REFUSED)
            more = {hdrs.WWW_AUTHENTICATE: "Signature"} if status == 401 else {}
            return _problem(status, str(error), reason=error.reason, **more)
        return web.json_response(taken, headers={hdrs.CACHE_CONTROL: "no-store"})

    def _take(self, request: web.BaseRequest, body: bytes) -> dict[str, object]:
        signer = self._signer(request, body)
        taken = self.intake.take(body, signer, transport=Transport.HTTPS)
        if isinstance(taken, Goodbye):
            return {"key": taken.key, "goodbye": True, "was_there": taken.was_there}
        address = self.address_of(request)
        return {
            "key": taken.key,
            "health": taken.verification.health.value,
            "message": taken.verification.message,
            "address": None if address is None else str(address),
        }

    def _signer(self, request: web.BaseRequest, body: bytes) -> str:
        # as it came: what is signed is the path on the wire, without the query
        path = request.raw_path.partition("?")[0]
        try:
            return self.verifier.signer_of(
                request.method, path, _signed_fields(request), body, self.intake.clock.wall()
            )
        except BadBeat as error:
            self.intake.counts.dropped(Transport.HTTPS, error.reason)
            raise


def _signed_fields(request: web.BaseRequest) -> dict[str, str]:
    found = {name: request.headers.getall(name, []) for name in _SIGNED_FIELDS}
    for name, values in found.items():
        if len(values) > 1:
            raise BadBeat(Reason.BAD_SIGNATURE, f"{name} is there more than once")
    return {name: values[0] for name, values in found.items() if values}


def _closing(request: web.BaseRequest, answer: web.Response) -> web.Response:
    if ends_connection(request, answer.status):
        answer.force_close()
    return answer


def _problem(
    status: int, detail: str, *, reason: Reason | None = None, **headers: str
) -> web.Response:
    body = {"status": status, "detail": detail} | ({} if reason is None else {"reason": reason})
    return web.Response(
        status=status,
        text=json.dumps(body) + "\n",
        content_type=_PROBLEM,
        headers={hdrs.CACHE_CONTROL: "no-store", **headers},
    )

"""One request as the handlers see it: where it leads, who asks, from where, and what to say of it in the log and the headers."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web

from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Follower, KnownListing, KnownName
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.origin import Origin
from ugrpy.security.identity import Identity

K = TypeVar("K", KnownName, KnownListing, KnownListing | Follower)

Client = tuple[Identity, Zone, str]
"""Who asks, from which zone, and the address as it is logged."""


class Exchange:
    """A request on its way to an answer.

    ``external`` is the path the client used, decoded and normalised; ``path`` is the federated path, ``None`` for an ancestor
    of the prefixes, whose children ``above`` then names. ``slash``: the client wrote a slash at the end, so it means a
    collection. ``show_endpoints``: the answer may name storage elements. ``leased``: the store that gateways share is away.

    The rest is filled in while answering, for the access line and the headers that explain the answer: ``cache`` and ``endpoint``; ``known``, what
    the answer is made of; ``fwd``, why storage was asked, in a word of RFC 9211, and ``waited_s``, for how long.
    ``now`` reads the monotonic clock, as it did when the request began: ``started_s``.
    """

    __slots__ = (
        "above",
        "cache",
        "client",
        "endpoint",
        "external",
        "fwd",
        "identity",
        "known",
        "leased",
        "now",
        "path",
        "query",
        "request",
        "show_endpoints",
        "slash",
        "started_s",
        "waited_s",
        "zone",
    )

    def __init__(
        self,
        request: web.BaseRequest,
        client: Client,
        now: Callable[[], float] = SystemClock.monotonic,
    ) -> None:
        self.request = request
        self.identity, self.zone, self.client = client
        self.external = "/"
        self.path: str | None = "/"
        self.above: tuple[str, ...] = ()
        self.show_endpoints = True
        self.query = ""
        self.slash = False
        self.cache = ""
        self.endpoint = ""
        self.known: KnownName | KnownListing | None = None
        self.fwd = ""
        self.leased = False
        self.waited_s: float | None = None
        self.now = now
        self.started_s = now()

    def recalled(self, known: KnownName | KnownListing) -> None:
        """The answer is made of what was remembered."""
        self.cache = "hit"
        self.known = known

    async def asking(self, fwd: str, question: Awaitable[K]) -> K:
        """The answer is made of what the endpoints say; ``fwd`` is why they are asked."""
        self.cache, self.fwd = "miss", fwd
        began_s = self.now()
        try:
            known = await question
        finally:
            self.waited_s = (self.waited_s or 0.0) + self.now() - began_s
        if not isinstance(known, Follower):
            self.known = known
            if known.origin is not Origin.ENDPOINTS:
                self.cache = known.origin.value
        return known


def split_target(target: str) -> tuple[str, str]:
    """The raw path and the query of a request target in origin, absolute or asterisk form (RFC 9112 section 3.2).

    Raises ``BadRequest`` for anything else.
    """
    if target == "*":
        return "/", ""
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            raise BadRequest("the request target is neither a path nor an http(s) URL")
        slash = rest.find("/")
        target = rest[slash:] if slash >= 0 else "/"
    path, _, query = target.partition("?")
    return path.partition("#")[0], query

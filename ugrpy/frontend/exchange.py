"""One request as the handlers see it: where it leads, who asks, from where, and what to say of it in the log and the headers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from aiohttp import web

from ugrpy.changing.weighing import PlaceRanking
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Federation, Follower, KnownListing, KnownName
from ugrpy.locality.model import Candidate
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.origin import Origin
from ugrpy.recording import Among
from ugrpy.security.identity import Identity

K = TypeVar("K", KnownName, KnownListing, KnownListing | Follower)

NOBODY: frozenset[EndpointId] = frozenset()

Client = tuple[Identity, Zone, str]
"""Who asks, from which zone, and the address as it is logged."""


class Exchange:
    """A request on its way to an answer.

    ``external`` is the path the client used, decoded and normalised; ``path`` is the federated path, ``None`` for an ancestor
    of the prefixes, whose children ``above`` then names. ``slash``: the client wrote a slash at the end, so it means a
    collection. ``show_endpoints``: the answer may name storage elements. ``leased``: the store that gateways share is away.

    The rest is filled in while answering, for the access line, the flight recorder and the headers that explain the answer: ``cache`` and ``endpoint``; ``known``, what
    the answer is made of; ``fwd``, why storage was asked, in a word of RFC 9211, and ``waited_s``, for how long.
    ``now`` reads the monotonic clock, as it did when the request began: ``started_s``.

    For the recorder alone: the ``order`` of the replicas with the numbers ``drawn`` for it, the ``candidates`` and who was ``withheld`` then; whose word was ``missing``,
    and ``why`` there was no better answer. ``among`` belongs to an order of places for an upload.
    """

    __slots__ = (
        "above",
        "among",
        "cache",
        "candidates",
        "client",
        "drawn",
        "endpoint",
        "external",
        "fwd",
        "identity",
        "known",
        "leased",
        "missing",
        "now",
        "order",
        "path",
        "query",
        "request",
        "show_endpoints",
        "slash",
        "started_s",
        "waited_s",
        "why",
        "withheld",
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
        self.why = ""
        self.order: tuple[EndpointId, ...] = ()
        self.drawn: tuple[float, ...] = ()
        self.missing: Mapping[str, str] | None = None
        self.among: Among | None = None
        self.candidates: Mapping[str, Candidate] | None = None
        self.withheld: frozenset[EndpointId] = NOBODY

    def ranked(self, order: tuple[EndpointId, ...], federation: Federation) -> None:
        """The federation has just put the replicas in this order."""
        self.order = order
        self.candidates = federation.ranker.candidates
        self.withheld = federation.board.withheld
        if len(order) > 1:  # or nothing was drawn, and the numbers are those of another request
            self.drawn = tuple(federation.lots.numbers)

    def placed(self, ranking: PlaceRanking | None) -> None:
        """A place was found for an upload."""
        if ranking is not None:
            self.order, self.drawn = ranking.order, ranking.drawn
            self.candidates, self.withheld = ranking.candidates, ranking.withheld
            self.among = Among(ranking.rooms, ranking.ahead)

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

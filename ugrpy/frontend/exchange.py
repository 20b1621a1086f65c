"""One request as the handlers see it: where it leads, who asks, from where, and what to say of it in the log."""

from collections.abc import Mapping

from aiohttp import web

from ugrpy.changing.placing import PlaceRanking
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Federation, KnownName
from ugrpy.locality.model import Candidate
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import EndpointId
from ugrpy.recording import Among
from ugrpy.security.identity import Identity

NOBODY: frozenset[EndpointId] = frozenset()

Client = tuple[Identity, Zone, str]
"""Who asks, from which zone, and the address as it is logged."""


class Exchange:
    """A request on its way to an answer.

    ``external`` is the path the client used, decoded and normalised; ``path`` is the federated path, ``None`` for an ancestor
    of the prefixes, whose children ``above`` then names. ``slash``: the client wrote a slash at the end, so it means a
    collection. ``show_endpoints``: the answer may name storage elements. ``cache`` and ``endpoint`` are filled in while answering, for the access line.
    So are, for the flight recorder, ``known``, the ``order`` of the replicas with the numbers ``drawn`` for it, the ``candidates`` and who was ``absent`` then; whose word was ``missing``,
    and ``why`` there was no better answer; ``among`` belongs to an order of places for an upload.
    """

    __slots__ = (
        "above",
        "absent",
        "among",
        "cache",
        "candidates",
        "client",
        "drawn",
        "endpoint",
        "external",
        "identity",
        "known",
        "missing",
        "order",
        "path",
        "query",
        "request",
        "show_endpoints",
        "slash",
        "why",
        "zone",
    )

    def __init__(self, request: web.BaseRequest, client: Client) -> None:
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
        self.why = ""
        self.order: tuple[EndpointId, ...] = ()
        self.drawn: tuple[float, ...] = ()
        self.known: KnownName | None = None
        self.missing: Mapping[str, str] | None = None
        self.among: Among | None = None
        self.candidates: Mapping[str, Candidate] | None = None
        self.absent: frozenset[EndpointId] = NOBODY

    def ranked(self, order: tuple[EndpointId, ...], federation: Federation) -> None:
        """The federation has just put the replicas in this order."""
        self.order = order
        self.candidates = federation.ranker.candidates
        self.absent = federation.board.absent
        if len(order) > 1:  # or nothing was drawn, and the numbers are those of another request
            self.drawn = tuple(federation.lots.numbers)

    def placed(self, ranking: PlaceRanking | None) -> None:
        """A place was found for an upload."""
        if ranking is not None:
            self.order, self.drawn = ranking.order, ranking.drawn
            self.candidates, self.absent = ranking.candidates, ranking.absent
            self.among = Among(ranking.rooms, ranking.ahead)


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

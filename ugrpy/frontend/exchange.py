"""One request as the handlers see it: where it leads, who asks, from where, and what to say of it in the log."""

from aiohttp import web

from ugrpy.core.errors import BadRequest
from ugrpy.locality.tiers import Zone
from ugrpy.security.identity import Identity

Client = tuple[Identity, Zone, str]
"""Who asks, from which zone, and the address as it is logged."""


class Exchange:
    """A request on its way to an answer.

    ``external`` is the path the client used, decoded and normalised; ``path`` is the federated path, ``None`` for an ancestor
    of the prefixes, whose children ``above`` then names. ``slash``: the client wrote a slash at the end, so it means a
    collection. ``show_endpoints``: the answer may name storage elements. ``cache`` and ``endpoint`` are filled in while answering, for the access line.
    """

    __slots__ = (
        "above",
        "cache",
        "client",
        "endpoint",
        "external",
        "identity",
        "path",
        "query",
        "request",
        "show_endpoints",
        "slash",
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

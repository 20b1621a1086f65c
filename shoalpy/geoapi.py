"""In which order are these servers near to the caller? CVMFS's Geo-API, as a decision (reference section 9).

A client names its servers and is answered their numbers, the nearest first::

    GET /cvmfs/sft.cern.ch/api/v1.0/geo/squid.example.org/s1.fnal.gov,s1.cern.ch      ->  2,1
    GET /api/v1.0/geo/10f1c2d4/s1.fnal.gov,s1.cern.ch,+PXYSEP+,proxy.cern.ch          ->  2,1,4,3

The *caching string* before the servers is the name of the proxy that the answer will be kept in. Where it has a position, that is where the
answer is for: nobody can put an answer for elsewhere into a proxy under the name of another. Otherwise the headers of proxies and the connection
say who asks. What stands behind ``+PXYSEP+`` are fallback proxies: they are ordered as seen by the caller, the servers as seen from the nearest of them,
and the number of the separator comes last.

The original measures angles by the spherical law of cosines, and fails where rounding lifts a cosine above 1. Here the distance is that
of ``ugrpy.locality``, which orders alike except where two servers are equally far to about a centimetre, and holds at the antipodes.

Names without a dot, with a port or ending in a number are nobody's in the name service, so nobody is asked: most caching strings are numbers
that clients drew, and asking for these was most of the load of real servers (cvmfs issue 3919).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from shoalpy.model import Address
from ugrpy.core.errors import BadRequest
from ugrpy.locality import Network, Position, parse_address
from ugrpy.locality.distance import great_circle_km

SEPARATOR = "+PXYSEP+"
# What asks for the number of names looked up so far.
LOOKUPS = "_namelookups_"
# How a network of caches before the servers, and proxies, say who asks.
CDN_HEADER = "CF-Connecting-IP"
FORWARDED_HEADER = "X-Forwarded-For"
# How long answers and refusals may be kept; the original's.
MAX_AGE_S = 3600
REFUSED_MAX_AGE_S = 300
LONGEST_NAME = 256

_URL = re.compile(r"(?:/cvmfs/[^/]+)?/api/v[^/]*/([^/]*)/(.*)", re.DOTALL)
# an IPv6 address that carries one of IPv4
_LONGEST_ADDRESS = 45
_NAME = re.compile(r"[0-9a-zA-Z.:-]+")
_NAMESERVER = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):[0-9]{1,5}")
# Of a path that is not understood, so much is said again.
_LONGEST_QUOTE = 200

Locate = Callable[[str], Position | None]
"""Where the server, proxy or address of this name is, as far as it is known."""


def parse_nameserver(text: str) -> str:
    """``address``, ``address:port`` or ``[address]:port`` for IPv6; raises ``ValueError``."""
    match = _NAMESERVER.fullmatch(text)
    address = text if match is None else match[1] or match[2]
    if parse_address(address) is None:
        raise ValueError(
            f"expected the address of a name server, with or without :port, got {text!r}"
        )
    return text


@dataclass(frozen=True, slots=True)
class GeoApiPolicy:
    """``[geoapi]``: the Geo-API of CVMFS."""

    enabled: Annotated[
        bool, Field(description="answer CVMFS clients which of their servers are near")
    ] = True
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Field(
            description="networks whose CF-Connecting-IP and X-Forwarded-For are believed here; with none, everybody's are, as CVMFS does"
        ),
    ] = ()
    max_names: Annotated[
        int, Field(ge=1, le=4096, description="most servers and proxies in one question")
    ] = 200
    kept_names: Annotated[
        int, Field(ge=1, le=10_000_000, description="names whose addresses are remembered")
    ] = 100_000
    nameservers: Annotated[
        tuple[Annotated[str, AfterValidator(parse_nameserver)], ...],
        Field(
            description="name servers to ask, address or address:port; with none, those of the machine"
        ),
    ] = ()


@dataclass(frozen=True, slots=True)
class GeoAsk:
    """What is asked. ``proxies`` is ``None`` without a separator."""

    caching: str
    servers: tuple[str, ...]
    proxies: tuple[str, ...] | None = None

    def names(self, *, via_cdn: bool) -> tuple[str, ...]:
        """All names that may have to be located."""
        names = (self.caching, *self.servers, *(self.proxies or ()))
        return (*names, *map(behind_cdn, self.servers)) if via_cdn else names


@dataclass(frozen=True, slots=True)
class GeoAnswer:
    """What is answered. ``max_age_s``: for how long others may be answered the same."""

    status: int
    body: bytes
    max_age_s: int


@lru_cache(maxsize=1024)
def parse_geo_path(path: str) -> GeoAsk:
    """What the path asks, percent-encoded or not. The repository counts for nothing, and the version only has to begin with ``v``.

    Raises ``BadRequest`` with the original's words.
    """
    plain = unquote(path)
    match = _URL.fullmatch(plain)
    if match is None:
        raise BadRequest(f"malformed api URL: {path[:_LONGEST_QUOTE]}")
    function, asked = match.groups()
    if function != "geo":
        raise BadRequest("unrecognized api function")
    caching, slash, listed = asked.partition("/")
    if not slash:
        raise BadRequest("no slash in geo path")
    names = tuple(listed.split(","))
    if SEPARATOR not in names:
        return GeoAsk(caching, names)
    cut = names.index(SEPARATOR)
    return GeoAsk(caching, names[:cut], names[cut + 1 :])


def address_in(name: str) -> Address | None:
    """The address that is written there in place of a name."""
    # cheaper than failing to parse every name: all addresses have a colon or end in a digit
    if (":" in name or name[-1:].isdigit()) and len(name) <= _LONGEST_ADDRESS:
        return _parsed(name)
    return None


_parsed = lru_cache(maxsize=10_000)(parse_address)


def may_be_asked_for(name: str) -> bool:
    """Whether the name service may know it: see the top of this file. Addresses are no names."""
    return (
        len(name) <= LONGEST_NAME
        and "." in name
        and ":" not in name
        and _NAME.fullmatch(name) is not None
        # "192.0.2.7" and its misspellings; no domain at the top is a number (RFC 3696 section 2)
        and not name.rstrip(".").rpartition(".")[2].isdigit()
    )


def behind_cdn(name: str) -> str:
    """The name by which a server behind a network of caches keeps its own address, by CVMFS's convention."""
    return f"ip.{name}"


def said_callers(headers: Mapping[str, str]) -> Iterator[str]:
    """The caller's address as proxies say it, the best first: of several in a list the last, whom the nearest proxy saw itself."""
    if (said := headers.get(CDN_HEADER)) is not None:
        yield said.strip()
    if (said := headers.get(FORWARDED_HEADER)) is not None:
        yield said.rpartition(",")[2].strip()


def origin(ask: GeoAsk, said: Iterable[str], client: Position | None, locate: Locate) -> Position:
    """Where the answer is for: the first that has a position of the caching string, what proxies said, and who asks.

    Raises ``BadRequest``.
    """
    if (found := locate(ask.caching)) is not None:
        return found
    for address in said:
        # here only addresses count
        if address_in(address) is not None and (found := locate(address)) is not None:
            return found
    if client is None:
        raise BadRequest("remote addr not found in database")
    return client


def ordered(
    ask: GeoAsk, where: Position, locate: Locate, *, behind: Locate | None = None
) -> list[int]:
    """The numbers from 1 of all that was named: each once, the nearest first, those without a position last in their order.

    ``behind`` is asked first for servers, if it is given. Raises ``BadRequest`` when no server has a position.
    """
    last: list[int] = []
    if ask.proxies is not None:
        cut = len(ask.servers)
        places = [locate(name) for name in ask.proxies]
        proxies = _by_distance(places, where)
        if proxies and (nearest := places[proxies[0]]) is not None:
            where = nearest
        last = [*(cut + 2 + index for index in proxies), cut + 1]
    located = [(behind(name) if behind else None) or locate(name) for name in ask.servers]
    if not any(located):
        raise BadRequest("no server addr found in database")
    return [1 + index for index in _by_distance(located, where)] + last


def _by_distance(places: Sequence[Position | None], where: Position) -> list[int]:
    """The indices from 0. Python's sort leaves equals in their order."""
    far = [inf if place is None else great_circle_km(where, place) for place in places]
    return sorted(range(len(far)), key=far.__getitem__)


def render_order(numbers: Sequence[int], max_age_s: int = MAX_AGE_S) -> GeoAnswer:
    """The answer that clients accept: digits, commas and a newline."""
    return GeoAnswer(200, f"{','.join(map(str, numbers))}\n".encode(), max_age_s)


def render_refusal(reason: str) -> GeoAnswer:
    """The answer to what cannot be answered."""
    return GeoAnswer(400, f"Bad Request: {reason}\n".encode(), REFUSED_MAX_AGE_S)

"""What do the headers of a COPY or a MOVE ask for?

Two protocols share the method COPY. RFC 4918 section 9.8 makes a second one of a resource within one server; third-party
copy, as FTS, gfal2 and davix speak it, makes the server that is asked move the bytes to or from another one::

    COPY /store/f                              COPY /store/f
    Destination: https://other.example/f       Source: https://other.example/f?authz=...
    Credential: none                           TransferHeaderAuthorization: Bearer ...
    (push)                                     (pull)

It is a third-party copy when any header says so, or when the Destination is another server's. What ``TransferHeaderX``
holds is sent to the other server as ``X``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, quote, urlsplit

from ugrpy.core.errors import BadRequest
from ugrpy.namespace.paths import parse_path
from ugrpy.webdav.request import Depth, parse_depth

# davix and gfal2 may leave their own schemes in place; they mean HTTP all the same.
_SCHEMES = {"http": "http", "https": "https", "dav": "http", "davs": "https"}
_PORTS = {"http": 80, "https": 443}

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
# Neither a blank nor a control character can be part of a URI (RFC 3986 section 2).
_NO_URI = re.compile(r"[\x00-\x20\x7f]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")

_HOST = re.compile(r"[A-Za-z0-9._\-]+|[0-9A-Fa-f:.]+")

_TRANSFER = "transferheader"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Those of one connection (RFC 9110 section 7.6.1), and those that whoever sends the other request writes itself.
_NOT_PASSED_ON = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_BREAKS_LINES = re.compile(r"[\r\n\0]")
_MARKS = ("source", "credential", "x-number-of-streams", "requirechecksumverification")
_ONCE = frozenset({"destination", "overwrite", "depth", *_MARKS})

# XRootD's bound; 0, which gfal2 sends when nobody asked for a number, is one stream there, too.
MOST_STREAMS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Source or Destination is. ``host`` is ``""`` for a path alone, which is on the server that is asked.

    ``scheme`` is ``http`` or ``https``, ``host`` in lower case and without brackets, ``port`` always given with a host.
    ``raw_path`` is percent-encoded, without query. ``url`` is all of it, with the query, fit to be asked for.
    """

    url: str
    raw_path: str
    scheme: str = ""
    host: str = ""
    port: int = 0

    @property
    def path(self) -> str:
        """The decoded, normalised path. Raises ``BadRequest`` for what cannot be a name here; elsewhere it may be one."""
        return parse_path(self.raw_path)

    @property
    def trailing_slash(self) -> bool:
        """Whether it is written as collections are."""
        return self.raw_path.endswith("/")


def parse_place(text: str, header: str) -> Place:
    """An absolute URL or an absolute path (RFC 4918 section 8.3); ``header`` is where it stood.

    Raises ``BadRequest``: something else, a fragment, a broken escape, a user in it, a scheme that is not HTTP.
    """
    text = _as_ascii(text.strip())
    if not text or _NO_URI.search(text):
        raise BadRequest(f"{header} is not a URL")
    if "#" in text:
        raise BadRequest(f"{header} has a fragment, which names no resource of its own")
    if _BAD_ESCAPE.search(text):
        raise BadRequest(f"{header} has a percent sign that begins no escape")
    if text.startswith("/") and not text.startswith("//"):
        return Place(text, text.partition("?")[0])
    return _elsewhere(text, header)


def _as_ascii(text: str) -> str:
    """Clients that send names as they are mean the same bytes percent-encoded (RFC 3987 section 3.1); ``""`` for no bytes."""
    try:
        return _BEYOND_ASCII.sub(lambda found: quote(found[0], errors="surrogateescape"), text)
    except UnicodeEncodeError:
        return ""


def _elsewhere(text: str, header: str) -> Place:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadRequest(f"{header} has no usable host or port") from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise BadRequest(f"{header} is neither an http or https URL nor an absolute path")
    if not _HOST.fullmatch(host) or port == 0:
        raise BadRequest(f"{header} has no usable host or port")
    if "@" in parts.netloc:
        raise BadRequest(
            f"{header} has a user or a password in it; use TransferHeaderAuthorization"
        )
    return _place(parts, scheme, host, port)


def _place(parts: SplitResult, scheme: str, host: str, port: int | None) -> Place:
    raw_path = parts.path or "/"
    url = parts._replace(scheme=scheme, path=raw_path).geturl()
    return Place(url, raw_path, scheme, host, port or _PORTS[scheme])


class CopyMode(StrEnum):
    """Who moves which bytes. ``WITHIN`` is RFC 4918's copy; in the others the server asked sends or fetches."""

    WITHIN = "within"
    PUSH = "push"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What a COPY asks for. ``place`` is the Destination, or for ``PULL`` the Source.

    ``verify_checksum`` is ``None`` when the client leaves it to us; ``credential`` the kind it wants used towards the
    other server (``none``, ``gridsite``, ...), in lower case, ``""`` when it says nothing.
    """

    mode: CopyMode
    place: Place
    overwrite: bool = True
    depth: Depth = Depth.INFINITY
    streams: int = 1
    verify_checksum: bool | None = None
    credential: str = ""


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """What a MOVE asks for; it always takes all with it (RFC 4918 section 9.9.2)."""

    place: Place
    overwrite: bool = True


def parse_copy(headers: Mapping[str, str], is_here: Callable[[Place], bool]) -> CopyRequest:
    """The headers of a COPY. ``is_here`` says whether a place with a host is on this server.

    Raises ``BadRequest``: Source and Destination both or neither, a value that cannot be read, and for a copy within this
    server a Destination that cannot be a name or Depth 1.
    """
    said = _said(headers)
    source, destination = said.get("source"), said.get("destination")
    if (source is None) == (destination is None):
        raise BadRequest("COPY needs either a Destination or a Source, and not both")
    if source is not None:
        mode, place = CopyMode.PULL, parse_place(source, "Source")
        if not place.host:
            raise BadRequest("Source must be an absolute URL")
    else:
        place = parse_place(destination or "", "Destination")
        mode = CopyMode.WITHIN if _stays(said, place, is_here) else CopyMode.PUSH
    return _request(said, mode, place)


def _stays(said: Mapping[str, str], place: Place, is_here: Callable[[Place], bool]) -> bool:
    """Whether it is RFC 4918's copy: no header of a third-party copy, and no other server."""
    marked = any(name in _MARKS or name.startswith(_TRANSFER) for name in said)
    if not marked and (not place.host or is_here(place)):
        return True
    if not place.host:
        raise BadRequest("the Destination of a third-party copy must be an absolute URL")
    return False


def _request(said: Mapping[str, str], mode: CopyMode, place: Place) -> CopyRequest:
    depth = parse_depth(said.get("depth"))
    if mode is CopyMode.WITHIN:
        parse_path(place.raw_path)
        if depth is Depth.ONE:
            raise BadRequest("COPY has Depth 0 or infinity (RFC 4918 section 9.8.3)")
    return CopyRequest(
        mode,
        place,
        _overwrite(said),
        depth,
        _streams(said.get("x-number-of-streams", "1")),
        _flag(said.get("requirechecksumverification")),
        said.get("credential", "").strip().lower(),
    )


def parse_move(headers: Mapping[str, str]) -> MoveRequest:
    """The headers of a MOVE. Raises ``BadRequest``: no Destination, one that cannot be a name, another Depth than infinity.

    Whether the Destination is on this server is the caller's question.
    """
    said = _said(headers)
    if "destination" not in said:
        raise BadRequest("MOVE needs a Destination")
    if parse_depth(said.get("depth")) is not Depth.INFINITY:
        raise BadRequest("MOVE has Depth infinity (RFC 4918 section 9.9.2)")
    place = parse_place(said["destination"], "Destination")
    parse_path(place.raw_path)
    return MoveRequest(place, _overwrite(said))


def transfer_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What the other server is to be sent: ``X`` for every ``TransferHeaderX``, but nothing that is a connection's own.

    One that came several times is joined to a list (RFC 9110 section 5.3).
    """
    passed: dict[str, tuple[str, str]] = {}
    for name, value in headers.items():
        own = name[len(_TRANSFER) :]
        if not name.lower().startswith(_TRANSFER) or not _may_pass(own, value):
            continue
        written, before = passed.get(own.lower(), (own, None))
        passed[own.lower()] = (written, value if before is None else f"{before}, {value}")
    return dict(passed.values())


def _may_pass(name: str, value: str) -> bool:
    if name.lower() in _NOT_PASSED_ON or not _TOKEN.fullmatch(name):
        return False
    return not _BREAKS_LINES.search(value)


def _said(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers by their names in lower case. Raises ``BadRequest`` for one of ours that came with two values."""
    said: dict[str, str] = {}
    for written, value in headers.items():
        name = written.lower()
        if name in _ONCE and said.get(name, value) != value:
            raise BadRequest(f"{name.title()} was sent twice")
        said[name] = value
    return said


def _overwrite(said: Mapping[str, str]) -> bool:
    """The ``Overwrite`` header (RFC 4918 section 10.6): T unless F."""
    match said.get("overwrite", "T").strip().upper():
        case "T":
            return True
        case "F":
            return False
        case _:
            raise BadRequest("Overwrite must be T or F")


def _streams(text: str) -> int:
    text = text.strip()
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) > MOST_STREAMS:
        raise BadRequest(f"X-Number-Of-Streams must be a number up to {MOST_STREAMS}")
    return max(1, int(text))


def _flag(text: str | None) -> bool | None:
    match text.strip().lower() if text is not None else None:
        case None:
            return None
        case "true":
            return True
        case "false":
            return False
        case _:
            raise BadRequest("RequireChecksumVerification must be true or false")

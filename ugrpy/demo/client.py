"""A client as plain as possible: one request from a chosen address, redirects shown instead of followed.

It reads answers with its own few lines of XML instead of the gateway's code, so that a fault there cannot hide here.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote, urlsplit

from lxml import etree

from ugrpy.core.errors import DataError
from ugrpy.core.urls import encode_path

DAV = "{DAV:}"
METALINK = "{urn:ietf:params:xml:ns:metalink}"
TIMEOUT_S = 15.0
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer with the whole body. Header names are in lower case; repeated ones are joined by commas."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def location(self) -> str:
        """Where the answer redirects to, or nothing."""
        return self.headers.get("location", "")

    @property
    def target_address(self) -> str:
        """The host the answer redirects to, or nothing."""
        return urlsplit(self.location).hostname or ""


class Ask(Protocol):
    """How a step sends a request; tests put a table of answers in its place."""

    def __call__(
        self, method: str, url: str, *, source: str, headers: Mapping[str, str] = _NOTHING
    ) -> Reply:
        """Send one request from the address ``source``; raises ``OSError`` when there is no answer."""
        ...


def ask(method: str, url: str, *, source: str, headers: Mapping[str, str] = _NOTHING) -> Reply:
    """Send one request from a local address over a connection of its own.

    Raises ``OSError`` when there is no connection, ``DataError`` when the answer is not HTTP.
    """
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S, source_address=(source, 0)
    )
    try:
        connection.request(method, target or "/", headers={"User-Agent": "ugrpy-demo", **headers})
        response = connection.getresponse()
        fields: dict[str, str] = {}
        for name, value in response.getheaders():
            known = fields.get(name.lower())
            fields[name.lower()] = value if known is None else f"{known}, {value}"
        return Reply(response.status, fields, response.read())
    except http.client.HTTPException as error:
        raise DataError(f"{url} did not answer in HTTP: {error!r}") from error
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Listed:
    """One response of a multistatus: decoded path without trailing slash, ``None`` size for collections."""

    path: str
    collection: bool
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Offered:
    """One URL of a metalink with its priority (1 is best) and country."""

    url: str
    priority: int
    country: str


@dataclass(frozen=True, slots=True)
class Metalink:
    """The first file of a metalink, RFC 5854; its URLs in document order."""

    name: str
    size_bytes: int | None
    offers: tuple[Offered, ...]


def url_of(base_url: str, path: str) -> str:
    """The URL of a decoded path below a base URL without trailing slash."""
    return base_url + encode_path(path)


def parse_listing(body: bytes) -> list[Listed]:
    """The responses of a multistatus (RFC 4918 section 13); ``DataError`` when it is none."""
    found = []
    for response in _parse(body, f"{DAV}multistatus").iter(f"{DAV}response"):
        path = unquote(urlsplit(response.findtext(f"{DAV}href", "")).path)
        collection = response.find(f".//{DAV}collection") is not None
        size = response.findtext(f".//{DAV}getcontentlength")
        known = size is not None and size.isdigit() and not collection
        found.append(
            Listed(path.rstrip("/") or "/", collection, int(size) if size and known else None)
        )
    return found


def parse_metalink(body: bytes) -> Metalink:
    """The first file of a metalink 4 document; ``DataError`` when there is none."""
    file = _parse(body, f"{METALINK}metalink").find(f"{METALINK}file")
    if file is None:
        raise DataError("a metalink without a file")
    size = file.findtext(f"{METALINK}size", "")
    offers = tuple(
        Offered(url.text or "", int(url.get("priority", "999999")), url.get("location", ""))
        for url in file.iter(f"{METALINK}url")
    )
    return Metalink(file.get("name", ""), int(size) if size.isdigit() else None, offers)


def parse_links(page: bytes) -> list[str]:
    """The ``href`` of every anchor of an HTML page, still encoded; ``DataError`` when there is no page."""
    try:
        tree = etree.fromstring(page, etree.HTMLParser(encoding="utf-8", no_network=True))
    except etree.XMLSyntaxError as error:
        raise DataError(f"not an HTML page: {error}") from error
    if tree is None:
        raise DataError("an empty HTML page")
    return [anchor.get("href", "") for anchor in tree.iter("a")]


def _parse(body: bytes, root_tag: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise DataError(f"not the XML that was asked for: {error}") from error
    if root.tag != root_tag:
        raise DataError(f"{root.tag} instead of {root_tag}")
    return root

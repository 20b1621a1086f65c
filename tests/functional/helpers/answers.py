"""What does an answer say? Read back with other code than wrote it: lxml, html.parser and urllib."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import unquote

from lxml import etree

from tests.peers.ask import Answer, ask

_DAV = {"D": "DAV:"}
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^,;]+)*)")


@dataclass(frozen=True, slots=True)
class Listed:
    """One response of a multistatus; ``None`` where it says nothing."""

    href: str
    collection: bool
    size_bytes: int | None
    mtime_s: int | None
    etag: str | None


def parse_multistatus(body: bytes) -> list[Listed]:
    """The responses in their order."""
    root = etree.fromstring(body)
    assert root.tag == "{DAV:}multistatus"
    return [_listed(response) for response in root.iterfind("D:response", _DAV)]


def _listed(response: etree._Element) -> Listed:
    (href,) = response.findall("D:href", _DAV)
    props = [
        propstat.find("D:prop", _DAV)
        for propstat in response.iterfind("D:propstat", _DAV)
        if " 200 " in (propstat.findtext("D:status", "", _DAV) + " ")
    ]
    (prop,) = [one for one in props if one is not None]
    size = prop.findtext("D:getcontentlength", None, _DAV)
    date = prop.findtext("D:getlastmodified", None, _DAV)
    return Listed(
        href=href.text or "",
        collection=prop.find("D:resourcetype/D:collection", _DAV) is not None,
        size_bytes=None if size is None else int(size),
        mtime_s=None if date is None else int(parsedate_to_datetime(date).timestamp()),
        etag=prop.findtext("D:getetag", None, _DAV),
    )


def propfind(url: str, depth: str | None = "1", headers: Mapping[str, str] | None = None) -> Answer:
    """PROPFIND for all properties; ``None`` sends no Depth."""
    extra = {} if depth is None else {"Depth": depth}
    return ask("PROPFIND", url, headers={**(headers or {}), **extra})


def names_in(url: str) -> list[str]:
    """The names a Depth 1 listing shows below ``url``, collections with a slash, in order, the collection left out."""
    answer = propfind(url)
    assert answer.status == 207, answer
    itself, *children = parse_multistatus(answer.body)
    assert itself.collection
    assert all(child.href.startswith(itself.href) for child in children)
    return [unquote(child.href.removeprefix(itself.href)) for child in children]


@dataclass(frozen=True, slots=True)
class Metalink:
    """A metalink document: its name, size and URLs in document order, with the number that orders them."""

    name: str
    size_bytes: int | None
    urls: tuple[str, ...]
    ranks: tuple[int, ...]


def parse_metalink3(body: bytes) -> Metalink:
    """metalinker.org 3.0; ``ranks`` are preferences, highest first."""
    space = {"m": "http://www.metalinker.org/"}
    root = etree.fromstring(body)
    assert root.tag == "{http://www.metalinker.org/}metalink"
    assert root.get("version") == "3.0"
    (file,) = root.findall("m:files/m:file", space)
    urls = file.findall("m:resources/m:url", space)
    return _metalink(file, file.findtext("m:size", None, space), urls, "preference")


def parse_metalink4(body: bytes) -> Metalink:
    """RFC 5854; ``ranks`` are priorities, lowest first."""
    space = {"m": "urn:ietf:params:xml:ns:metalink"}
    root = etree.fromstring(body)
    assert root.tag == "{urn:ietf:params:xml:ns:metalink}metalink"
    (file,) = root.findall("m:file", space)
    return _metalink(
        file, file.findtext("m:size", None, space), file.findall("m:url", space), "priority"
    )


def _metalink(
    file: etree._Element, size: str | None, urls: list[etree._Element], rank: str
) -> Metalink:
    return Metalink(
        name=file.get("name") or "",
        size_bytes=None if size is None else int(size),
        urls=tuple((url.text or "").strip() for url in urls),
        ranks=tuple(int(url.get(rank) or "-1") for url in urls),
    )


def duplicates(answer: Answer) -> list[str]:
    """The targets of ``Link: <...>; rel=duplicate`` in their order."""
    return [
        target
        for target, parameters in _LINK.findall(answer.headers.get("link", ""))
        if "rel=duplicate" in parameters
    ]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[tuple[str, str]] = []
        self.tables = 0
        self._open: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        if tag == "a":
            self._open, self._text = dict(attrs).get("href") or "", ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            self.hrefs.append((self._open, self._text))
            self._open = None


def links_of(page: str) -> list[tuple[str, str]]:
    """The links of an HTML page with a table, as (href, text)."""
    reader = _Links()
    reader.feed(page)
    reader.close()
    assert reader.tables == 1
    return reader.hrefs


def ageless(page: bytes) -> bytes:
    """A page without how long ago each endpoint spoke."""
    return re.sub(rb"just now|[0-9]+ (s|min) ago", b"", page)

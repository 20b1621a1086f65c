"""How is a storage's multistatus (RFC 4918 section 13) read while it arrives?

A listing may have millions of responses, so the reader holds one at a time and hands out its resource at once.
``RESPONSE_LIMIT_BYTES`` bounds that one, and with it what a document of another kind could make us hold. A document type
declaration ends the reading before any entity in text is looked at; the parser is told not to expand any.
What storages mean by what they send is in ``response``; bytes that XML cannot carry are put aside by ``repair``.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import cast

from lxml import etree

from ugrpy.core.errors import DataError
from ugrpy.core.safexml import SAFE_OPTIONS
from ugrpy.webdav.hrefs import HrefStyle
from ugrpy.webdav.quirks import Quirk
from ugrpy.webdav.repair import Repair
from ugrpy.webdav.response import Resource, read_response

__all__ = ["RESPONSE_LIMIT_BYTES", "HrefStyle", "MultistatusReader", "Resource"]

RESPONSE_LIMIT_BYTES = 1024 * 1024
# The limit is looked at after each piece, whatever the size in which data come.
_PIECE_BYTES = 64 * 1024

# libxml2's numbers of what can be wrong with a document, and its names for them
_ERROR_NAMES = {
    code: name for name, code in vars(etree.ErrorTypes).items() if isinstance(code, int)
}

_MULTISTATUS = "{DAV:}multistatus"
_RESPONSE = "{DAV:}response"


class MultistatusReader:
    """Feed it the body in pieces of any size; it hands out each resource as soon as its response is complete.

    Broken XML, another root element, a document type declaration, a value or a response over the limits: ``DataError``
    saying where and which rule. Resources complete before the break are still handed out, and the error comes with the
    next call. ``skipped`` counts responses that name nothing usable; ``quirks`` are those met so far.
    """

    def __init__(self, hrefs: HrefStyle = HrefStyle.AUTO) -> None:
        self.skipped = 0
        self.quirks: set[Quirk] = set()
        self._hrefs = hrefs
        self._repair = Repair()
        self._broken: DataError | None = None
        self._innermost: etree._Element | None = None
        self._since_last_bytes = 0
        self._started = False
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=(_MULTISTATUS, _RESPONSE),
            **SAFE_OPTIONS,
        )

    def __repr__(self) -> str:
        return f"<MultistatusReader skipped={self.skipped} broken={self._broken}>"

    def feed(self, data: bytes) -> list[Resource]:
        """The resources that ``data`` completes. Raises ``DataError`` once nothing more can be read."""
        found: list[Resource] = []
        for start in range(0, len(data), _PIECE_BYTES):
            if self._broken is not None:
                break
            self._feed(self._repair.feed(data[start : start + _PIECE_BYTES]), found)
        if self._broken is not None and not found:
            raise _afresh(self._broken)
        return found

    def close(self) -> list[Resource]:
        """Say that the body is over; what was still held back. Raises ``DataError`` when it was broken or cut short."""
        found: list[Resource] = []
        if self._broken is None:
            self._feed(self._repair.finish(), found)
        if self._broken is not None:
            raise _afresh(self._broken)
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError as error:
            if self._started and error.msg == "no element found":
                raise _stopped() from None
            raise _not_well_formed(error) from None
        _check_document(root)
        self._drain(found)
        if self._broken is not None:
            raise _afresh(self._broken)
        return found

    def abandon(self) -> None:
        """Free what is held of a document that is not read to its end, which may be a megabyte; nothing is fed any more.

        The parser, its tree and the elements that it has not closed refer to each other, so that without this they stay until
        the collector comes, which is seldom.
        """
        with suppress(etree.XMLSyntaxError):
            self._parser.close()
        if self._innermost is not None:
            self._innermost.clear()
            self._innermost = None

    def _feed(self, piece: bytes, found: list[Resource]) -> None:
        if not piece:
            return
        self._since_last_bytes += len(piece)
        try:
            self._parser.feed(piece)
        except etree.XMLSyntaxError as error:
            self._broken = _not_well_formed(error)
        self._drain(found)

    def _drain(self, found: list[Resource]) -> None:
        """Take what the parser has ready; a broken rule is kept for after what was complete before it."""
        try:
            for event, element in self._events():
                parent = element.getparent()
                if event == "start":
                    self._check_start(element, parent)
                elif element.tag == _RESPONSE and parent is not None and parent.getparent() is None:
                    self._take(element, found)
                    _forget(element, parent)
        except DataError as error:
            self._broken = self._broken or _afresh(error)
        if self._since_last_bytes > RESPONSE_LIMIT_BYTES:
            self._broken = self._broken or DataError(
                f"multistatus: {RESPONSE_LIMIT_BYTES} bytes without a complete response"
            )

    def _check_start(self, element: etree._Element, parent: etree._Element | None) -> None:
        self._innermost = element
        if parent is not None:
            _check_document(parent)
        elif self._started:
            raise _stopped()
        else:
            self._started = True
            _check_document(element)

    def _events(self) -> Iterator[tuple[str, etree._Element]]:
        # The stubs also know events that carry something else; only elements were asked for.
        return cast("Iterator[tuple[str, etree._Element]]", self._parser.read_events())

    def _take(self, response: etree._Element, found: list[Resource]) -> None:
        self._since_last_bytes = 0
        if self._repair.made:
            self.quirks.add(Quirk.RAW_NAMES)
        for resource in read_response(response, self._hrefs, self._repair, self.quirks):
            if resource is None:
                self.skipped += 1
            else:
                found.append(resource)


def _afresh(error: DataError) -> DataError:
    """The same error without its traceback: one that a reader keeps would keep the reader, too."""
    return DataError(str(error), seen=error.seen, hint=error.hint)


def _check_document(element: etree._Element) -> None:
    """Hold the rules for the document as a whole, seen from its root; deeper elements may be anything."""
    if element.getparent() is not None:
        return
    if element.getroottree().docinfo.internalDTD is not None:
        raise DataError("multistatus: a document type declaration; none is allowed")
    if element.tag != _MULTISTATUS:
        # a page for people is by far the likeliest, and worth naming; anything else is a stranger's word
        seen = str(element.tag)[:100]
        what = "html" if seen.rpartition("}")[2].lower() == "html" else "another one"
        raise DataError(
            f"multistatus, line {element.sourceline}: the root element is {what}, not {_MULTISTATUS}",
            seen=seen,
        )


def _forget(response: etree._Element, parent: etree._Element) -> None:
    """Free what has been read. The response itself must stay in the tree until the parser has gone on."""
    response.clear()
    while parent[0] is not response:
        del parent[0]


def _stopped() -> DataError:
    """lxml ends quietly at an undeclared entity when it expands none, and takes what follows for a new document."""
    return DataError("multistatus: the document breaks off at an entity that is not declared")


def _not_well_formed(error: etree.XMLSyntaxError) -> DataError:
    """What libxml2 says, by the name of its error: its text may quote the document."""
    if error.msg == "no element found":
        return DataError("multistatus is not well-formed XML: it is empty")
    code = getattr(error, "code", 0)  # unknown to the stubs
    what = _ERROR_NAMES.get(code, "").removeprefix("ERR_").replace("_", " ").lower()
    line, column = error.position
    return DataError(
        f"multistatus is not well-formed XML: {what}, line {line}, column {column}",
        seen=str(error.msg),
    )

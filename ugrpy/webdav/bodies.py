"""How is the XML that a client sends gone through safely?

With expat and not with lxml, which keeps every name it has ever seen for as long as its thread lives: clients that make up
names could fill the memory, some 100 kB with each request. Whatever is wrong with a body ends in ``BadRequest`` with the
place; entities are never expanded. How long a body may be is the caller's matter.
"""

import re
from typing import ClassVar
from xml.parsers import expat

from ugrpy.core.errors import BadRequest

PropertyName = tuple[str, str]
"""(namespace, local name); the namespace is ``""`` when there is none."""

DAV = "DAV:"

# Between namespace and local name; it can be part of neither.
_SEPARATOR = "\n"
# Namespaces come back in the answer, where many readers take nothing but a URI (RFC 3986): a client that invents something
# else is told so, and not sent what it cannot read.
_URI_CHARS = r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=\-]|%[0-9A-Fa-f]{2})*"
_AUTHORITY = r"//[A-Za-z0-9._~\-]+(?::[0-9]{1,5})?(?![^/?#])"
_NAMESPACE = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:(?:{_AUTHORITY}|(?!//)){_URI_CHARS}(?:\#{_URI_CHARS})?"
    r"|[A-Za-z0-9._~\-]+(?:/[A-Za-z0-9._~\-]+)*)?"
)
# Those that the parser itself reads; for others it would go through all of Python's codecs.
_ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1"})
# As deep as a property may nest in a request: nothing that we read is deeper than four.
_DEEPEST = 256


class BodyReader:
    """Goes over one body and shows each element to ``element``, which a subclass writes."""

    METHOD: ClassVar[str]
    ROOT: ClassVar[str]

    def __init__(self) -> None:
        self._depth = 0
        self.root_line = 1
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype

    def read(self, body: bytes) -> None:
        """Go over the whole body. Raises ``BadRequest``."""
        try:
            self._parser.Parse(body, True)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, column {error.offset + 1}"
            why = expat.errors.messages.get(error.code, "broken")
            raise BadRequest(f"{self.METHOD} body is not well-formed XML: {why}, {place}") from None
        finally:
            # it holds this reader and all names: together they would wait for the collector
            del self._parser

    def element(self, depth: int, name: PropertyName) -> None:
        """An element below the root, which has depth 1, begins."""
        raise NotImplementedError

    def askable(self, name: PropertyName) -> PropertyName:
        """The name of a property. Raises ``BadRequest`` when its namespace cannot be sent back."""
        if not _NAMESPACE.fullmatch(name[0]):
            raise self.wrong(f"the namespace {name[0][:100]!r} is not a URI")
        return name

    def wrong(self, why: str, line: int | None = None) -> BadRequest:
        """What to raise about the line at which the parser is, or another one."""
        line = self._parser.CurrentLineNumber if line is None else line
        return BadRequest(f"{self.METHOD} body, line {line}: {why}")

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.wrong(f"over {_DEEPEST} elements deep")
        namespace, _, local = tag.rpartition(_SEPARATOR)
        if self._depth > 1:
            self.element(self._depth, (namespace, local))
            return
        self.root_line = self._parser.CurrentLineNumber
        if (namespace, local) != (DAV, self.ROOT):
            shown = f"{namespace or '(no namespace)'} {local}"[:100]
            raise self.wrong(f"expected the root element DAV: {self.ROOT}, found {shown}")

    def _end(self, _tag: str) -> None:
        self._depth -= 1

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise BadRequest(
                f"{self.METHOD} body is in {encoding[:40]!r}; WebDAV is UTF-8 or UTF-16 (RFC 4918 section 19)"
            )

    def _refuse_doctype(self, *_declared: object) -> None:
        raise BadRequest(f"{self.METHOD} body has a document type declaration; none is allowed")

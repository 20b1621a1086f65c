"""What does a PROPFIND ask for? (RFC 4918 section 9.1)

Sample, as davix sends it::

    <D:propfind xmlns:D="DAV:" xmlns:L="LCGDM:"><D:prop>
      <D:displayname/><D:getcontentlength/><D:resourcetype><D:collection/></D:resourcetype><L:mode/>
    </D:prop></D:propfind>

Whatever is wrong with a body ends in ``BadRequest`` with the place; entities are never expanded.

Bodies are read with expat and not with lxml, which keeps every name it has ever seen for as long as its thread lives:
clients that make up names could fill the memory, some 100 kB with each request.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from xml.parsers import expat

from ugrpy.core.errors import BadRequest

PropertyName = tuple[str, str]
"""(namespace, local name); the namespace is ``""`` when there is none."""

# The longest list a client was seen to send is under 2 kB; the limit bounds what a hostile one costs.
MAX_BODY_BYTES = 64 * 1024

# Between namespace and local name; it can be part of neither.
_SEPARATOR = "\n"
_DAV = "DAV:"
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
# As deep as a property may nest in a request: nothing that we read is deeper than three.
_DEEPEST = 256


class PropfindForm(StrEnum):
    """Which of the three questions it is."""

    ALLPROP = "allprop"
    PROPNAME = "propname"
    PROP = "prop"


@dataclass(frozen=True, slots=True)
class PropfindRequest:
    """The question. ``names``: the properties of ``prop``, or the ``include`` of ``allprop``, each once, in order."""

    form: PropfindForm = PropfindForm.ALLPROP
    names: tuple[PropertyName, ...] = ()


class Depth(StrEnum):
    """How far down a request reaches (RFC 4918 section 10.2)."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


def parse_depth(value: str | None, default: Depth = Depth.INFINITY) -> Depth:
    """The ``Depth`` header; ``default`` when it is missing (PROPFIND: infinity, RFC 4918 section 9.1).

    Raises ``BadRequest`` for anything but 0, 1 and infinity.
    """
    if value is None:
        return default
    try:
        return Depth(value.strip().lower())
    except ValueError:
        raise BadRequest(f"Depth must be 0, 1 or infinity, not {value[:40]!r}") from None


def parse_propfind(body: bytes) -> PropfindRequest:
    """The question in a PROPFIND body; an empty one asks for allprop (RFC 4918 section 9.1).

    Raises ``BadRequest``: over 64 kB, not well-formed, a DTD, another root element, none or several of prop, allprop
    and propname, a property in a namespace that is no URI. Elements we do not know are passed over (RFC 4918 section 17).
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest(f"PROPFIND body is longer than {MAX_BODY_BYTES} bytes")
    if not body.strip():
        return PropfindRequest()
    reader = _BodyReader()
    reader.read(body)
    return reader.question()


class _BodyReader:
    """Notes the root's children and what ``prop`` and ``include`` hold, while the parser goes over the body."""

    def __init__(self) -> None:
        self._forms: list[PropfindForm] = []
        self._names: dict[PropfindForm, dict[PropertyName, None]] = {
            PropfindForm.PROP: {},
            PropfindForm.ALLPROP: {},
        }
        self._depth = 0
        self._taking: dict[PropertyName, None] | None = None
        self._root_line = 1
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
            raise _not_well_formed(f"{why}, {place}") from None
        finally:
            # it holds this reader and all names: together they would wait for the collector
            del self._parser

    def question(self) -> PropfindRequest:
        """What has been asked. Raises ``BadRequest`` when it is not exactly one thing."""
        if len(self._forms) != 1:
            raise _wrong(
                self._root_line, "propfind must hold exactly one of prop, allprop and propname"
            )
        (form,) = self._forms
        return PropfindRequest(form, tuple(self._names.get(form, ())))

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _wrong(self._parser.CurrentLineNumber, f"over {_DEEPEST} elements deep")
        namespace, _, local = tag.rpartition(_SEPARATOR)
        if self._depth == 1:
            self._root(namespace, local)
        elif self._depth == 2:
            self._child(namespace, local)
        elif self._depth == 3 and self._taking is not None:
            if not _NAMESPACE.fullmatch(namespace):
                raise _wrong(
                    self._parser.CurrentLineNumber,
                    f"the namespace {namespace[:100]!r} is not a URI",
                )
            self._taking[namespace, local] = None

    def _root(self, namespace: str, local: str) -> None:
        self._root_line = self._parser.CurrentLineNumber
        if (namespace, local) != (_DAV, "propfind"):
            shown = f"{namespace or '(no namespace)'} {local}"[:100]
            raise _wrong(self._root_line, f"expected the root element DAV: propfind, found {shown}")

    def _child(self, namespace: str, local: str) -> None:
        self._taking = None
        if namespace != _DAV:
            return
        if local in PropfindForm.__members__.values():
            self._forms.append(PropfindForm(local))
        if local == "prop":
            self._taking = self._names[PropfindForm.PROP]
        elif local == "include":
            self._taking = self._names[PropfindForm.ALLPROP]

    def _end(self, _tag: str) -> None:
        self._depth -= 1

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise BadRequest(
                f"PROPFIND body is in {encoding[:40]!r}; WebDAV is UTF-8 or UTF-16 (RFC 4918 section 19)"
            )

    def _refuse_doctype(self, *_declared: object) -> None:
        raise BadRequest("PROPFIND body has a document type declaration; none is allowed")


def _not_well_formed(why: str) -> BadRequest:
    return BadRequest(f"PROPFIND body is not well-formed XML: {why}")


def _wrong(line: int, why: str) -> BadRequest:
    return BadRequest(f"PROPFIND body, line {line}: {why}")

"""What does a PROPFIND ask for? (RFC 4918 section 9.1)

Sample, as davix sends it::

    <D:propfind xmlns:D="DAV:" xmlns:L="LCGDM:"><D:prop>
      <D:displayname/><D:getcontentlength/><D:resourcetype><D:collection/></D:resourcetype><L:mode/>
    </D:prop></D:propfind>

Whatever is wrong with a body ends in ``BadRequest`` with the place; entities are never expanded.
"""

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from ugrpy.core.errors import BadRequest, DataError
from ugrpy.core.safexml import parse_document

PropertyName = tuple[str, str]
"""(namespace, local name); the namespace is ``""`` when there is none."""

# The longest list a client was seen to send is under 2 kB; the limit bounds what a hostile one costs.
MAX_BODY_BYTES = 64 * 1024

_DAV = "{DAV:}"
_FORMS = (f"{_DAV}prop", f"{_DAV}allprop", f"{_DAV}propname")


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
    and propname. Elements we do not know are passed over (RFC 4918 section 17).
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest(f"PROPFIND body is longer than {MAX_BODY_BYTES} bytes")
    if not body.strip():
        return PropfindRequest()
    root = _root(body)
    if root.tag != f"{_DAV}propfind":
        raise _wrong(root, f"expected the root element DAV: propfind, found {_shown(root)}")
    forms = [child for child in root if child.tag in _FORMS]
    if len(forms) != 1:
        raise _wrong(root, "propfind must hold exactly one of prop, allprop and propname")
    match forms[0].tag.removeprefix(_DAV):
        case "propname":
            return PropfindRequest(PropfindForm.PROPNAME)
        case "allprop":
            extra = [
                name for child in root.iterchildren(f"{_DAV}include") for name in _names(child)
            ]
            return PropfindRequest(PropfindForm.ALLPROP, tuple(dict.fromkeys(extra)))
        case _:
            return PropfindRequest(PropfindForm.PROP, tuple(dict.fromkeys(_names(forms[0]))))


def _root(body: bytes) -> etree._Element:
    try:
        return parse_document(body, "PROPFIND body")
    except DataError as error:
        raise BadRequest(str(error)) from None


def _names(parent: etree._Element) -> list[PropertyName]:
    names = []
    for child in parent.iterchildren("*"):
        name = etree.QName(child)
        names.append((name.namespace or "", name.localname))
    return names


def _shown(element: etree._Element) -> str:
    name = etree.QName(element)
    return f"{name.namespace or '(no namespace)'} {name.localname}"[:100]


def _wrong(element: etree._Element, why: str) -> BadRequest:
    return BadRequest(f"PROPFIND body, line {element.sourceline}: {why}")

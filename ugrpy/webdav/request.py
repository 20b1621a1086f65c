"""What does a PROPFIND ask for? (RFC 4918 section 9.1)

Sample, as davix sends it::

    <D:propfind xmlns:D="DAV:" xmlns:L="LCGDM:"><D:prop>
      <D:displayname/><D:getcontentlength/><D:resourcetype><D:collection/></D:resourcetype><L:mode/>
    </D:prop></D:propfind>

Whatever is wrong with a body ends in ``BadRequest`` with the place; entities are never expanded.
"""

from dataclasses import dataclass
from enum import StrEnum

from ugrpy.core.errors import BadRequest
from ugrpy.webdav.bodies import DAV, BodyReader, PropertyName

__all__ = [
    "MAX_BODY_BYTES",
    "Depth",
    "PropertyName",
    "PropfindForm",
    "PropfindRequest",
    "parse_depth",
    "parse_propfind",
]

# The longest list a client was seen to send is under 2 kB; the limit bounds what a hostile one costs.
MAX_BODY_BYTES = 64 * 1024


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
    reader = _PropfindReader()
    reader.read(body)
    return reader.question()


class _PropfindReader(BodyReader):
    """Notes the root's children and what ``prop`` and ``include`` hold."""

    METHOD = "PROPFIND"
    ROOT = "propfind"

    def __init__(self) -> None:
        super().__init__()
        self._forms: list[PropfindForm] = []
        self._names: dict[PropfindForm, dict[PropertyName, None]] = {
            PropfindForm.PROP: {},
            PropfindForm.ALLPROP: {},
        }
        self._taking: dict[PropertyName, None] | None = None

    def question(self) -> PropfindRequest:
        """What has been asked. Raises ``BadRequest`` when it is not exactly one thing."""
        if len(self._forms) != 1:
            raise self.wrong(
                "propfind must hold exactly one of prop, allprop and propname", self.root_line
            )
        (form,) = self._forms
        return PropfindRequest(form, tuple(self._names.get(form, ())))

    def element(self, depth: int, name: PropertyName) -> None:
        """Look at the root's children and theirs."""
        if depth == 2:
            self._child(*name)
        elif depth == 3 and self._taking is not None:
            self._taking[self.askable(name)] = None

    def _child(self, namespace: str, local: str) -> None:
        self._taking = None
        if namespace != DAV:
            return
        if local in PropfindForm.__members__.values():
            self._forms.append(PropfindForm(local))
        if local == "prop":
            self._taking = self._names[PropfindForm.PROP]
        elif local == "include":
            self._taking = self._names[PropfindForm.ALLPROP]

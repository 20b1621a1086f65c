"""What does a PROPPATCH want to set, and how is it told that nothing was set? (RFC 4918 section 9.2)

Sample::

    <D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:z">
      <D:set><D:prop><Z:Authors>...</Z:Authors></D:prop></D:set>
      <D:remove><D:prop><Z:Copyright/></D:prop></D:remove>
    </D:propertyupdate>

We keep no properties: there is no storage element whose replicas would all have them. Every property gets its 403, the live
ones with the reason that a program can read.
"""

from collections.abc import Sequence

from ugrpy.core.errors import BadRequest
from ugrpy.webdav.bodies import DAV, BodyReader, PropertyName
from ugrpy.webdav.properties import KNOWN, PREFIXES, empty_element, escape_text
from ugrpy.webdav.render import render_href
from ugrpy.webdav.request import MAX_BODY_BYTES

_PROTECTED = "<D:error><D:cannot-modify-protected-property/></D:error>"
_NOT_KEPT = "properties are not kept here"
_SPACES = " ".join(f'xmlns:{prefix}="{space}"' for space, prefix in PREFIXES.items())
_HEAD = f'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus {_SPACES}>\n'
_END = "</D:multistatus>\n"
_REFUSED = "<D:status>HTTP/1.1 403 Forbidden</D:status>"


def parse_proppatch(body: bytes) -> tuple[PropertyName, ...]:
    """The properties to set or remove, each once, in order.

    Raises ``BadRequest``: empty, over 64 kB, not well-formed, a DTD, another root element, no property named, one in a
    namespace that is no URI. Elements we do not know are passed over (RFC 4918 section 17).
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest(f"PROPPATCH body is longer than {MAX_BODY_BYTES} bytes")
    reader = _ProppatchReader()
    reader.read(body)
    if not reader.names:
        raise reader.nothing_named()
    return tuple(reader.names)


class _ProppatchReader(BodyReader):
    """Notes what the ``prop`` of each ``set`` and ``remove`` holds."""

    METHOD = "PROPPATCH"
    ROOT = "propertyupdate"

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[PropertyName, None] = {}
        self._path: list[PropertyName] = []

    def nothing_named(self) -> BadRequest:
        """What to raise when nothing was to be done."""
        return self.wrong("propertyupdate names no property to set or remove", self.root_line)

    def element(self, depth: int, name: PropertyName) -> None:
        """Look at ``set`` and ``remove``, their ``prop``, and what is in it."""
        if depth > 4:
            return
        # the elements around this one; of a deeper one before it nothing is left
        del self._path[depth - 2 :]
        if depth == 4 and self._path in _AROUND:
            self.names[self.askable(name)] = None
        self._path.append(name)


_AROUND = ([(DAV, "set"), (DAV, "prop")], [(DAV, "remove"), (DAV, "prop")])


def render_refused(path: str, names: Sequence[PropertyName], *, collection: bool) -> bytes:
    """The 207 that says 403 for each of the properties; ``path`` is decoded."""
    live = [name for name in names if is_live(name)]
    dead = [name for name in names if not is_live(name)]
    href = render_href(path, collection=collection)
    propstats = _propstat(live, _PROTECTED) + _propstat(
        dead, f"<D:responsedescription>{escape_text(_NOT_KEPT)}</D:responsedescription>"
    )
    return f"{_HEAD}<D:response><D:href>{href}</D:href>{propstats}</D:response>\n{_END}".encode()


def is_live(name: PropertyName) -> bool:
    """Whether the value of a property is the server's to say: those we tell, and all that RFCs define."""
    return name in KNOWN or name[0] == DAV


def _propstat(names: Sequence[PropertyName], why: str) -> str:
    if not names:
        return ""
    properties = "".join(map(empty_element, names))
    return f"<D:propstat><D:prop>{properties}</D:prop>{_REFUSED}{why}</D:propstat>"

"""How does the storage element misbehave?"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from ugrpy.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with every request, or with those for one path. The default is good behaviour.

    ``delay_s``             before anything is answered
    ``hang``                the connection is accepted and never answered
    ``reset_after_bytes``   of the body, then the connection is reset (RST); 0 after the head, -1 before it
    ``status``              answered instead of the truth, with ``retry_after_s`` when given
    ``truncate_xml``        a multistatus ends in the middle; the length announced fits, so only a parser can tell
    ``content_length_off``  is added to the Content-Length of a body; when more was promised the connection is closed
    ``size_off``            is added to the size that PROPFIND and HEAD tell, while GET sends the truth
    ``garbage``             PROPFIND answers 207 with something that is not XML, GET with other bytes of that length
    ``absolute_hrefs``      hrefs carry scheme and host (allowed by RFC 4918 section 8.3, done by some)
    ``no_dav``              a plain HTTP server: PROPFIND is 405, OPTIONS tells of no DAV
    """

    delay_s: float = 0.0
    hang: bool = False
    reset_after_bytes: int | None = None
    status: int | None = None
    retry_after_s: int | None = None
    truncate_xml: bool = False
    content_length_off: int = 0
    size_off: int = 0
    garbage: bool = False
    absolute_hrefs: bool = False
    no_dav: bool = False


NONE = Faults()


def parse_faults(data: object) -> Faults:
    """Faults from a JSON object with these names for keys. Raises ``ConfigError`` for an unknown one."""
    if not isinstance(data, Mapping):
        raise ConfigError("faults are an object with the names of faults for keys")
    known = {field.name for field in fields(Faults)}
    if unknown := sorted(set(data) - known):
        raise ConfigError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return Faults(**data)

"""What does a multistatus look like that should be refused, or read with care?"""

from collections.abc import Sequence
from dataclasses import replace

from ugrpy.testing.faults import Xml
from ugrpy.testing.wire import Resource

DEPTH = 10_000
JUNK_BYTES = 4 * 1024 * 1024
_STATUS = {Xml.REFUSED: 403, Xml.GONE: 404, Xml.FAILED: 500}

_HTML = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>It works<br></body></html>\n"
_BOMB = (
    b'<?xml version="1.0"?>\n<!DOCTYPE D:multistatus [\n<!ENTITY e0 "ten chars.">\n'
    + b"".join(b'<!ENTITY e%d "%s">\n' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 9))
    + b"]>\n"
)
_EXTERNAL = b'<?xml version="1.0"?>\n<!DOCTYPE D:multistatus [<!ENTITY e8 SYSTEM "file:///etc/hostname">]>\n'


def spoil_resources(resources: Sequence[Resource], how: Xml | None) -> list[Resource]:
    """The resources that are described instead; the first is the one asked for."""
    match how:
        case Xml.ELSEWHERE:
            asked = resources[0].path.rstrip("/")
            return [
                replace(one, path="/elsewhere" + one.path.removeprefix(asked)) for one in resources
            ]
        case Xml.OUTSIDE:
            asked = resources[0].path.rstrip("/")
            stray = Resource("/", 0, 7, '"7"')
            paths = (f"{asked}/deep/er", f"{asked}x", "/elsewhere/y")
            return [*resources, *(replace(stray, path=path) for path in paths)]
        case Xml.UNASKABLE:
            asked = resources[0].path.rstrip("/")
            stray = Resource("/", 0, 7, '"7"')
            return [*resources, *(replace(stray, path=f"{asked}/{name}") for name in (".", ".."))]
        case Xml.TWICE:
            return [*resources, *resources]
        case Xml.REVERSED:
            return list(reversed(resources))
        case Xml.NOBODY:
            return []
        case Xml.REFUSED | Xml.GONE | Xml.FAILED:
            return [replace(one, status=_STATUS[how]) for one in resources]
        case _:
            return list(resources)


def spoil_text(xml: bytes, how: Xml | None) -> bytes:
    """The document that is sent instead of ``xml``."""
    middle = xml.index(b"</D:response>") if b"</D:response>" in xml else len(xml)
    match how:
        case Xml.CROSSED:
            return xml[:middle] + b"<a><b></a></b>" + xml[middle:]
        case Xml.WRONG_ROOT:
            return xml.replace(b"D:multistatus", b"D:propertyupdate")
        case Xml.ENTITY_BOMB:
            return _BOMB + _with_reference(xml)
        case Xml.EXTERNAL_ENTITY:
            return _EXTERNAL + _with_reference(xml)
        case Xml.DEEP:
            return xml[:middle] + b"<a>" * DEPTH + b"</a>" * DEPTH + xml[middle:]
        case Xml.JUNK:
            return xml[:middle] + b"<a>" + b"x" * JUNK_BYTES + b"</a>" + xml[middle:]
        case Xml.EMPTY:
            return b""
        case Xml.HTML:
            return _HTML
        case _:
            return xml


def _with_reference(xml: bytes) -> bytes:
    """The document without its declaration, the entity in its first href."""
    return xml.partition(b"?>")[2].replace(b"</D:href>", b"&e8;</D:href>", 1)

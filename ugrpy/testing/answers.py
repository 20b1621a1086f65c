"""What does the storage element answer, and which part of that is untrue?

Values in, values out; how the bytes go out is ``delivery``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ugrpy.testing import wire
from ugrpy.testing.badxml import spoil_resources, spoil_text
from ugrpy.testing.dialects import Dialect
from ugrpy.testing.faults import Faults
from ugrpy.testing.tree import MTIME_S, FileNode, Tree

XML_TYPE = 'application/xml; charset="utf-8"'
_NUMBERED = re.compile(r"\?n=(\d+)$")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent when nothing goes wrong on the way.

    ``length`` overrides the length of ``body`` (for HEAD); ``unmeasured``: no length is told; ``closes``: no other request
    can come after it.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    unmeasured: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as it matters here: ``url`` is absolute and as it was sent, ``path`` decoded without a slash at the end."""

    method: str
    path: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


def overridden(asked: Asked, faults: Faults) -> Answer | None:
    """The answer that faults put in the place of the truth."""
    if faults.location:
        return Answer(faults.status or 302, b"", {"Location": _location(asked.url, faults)})
    if faults.status is None:
        return None
    headers = {}
    if faults.retry_after_s is not None:
        headers["Retry-After"] = str(faults.retry_after_s)
    if faults.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="storage"'
    return Answer(faults.status, b"as the test wishes\n", headers)


def _location(url: str, faults: Faults) -> str:
    found = _NUMBERED.search(url)
    plain, number = (url[: found.start()], int(found[1])) if found else (url, 0)
    return faults.location.replace("{self}", url).replace("{next}", f"{plain}?n={number + 1}")


def to_slash(asked: Asked, tree: Tree, dialect: Dialect) -> Answer | None:
    """301 to the slash form, when the dialect wants it and a collection was asked for without."""
    if not dialect.adds_slash or asked.url.partition("?")[0].endswith("/"):
        return None
    if asked.method not in ("GET", "HEAD", "PROPFIND") or not tree.is_collection(asked.path):
        return None
    page = b"<!DOCTYPE html>\n<title>301 Moved Permanently</title>\n"
    return Answer(301, page, {"Location": asked.url + "/", "Content-Type": "text/html"})


def read(asked: Asked, tree: Tree, dialect: Dialect, faults: Faults) -> Answer:
    """GET and HEAD."""
    node = tree.files.get(asked.path)
    if node is not None:
        return _read_file(asked, node, dialect, faults)
    if not tree.is_collection(asked.path):
        return Answer(404, b"no such name\n")
    children = [
        (child.rpartition("/")[2], tree.is_collection(child)) for child in tree.children(asked.path)
    ]
    page = wire.render_index(asked.path, children)
    return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})


def _read_file(asked: Asked, node: FileNode, dialect: Dialect, faults: Faults) -> Answer:
    content = node.content
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    if dialect.dates:
        headers |= {"Last-Modified": wire.http_date(node.mtime_s), "ETag": node.etag}
    wanted = asked.headers.get("Want-Digest", "")
    offered, unasked = dialect.digests, dialect.unasked_digest
    if digest := wire.render_digest(wanted, content, offered, unasked=unasked):
        headers["Digest"] = digest
    if asked.method == "HEAD":
        told = len(content) + faults.size_off
        return Answer(200, b"", headers, length=told, unmeasured=bool(faults.size_text))
    if faults.garbage:
        content = bytes(byte ^ 0x55 for byte in content)
    ranges = wire.parse_ranges(asked.headers.get("Range", ""), len(content))
    match ranges:
        case None:
            return Answer(200, content, headers)
        case []:
            return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(content)}"})
        case [(first, last)]:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return Answer(206, content[first : last + 1], headers)
        case _:
            headers["Content-Type"] = f"multipart/byteranges; boundary={wire.BOUNDARY}"
            return Answer(206, wire.render_byteranges(content, ranges), headers)


# The properties that tell a file from a collection
_KIND = ("resourcetype", "iscollection")


def propfind(
    asked: Asked,
    tree: Tree,
    dialect: Dialect,
    faults: Faults,
    base_url: str,
    quota_bytes: int | None = None,
) -> Answer:
    """PROPFIND with Depth 0 or 1; ``base_url`` goes before hrefs, when they are absolute."""
    depth = asked.headers.get("Depth", "infinity")
    if depth not in {"0", "1"}:
        refusal = b'<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>'
        return Answer(403, refusal, {"Content-Type": "application/xml"})
    path = asked.path
    if path not in tree.files and not tree.is_collection(path):
        return Answer(404, b"no such name\n")
    try:
        wanted = wire.parse_propfind(asked.body)
    except ValueError as error:
        return Answer(400, f"{error}\n".encode())
    listing = depth == "1" and tree.is_collection(path)
    paths = [path, *tree.children(path)] if listing else [path]
    size_off = faults.size_off + (faults.listed_size_off if listing else 0)
    resources = [_describe(tree, one, size_off, faults.size_text) for one in paths]
    if quota_bytes is not None and resources[0].is_collection:
        used = tree.used_bytes
        resources[0] = replace(resources[0], room=(max(0, quota_bytes - used), used))
    if listing and faults.bare_listings:
        wanted = _KIND
    elif dialect.private_kind:
        wanted = ()
    xml = wire.render_multistatus(
        spoil_resources(resources, faults.xml),
        wanted,
        base_url if dialect.absolute_hrefs or faults.absolute_hrefs else "",
        dialect,
    )
    return Answer(207, _spoilt(xml, faults), {"Content-Type": XML_TYPE})


def _spoilt(xml: bytes, faults: Faults) -> bytes:
    if faults.truncate_xml:
        return xml[: len(xml) // 2]
    if faults.garbage:
        return b"\x00\xff<D:multistatus <<< this is not XML" * 3
    return spoil_text(xml, faults.xml)


def _describe(tree: Tree, path: str, size_off: int, size_text: str) -> wire.Resource:
    node = tree.files.get(path)
    if node is None:
        return wire.Resource(path, MTIME_S)
    size_bytes = len(node.content) + size_off
    return wire.Resource(path, node.mtime_s, size_bytes, node.etag, size_text)


def options(methods: Sequence[str], *, dav: bool) -> Answer:
    """What can be asked for."""
    allowed = {"Allow": ", ".join(methods)}
    return Answer(200, headers=allowed | {"DAV": "1"} if dav else allowed)

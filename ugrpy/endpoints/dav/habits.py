"""What must be known of a server before it is asked to change anything? Its answer to OPTIONS says who it is.

XRootD does what it is asked by MOVE and MKCOL without looking, and takes COPY for an order to transfer a file from or to another
server; so do dCache and whoever offers COPY and not MOVE. A COPY of our own sent there would start a transfer in the name of
nobody.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ugrpy.core.urls import decode_path
from ugrpy.endpoints.base import Quirk

_XROOTD = re.compile(r"xrootd\b", re.IGNORECASE)
_WSGIDAV = re.compile(r"wsgidav\b", re.IGNORECASE)
_DCACHE = re.compile(r"dcache\b", re.IGNORECASE)
_OF_XROOTD = frozenset(
    {
        Quirk.MADE_AGAIN,
        Quirk.OVERWRITE_IGNORED,
        Quirk.QUESTION_MARK_ENDS,
        Quirk.THIRD_PARTY_COPY_ONLY,
        Quirk.VERBATIM_DESTINATION,
    }
)
# What a header cannot carry as it stands: controls, and bytes that are not UTF-8
_NOT_IN_A_HEADER = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def verbatim_destination(url: str) -> str | None:
    """A percent-encoded URL as a server wants it that does not decode it; ``None`` where that cannot be written."""
    parts = urlsplit(url)
    path = decode_path(parts.path)
    if _NOT_IN_A_HEADER.search(path) is not None or "?" in path:
        return None
    return f"{parts.scheme}://{parts.netloc}{path}?"


def habits_of(headers: Mapping[str, str]) -> frozenset[Quirk]:
    """What the head of an answer to OPTIONS gives away."""
    server = headers.get("Server", "")
    allowed = {method.strip().upper() for method in headers.get("Allow", "").split(",")}
    if _XROOTD.match(server):
        return _OF_XROOTD
    if (
        "COPY" in allowed and "MOVE" not in allowed
    ):  # a proxy may stand in front of it, with a name of its own
        return _OF_XROOTD
    if _WSGIDAV.match(server):
        return frozenset({Quirk.CUT_DESTINATION})
    return frozenset({Quirk.THIRD_PARTY_COPY_ONLY} if _DCACHE.match(server) else ())

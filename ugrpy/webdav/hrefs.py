"""Which name does the href of a multistatus mean?

RFC 4918 section 8.3 allows an absolute URL or an absolute path, percent-encoded. Storages send both, with the
authority of whatever proxy they believe in, with doubled slashes, with escapes in either case. XRootD sends the bare
name, not percent-encoded at all: there ``%41``, ``?`` and ``#`` are three, one and one character of a name.
"""

import re
from enum import StrEnum

from ugrpy.core.urls import decode_path
from ugrpy.webdav.quirks import Quirk

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_TAIL = re.compile(r"[?#].*", re.DOTALL)
# What needs more than taking the text as it is: a dot that may begin a "." or ".." among them.
_UNUSUAL = re.compile(r"[%?#\x00]|//|/\.")
_LOWER_CASE = re.compile("%(?:[a-f][0-9A-Fa-f]|[0-9][a-f])")


class HrefStyle(StrEnum):
    """How a storage writes hrefs. ``AUTO``: percent-encoded, except where a response shows that XRootD wrote it."""

    AUTO = "auto"
    ENCODED = "encoded"
    VERBATIM = "verbatim"


def parse_href(
    href: str, *, verbatim: bool = False, met: set[Quirk] | None = None
) -> tuple[str, bool] | None:
    """(decoded absolute path without trailing slash, whether it had one); the root is ``"/"``.

    ``None`` when it names nothing we could ask for: a relative reference, a ``.`` or ``..`` component, a component with
    a slash (``%2F``) or NUL inside. Habits that show in the way it is written are added to ``met``.
    """
    met = set() if met is None else met
    if not verbatim:
        href = href.strip()
        if (authority := _AUTHORITY.match(href)) is not None:
            met.add(Quirk.ABSOLUTE_HREFS)
            path = href[authority.end() :]
            href = path if path.startswith("/") else "/" + path
    if not href.startswith("/"):
        return None
    if "&" in href:
        met.add(Quirk.MARKUP_IN_HREFS)
    if _UNUSUAL.search(href) is None:
        trimmed = href.rstrip("/")
        return trimmed or "/", len(trimmed) < len(href)
    return _normalised(href, verbatim, met)


def _normalised(href: str, verbatim: bool, met: set[Quirk]) -> tuple[str, bool] | None:
    raw = href if verbatim else _TAIL.sub("", href)
    names = [name if verbatim else decode_path(name) for name in raw.split("/") if name]
    if any(name in (".", "..") or "/" in name or "\0" in name for name in names):
        return None
    if "//" in raw:
        met.add(Quirk.DOUBLED_SLASHES)
    if not verbatim and Quirk.LOWER_CASE_ESCAPES not in met and _LOWER_CASE.search(raw):
        met.add(Quirk.LOWER_CASE_ESCAPES)
    return "/" + "/".join(names), raw.endswith("/")

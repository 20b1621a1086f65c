"""How are replicas and metalinks told of in a Link header? (RFC 6249, RFC 8288)"""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from ugrpy.core.errors import DataError

# Printable ASCII but what ends a target ("<", ">"), a parameter ('"') or a header word (space)
_SAFE = re.compile(r"[!#-;=?-~]+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


class Located(Protocol):
    """A replica: where it is, and in which country if known."""

    @property
    def url(self) -> str:
        """Absolute, percent-encoded."""
        ...

    @property
    def country(self) -> str | None:
        """ISO 3166 alpha-2."""
        ...


def render_duplicate_links(replicas: Sequence[Located], *, limit: int) -> str:
    """``<https://a/f>; rel=duplicate; pri=1; geo=ca, <https://b/f>; ...``: best first, at most ``limit`` (0: all).

    Raises ``DataError`` for a URL that cannot stand in a header.
    """
    return ", ".join(
        f"<{_target(replica.url)}>; rel=duplicate; pri={number}{_geo(replica.country)}"
        for number, replica in enumerate(islice(replicas, limit or None), 1)
    )


def render_describedby(href: str, media_type: str) -> str:
    """``</f?metalink=4>; rel=describedby; type="application/metalink4+xml"``. Raises ``DataError`` as above."""
    return f'<{_target(href)}>; rel=describedby; type="{_target(media_type)}"'


def _target(text: str) -> str:
    if _SAFE.fullmatch(text) is None:
        raise DataError(f"not fit for a Link header: {text[:100]!r}")
    return text


def _geo(country: str | None) -> str:
    return f"; geo={country.lower()}" if country and _COUNTRY.fullmatch(country) else ""

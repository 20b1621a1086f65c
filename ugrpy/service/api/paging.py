"""Which part of a long list does the client get now, and how does it ask for the rest?

``?limit=&cursor=`` with ``Link: rel="next"`` (RFC 8288). The cursor holds the key of the last item sent, so the next page begins
after that key, wherever it stands by then: what stays in the list is seen exactly once, while other items come and go.
"""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from ugrpy.service.api.problem import InvalidRequest, field_error
from ugrpy.service.api.table import ApiModel, Page

MOST_ITEMS = 1000
USUAL_ITEMS = 100
_LONGEST_CURSOR = 1024

T = TypeVar("T")
Key = tuple[str | int | float, ...]


class Paging(ApiModel):
    """The query of a list; lists with more parameters derive theirs from it."""

    limit: int = Field(
        default=USUAL_ITEMS, ge=1, le=MOST_ITEMS, description="How many items at most."
    )
    cursor: str = Field(
        default="",
        max_length=_LONGEST_CURSOR,
        description="Where to go on, as the link to the next page gives it.",
    )


def page_of(items: Sequence[T], paging: Paging, key: Callable[[T], Key]) -> Page[T]:
    """The part of ``items`` asked for. They are in the order of ``key``, which is different for each.

    Raises ``InvalidRequest`` for a cursor that is none of ours.
    """
    start = 0
    if paging.cursor:
        try:
            start = bisect_right(items, _parse_cursor(paging.cursor), key=key)
        except (ValueError, TypeError, RecursionError):
            # RecursionError: deep nesting; TypeError: a key of another list, which cannot be compared
            error = field_error("query", ["cursor"], "not from a link of this list")
            raise InvalidRequest("the query cannot be understood: cursor", [error]) from None
    part = list(items[start : start + paging.limit])
    more = start + paging.limit < len(items)
    return Page(part, _render_cursor(key(part[-1])) if more else None)


def _render_cursor(key: Key) -> str:
    text = json.dumps(key, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> Key:
    padded = cursor + "=" * (-len(cursor) % 4)
    found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if not isinstance(found, list):
        raise ValueError("no key")  # noqa: TRY004 - one error for all that strangers send
    return tuple(found)

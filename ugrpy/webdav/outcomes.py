"""How is told what became of a change that did not go the same way for every name? (RFC 4918 sections 9.6.1, 9.8.5 and 9.9.4)

Sample::

    <D:multistatus xmlns:D="DAV:">
      <D:response><D:href>/a/f</D:href><D:status>HTTP/1.1 403 Forbidden</D:status>
        <D:responsedescription>one of two storage elements refused</D:responsedescription></D:response>
    </D:multistatus>
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from ugrpy.webdav.properties import escape_text
from ugrpy.webdav.render import render_href

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n'
END = "</D:multistatus>\n"

_PHRASES = {int(status): status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class NameOutcome:
    """What became of one name. ``href`` is its decoded absolute path; ``description`` is for people and names no place."""

    href: str
    status: int
    description: str = ""
    collection: bool = False


def render_outcomes(outcomes: Iterable[NameOutcome], note: str = "") -> bytes:
    """The 207 of a DELETE, COPY or MOVE; ``note`` says what holds for all of it."""
    return (HEAD + "".join(map(_response, outcomes)) + render_description(note) + END).encode()


def _response(outcome: NameOutcome) -> str:
    href = render_href(outcome.href, collection=outcome.collection)
    return (
        f"<D:response><D:href>{href}</D:href>{render_status(outcome.status)}"
        f"{render_description(outcome.description)}</D:response>\n"
    )


def render_status(status: int) -> str:
    """The status element."""
    return f"<D:status>HTTP/1.1 {status} {_PHRASES.get(status, '')}</D:status>"


def render_description(text: str) -> str:
    """The element with words for people, or ``""``."""
    return f"<D:responsedescription>{escape_text(text)}</D:responsedescription>" if text else ""

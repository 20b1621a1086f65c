"""How does the storage element misbehave?

Everything is plain data, so that a list of faults can be run through, shown in a table, or sent as JSON to an element that
is a process of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ugrpy.core.errors import ConfigError


class Part(StrEnum):
    """A part of an answer."""

    HEAD = "head"
    BODY = "body"


class Xml(StrEnum):
    """What is wrong with the XML of a multistatus (``ugrpy.testing.badxml`` writes it)."""

    CROSSED = "crossed tags"  # well-formed up to the middle, then tags that end in the wrong order
    WRONG_ROOT = "wrong root"
    ENTITY_BOMB = "entity bomb"  # entities of entities, 10^9 times the text they are written in
    EXTERNAL_ENTITY = "external entity"  # a file of the reader's machine
    DEEP = "deep"  # 10,000 elements inside each other
    JUNK = "junk"  # megabytes of text in one property
    ELSEWHERE = "elsewhere"  # all of it about another path
    OUTSIDE = "outside"  # the truth, and children of other collections
    UNASKABLE = "unaskable names"  # the truth, and children called "." and ".."
    EMPTY = "empty"  # not a byte
    NOBODY = "nobody"  # a multistatus without a response
    HTML = "html"  # a page for people
    TWICE = "twice"  # every resource two times
    REVERSED = "reversed"  # the collection last
    REFUSED = "refused inside"  # each response has the status 403
    GONE = "gone inside"  # 404
    FAILED = "failed inside"  # 500


class Encoding(StrEnum):
    """What is wrong with a body that claims to be compressed."""

    LIE = "lie"  # it is not
    BOMB = "bomb"  # small on the wire, a gigabyte afterwards


class CopyFault(StrEnum):
    """How a third-party copy goes wrong."""

    FAILS = "fails"  # half of it, then a last line that says failure
    UNENDED = "unended"  # half of it, and no last line
    HANGS = "hangs"  # half of it, and never another word
    LIES = "lies"  # success, and not a byte has moved


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with an answer. The default is good behaviour.

    Before and instead of the answer

    ``delay_s``             passes before anything is answered
    ``hang``                the connection is accepted and never answered
    ``status``              answered instead of the truth, with ``retry_after_s`` when given
    ``location``            a 302 to this URL instead of the truth (or ``status``); ``{self}`` is the URL that was asked for,
                            ``{next}`` the same with a number that grows; with ``status`` 302 and no location, there is none
    ``raw``                 these bytes (as Latin-1) instead of an answer in HTTP, then the connection is closed

    Of changes (``hang``, ``status``, ``location`` and ``raw`` are instead of them; all the others come after)

    ``take_bytes``          so much of a body is read, then the connection is reset
    ``lose_bytes``          so many at the end of a body are not kept, and nobody is told
    ``hang_after``          it is done and never answered
    ``copy``                see ``CopyFault``

    The truth, told wrongly

    ``as_status``           under another status; of a change: done, and told as that
    ``xml``                 see ``Xml``
    ``truncate_xml``        a multistatus ends in the middle; the length announced fits, so only a parser can tell
    ``garbage``             PROPFIND answers 207 with something that is not XML, GET with other bytes of that length, and
                            of a PUT other bytes of that length are kept
    ``size_off``            is added to the size that PROPFIND and HEAD tell, while GET sends the truth
    ``listed_size_off``     is added to the sizes in a listing (Depth 1) only
    ``bare_listings``       a listing (Depth 1) tells the kind of each child and nothing more
    ``size_text``           stands where a size should; HEAD then gives no length
    ``absolute_hrefs``      hrefs carry scheme and host (allowed by RFC 4918 section 8.3, done by some)
    ``no_dav``              a plain HTTP server: PROPFIND is 405, OPTIONS tells of no DAV

    On the wire

    ``status_line``         instead of the right one; ``{status}`` is the right status
    ``header``              a further header line
    ``interim``             so many pairs of 1xx heads first; -1: one pair after the other, ``gap_s`` between them, without end
    ``endless``             headers, or a body, without end
    ``content_length_off``  is added to the Content-Length; when more was promised than came the connection is closed
    ``no_length``           neither a length nor chunks: the body ends with the connection
    ``bad_chunks``          chunks whose lengths are no numbers
    ``encoding``            see ``Encoding``
    ``dribble``             this part and what follows goes out ``piece_bytes`` at a time, ``gap_s`` between the pieces
    ``stall_after_bytes``   of the body, then silence; 0 after the head, -1 in the middle of the head
    ``reset_after_bytes``   of the body, then the connection is reset (RST); 0 after the head, -1 before it
    ``orderly``             those connections are not reset but closed (FIN)
    """

    delay_s: float = 0.0
    hang: bool = False
    status: int | None = None
    retry_after_s: int | None = None
    location: str = ""
    raw: str = ""
    take_bytes: int | None = None
    lose_bytes: int = 0
    hang_after: bool = False
    copy: CopyFault | None = None
    as_status: int | None = None
    xml: Xml | None = None
    truncate_xml: bool = False
    garbage: bool = False
    size_off: int = 0
    listed_size_off: int = 0
    bare_listings: bool = False
    size_text: str = ""
    absolute_hrefs: bool = False
    no_dav: bool = False
    status_line: str = ""
    header: str = ""
    interim: int = 0
    endless: Part | None = None
    content_length_off: int = 0
    no_length: bool = False
    bad_chunks: bool = False
    encoding: Encoding | None = None
    dribble: Part | None = None
    piece_bytes: int = 1
    gap_s: float = 0.1
    stall_after_bytes: int | None = None
    reset_after_bytes: int | None = None
    orderly: bool = False


NONE = Faults()
_WORDS: dict[str, type[StrEnum]] = {
    "copy": CopyFault,
    "xml": Xml,
    "endless": Part,
    "encoding": Encoding,
    "dribble": Part,
}


def parse_faults(data: object) -> Faults:
    """Faults from a JSON object with these names for keys. Raises ``ConfigError`` for an unknown name or word."""
    if not isinstance(data, Mapping):
        raise ConfigError("faults are an object with the names of faults for keys")
    known = {field.name for field in fields(Faults)}
    if unknown := sorted(set(data) - known):
        raise ConfigError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    values: dict[str, Any] = dict(data)
    for name, words in _WORDS.items():
        if values.get(name) is not None:
            values[name] = _word(name, words, values[name])
    return Faults(**values)


def _word(name: str, words: type[StrEnum], value: object) -> StrEnum:
    try:
        return words(str(value))
    except ValueError:
        raise ConfigError(f"{name} is one of: {', '.join(words)}") from None

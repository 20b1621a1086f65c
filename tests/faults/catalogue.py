"""Which ways for a storage element to misbehave are tried, and what can be known of the truth in each?

One list. ``test_table`` runs it against a gateway process with real connections, ``test_twins`` against the federation in
virtual time, ``test_adapters`` holds the two together, and ``report`` writes it into docs/reliability.md.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from ugrpy.namespace.model import Cause
from ugrpy.testing import Encoding, Faults, Part, Xml


class Effect(StrEnum):
    """What an attentive reader learns from an endpoint with this trouble."""

    TELLS = "tells the truth"
    UNKNOWN = "says nothing usable"
    DENIES = "refuses to say"
    ABSENT = "says that there is nothing"
    LIES = "lies, which two others make noticed"
    NO_SIZE = "tells everything but the size"


class Door(StrEnum):
    """Trouble before the first byte of HTTP: it belongs to an endpoint as a whole, and no dialect is ever heard."""

    REFUSED = "refused"
    MUTE = "mute"
    TLS_EXPIRED = "tls-expired"
    TLS_OTHER_HOST = "tls-other-host"
    TLS_STRANGER = "tls-stranger"
    TLS_MUTE = "tls-mute"
    NO_TLS = "no-tls"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way to misbehave, and what it amounts to.

    ``cause`` is why nothing usable was said. ``late``: nothing is said, or not all, before any deadline. ``part``: children of
    a listing get through all the same; ``None`` when it depends on how the bytes are cut into packets. ``needs_body``: only an answer with a body shows it, so that a server that is asked by
    HEAD cannot have it. ``listed_only``: a single name is not concerned. ``left_out``: so many children have no name that
    could be asked for, which a listing has to say.
    """

    id: str
    words: str
    does: Faults | Door
    effect: Effect = Effect.UNKNOWN
    cause: Cause | None = None
    late: bool = False
    part: bool | None = False
    needs_body: bool = False
    listed_only: bool = False
    left_out: int = 0

    @property
    def faults(self) -> Faults:
        """What a storage element does to its answers; a door does nothing to them."""
        return self.does if isinstance(self.does, Faults) else Faults()


@dataclass(frozen=True, slots=True)
class Family:
    """Troubles of a kind; they are tried together."""

    name: str
    troubles: tuple[Trouble, ...] = field(repr=False)


def _silent(name: str, words: str, does: Faults | Door, *, needs_body: bool = False) -> Trouble:
    return Trouble(name, words, does, cause=Cause.TIMEOUT, late=True, needs_body=needs_body)


def _lost(name: str, words: str, does: Faults | Door, *, needs_body: bool = False) -> Trouble:
    return Trouble(name, words, does, cause=Cause.UNREACHABLE, needs_body=needs_body)


def _malformed(
    name: str, words: str, does: Faults, *, needs_body: bool = False, part: bool | None = False
) -> Trouble:
    return Trouble(name, words, does, cause=Cause.MALFORMED, needs_body=needs_body, part=part)


def _well(name: str, words: str, does: Faults, *, needs_body: bool = False) -> Trouble:
    return Trouble(name, words, does, Effect.TELLS, needs_body=needs_body)


def _status(status: int, words: str, effect: Effect, cause: Cause | None = None) -> Trouble:
    retry_after_s = 7 if cause is Cause.BUSY else None
    does = Faults(status=status, retry_after_s=retry_after_s)
    return Trouble(str(status), f"{status} {words}", does, effect, cause)


def _xml(how: Xml, words: str, effect: Effect = Effect.UNKNOWN, *, part: bool = False) -> Trouble:
    cause = Cause.MALFORMED if effect is Effect.UNKNOWN else None
    name = f"xml-{how.name.lower().replace('_', '-')}"
    return Trouble(name, words, Faults(xml=how), effect, cause, needs_body=True, part=part)


# Lies come late: what is told before anybody else has spoken cannot be compared with anything.
_LATE_S = 0.4

FAMILIES = (
    Family(
        "well, or nearly",
        (
            _well("none", "nothing is wrong", Faults()),
            _well("slow", "a tenth of a second late", Faults(delay_s=0.1)),
            _well("interim", "six 1xx heads before the answer", Faults(interim=3)),
            _well("trickle", "64 bytes at a time", Faults(dribble=Part.HEAD, piece_bytes=64, gap_s=0.001)),
            _well("no-length", "the end of the body is the end of the connection", Faults(no_length=True), needs_body=True),
            _well("http-1.0", "a status line of HTTP/1.0", Faults(status_line="HTTP/1.0 {status} OK", no_length=True), needs_body=True),
            _well("xml-twice", "every resource two times", Faults(xml=Xml.TWICE), needs_body=True),
            _well("xml-reversed", "the collection named last", Faults(xml=Xml.REVERSED), needs_body=True),
            _well("xml-outside", "resources of other collections among the children", Faults(xml=Xml.OUTSIDE), needs_body=True),
            Trouble("xml-unaskable", "children called `.` and `..`", Faults(xml=Xml.UNASKABLE), Effect.TELLS, needs_body=True, left_out=2),
        ),
    ),
    Family(
        "silence",
        (
            _silent("hang", "no answer", Faults(hang=True)),
            _silent("stall-head", "silence in the middle of the head", Faults(stall_after_bytes=-1)),
            _silent("stall-after-head", "silence after the head", Faults(stall_after_bytes=0), needs_body=True),
            _silent("stall-body", "silence in the middle of the body", Faults(stall_after_bytes=160), needs_body=True),
            _silent("drip-head", "the head byte by byte, 0.1 s each", Faults(dribble=Part.HEAD)),
            _silent("drip-body", "the body byte by byte, 0.1 s each", Faults(dribble=Part.BODY), needs_body=True),
            _silent("interim-endless", "1xx heads without end", Faults(interim=-1)),
        ),
    ),
    Family(
        "connections",
        (
            _lost("reset-before", "reset before the head", Faults(reset_after_bytes=-1)),
            _lost("reset-after-head", "reset after the head", Faults(reset_after_bytes=0), needs_body=True),
            _lost("reset-body", "reset in the middle of the body", Faults(reset_after_bytes=160), needs_body=True),
            _lost("close-before", "closed without an answer", Faults(reset_after_bytes=-1, orderly=True)),
            _malformed("close-body", "closed in the middle of the body", Faults(reset_after_bytes=160, orderly=True), needs_body=True),
            _malformed("length-more", "closed before the announced length", Faults(content_length_off=9), needs_body=True, part=None),
            _malformed("length-less", "more than the announced length", Faults(content_length_off=-9), needs_body=True, part=None),
            _malformed("bad-chunks", "chunks whose lengths are no numbers", Faults(bad_chunks=True), needs_body=True),
            _malformed("two-lengths", "two lengths that differ", Faults(header="Content-Length: 5")),
            _malformed("head-endless", "headers without end", Faults(endless=Part.HEAD)),
            _malformed("body-endless", "a body without end", Faults(endless=Part.BODY), needs_body=True),
            _malformed("gzip-lie", "said to be compressed, and is not", Faults(encoding=Encoding.LIE), needs_body=True),
            _malformed("gzip-bomb", "a gigabyte in a compressed megabyte", Faults(encoding=Encoding.BOMB), needs_body=True),
        ),
    ),
    Family(
        "not the protocol",
        (
            _malformed("ssh", "SSH speaks", Faults(raw="SSH-2.0-OpenSSH_9.2\r\n\r\n")),
            _malformed("binary", "binary garbage", Faults(raw="".join(map(chr, range(256))))),
            _malformed("status-words", "a status that is no number", Faults(status_line="HTTP/1.1 OK 200")),
            _malformed("status-99999", "a status of five digits", Faults(status_line="HTTP/1.1 99999 No")),
            _malformed("icy", "another protocol's status line", Faults(status_line="ICY 207 OK")),
            _malformed("redirect-loop", "a redirect to itself", Faults(location="{self}")),
            _malformed("redirect-endless", "redirects that never come to an end", Faults(location="{next}")),
            _malformed("redirect-nowhere", "a redirect without a target", Faults(status=302)),
            _malformed("redirect-login", "a redirect to a page to log in, on another host", Faults(location="{login}/login")),
            _malformed("redirect-mail", "a redirect to something else than HTTP", Faults(location="mailto:root@localhost")),
            _malformed("as-200", "200 where 207 was due", Faults(as_status=200), needs_body=True),
            _malformed("as-204", "204, no content", Faults(status=204), needs_body=True),
        ),
    ),
    Family(
        "refusals",
        (
            _status(400, "bad request", Effect.UNKNOWN, Cause.MALFORMED),
            _status(401, "unauthorized", Effect.DENIES),
            _status(403, "forbidden", Effect.DENIES),
            _status(404, "not found", Effect.ABSENT),
            _status(405, "method not allowed", Effect.UNKNOWN, Cause.MALFORMED),
            _status(410, "gone", Effect.ABSENT),
            _status(429, "too many requests", Effect.UNKNOWN, Cause.BUSY),
            _status(500, "internal error", Effect.UNKNOWN, Cause.FAILED),
            _status(503, "busy", Effect.UNKNOWN, Cause.BUSY),
            _status(507, "out of space", Effect.UNKNOWN, Cause.FAILED),
            _status(999, "a status that does not exist", Effect.UNKNOWN, Cause.FAILED),
        ),
    ),
    Family(
        "bad XML",
        (
            _malformed("xml-garbage", "no XML at all", Faults(garbage=True), needs_body=True),
            _malformed("xml-truncated", "XML that ends in the middle", Faults(truncate_xml=True), needs_body=True),
            _xml(Xml.CROSSED, "tags that end in the wrong order"),
            _xml(Xml.WRONG_ROOT, "another root element"),
            _xml(Xml.ENTITY_BOMB, "entities that would fill the memory"),
            _xml(Xml.EXTERNAL_ENTITY, "an entity that names a file of the reader's"),
            _xml(Xml.DEEP, "10,000 elements inside each other"),
            _xml(Xml.JUNK, "megabytes in one property"),
            _xml(Xml.EMPTY, "an empty body"),
            _xml(Xml.NOBODY, "a multistatus that describes nothing"),
            _xml(Xml.HTML, "a page for people"),
            _xml(Xml.ELSEWHERE, "a multistatus about another path"),
            _xml(Xml.REFUSED, "403 inside the multistatus", Effect.DENIES, part=True),
            _xml(Xml.GONE, "404 inside the multistatus", Effect.ABSENT),
            Trouble("xml-failed", "500 inside the multistatus", Faults(xml=Xml.FAILED), cause=Cause.FAILED, needs_body=True, part=True),
        ),
    ),
    Family(
        "lies",
        (
            Trouble("size-more", "a size that is too big", Faults(size_off=5, delay_s=_LATE_S), Effect.LIES),
            Trouble("size-less", "a size that is too small", Faults(size_off=-2, delay_s=_LATE_S), Effect.LIES),
            Trouble("size-listed", "another size in a listing than by itself", Faults(listed_size_off=5, delay_s=_LATE_S), Effect.LIES, needs_body=True, listed_only=True),
            Trouble("size-negative", "a size below zero", Faults(size_text="-5"), Effect.NO_SIZE),
            Trouble("size-words", "a size that is no number", Faults(size_text="ten"), Effect.NO_SIZE, needs_body=True),
            Trouble("size-huge", "a size of thirty digits", Faults(size_text="1" * 30), Effect.NO_SIZE, needs_body=True),
        ),
    ),
    Family(
        "doors",
        (
            _lost("refused", "nobody listens", Door.REFUSED),
            _silent("mute", "the connection is taken, and that is all", Door.MUTE),
            _lost("tls-expired", "a certificate that has expired", Door.TLS_EXPIRED),
            _lost("tls-other-host", "a certificate for another host", Door.TLS_OTHER_HOST),
            _lost("tls-stranger", "a certificate from an unknown authority", Door.TLS_STRANGER),
            _silent("tls-mute", "a TLS handshake that is never answered", Door.TLS_MUTE),
            _lost("no-tls", "no TLS where it was expected", Door.NO_TLS),
        ),
    ),
)  # fmt: skip

TROUBLES = tuple(chain.from_iterable(family.troubles for family in FAMILIES))

"""What strangers write costs no more than its length: no reader goes over a text again from each of its characters.

Every reader of text from clients or storage is given the longest value that can reach it, made of what its grammar repeats.
A reader that is quadratic needs many seconds for it, one that is not some milliseconds; processor time is counted, so a busy
machine changes nothing.
"""

import contextlib
import time
import tracemalloc
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from ugrpy.core.errors import BadRequest, DataError
from ugrpy.frontend.exchange import split_target
from ugrpy.frontend.fields import proxy_status
from ugrpy.frontend.page import Row, Sort, parse_sort, sort_rows
from ugrpy.frontend.problem import prefers_html
from ugrpy.metalink.document import escape
from ugrpy.metalink.links import render_duplicate_links
from ugrpy.metalink.negotiate import metalink_accepted, metalink_wanted
from ugrpy.metalink.reader import parse_metalink
from ugrpy.namespace.model import Kind
from ugrpy.namespace.paths import normalise, parse_path
from ugrpy.security.forwarded import TrustedNetworks, client_address
from ugrpy.transport.retry_after import parse_retry_after
from ugrpy.webdav.checksums import parse_checksums
from ugrpy.webdav.copying import parse_copy, parse_move, transfer_headers
from ugrpy.webdav.dates import parse_date, parse_http_date
from ugrpy.webdav.digests import (
    parse_repr_digest,
    parse_want_digest,
    parse_want_repr_digest,
)
from ugrpy.webdav.hrefs import parse_href
from ugrpy.webdav.multistatus import MultistatusReader
from ugrpy.webdav.request import parse_depth, parse_propfind
from ugrpy.webdav.response import TEXT_LIMIT_BYTES
from ugrpy.webdav.validators import Conditions, evaluate, permits_change

# A thousand times what the slowest honest reader needs, a tenth of what a quadratic one does.
LIMIT_S = 1.5
TEXT_CHARS = 32 * 1024
TRUSTED = TrustedNetworks([ip_network("127.0.0.0/8")])

# What the grammars repeat: blanks, separators, digits, dots, quotes, escapes, and the beginnings of things.
ATOMS = [
    "a", "0", " ", "\t", ",", ";", "=", '"', "\\", "/", ".", ":", "%", "%2", "%41", "-", "[", "<", "&",
    "a ", " ,", ", ", "a,", "a=", "=a", ";a", '"a"', '"a",', 'W/"a"', 'W/"a" ,', "a b", "/.", "/..", "./",
    "q=", ";q=", "q= ", "for=", ";for=", "for=a ", "a=1 ", "md5=", "a:", "1.", "http://", "\u00e9", "\udcff",
    "Thu, 29 Feb 2024 12:34:56 GMT", "2024-02-29T12:34:56Z",
]  # fmt: skip
ENDS = ["", "x", '"']
# What a text has to begin with to get into the heart of a reader.
STARTS: dict[str, tuple[str, ...]] = {
    "path": ("/",),
    "if-match": ('"', 'W/"'),
    "if-none-match": ('"', 'W/"'),
    "if-match of a change": ('"', 'W/"'),
    "if-none-match of a change": ('"', 'W/"'),
    "accept of pages": ("text/html;q=", "text/html;q=x"),
    "accept of metalinks": ("application/metalink4+xml;q=",),
    "forwarded": ("for=", "for=a", 'for="'),
    "date": ("Thu, ",),
    "listing": ("HTTP/1.1 ",),
    "want-digest": ("md5;q=", "md5,"),
    "destination": ("/", "http://", "http://h/", "http://["),
    "source": ("http://", "http://h/", "http://h/?"),
    "want-repr-digest": ("sha-256=", "sha-256=10,a=", "a;", 'a="', "a=("),
    "repr-digest": ("sha-256=:", "sha-256=:AAAA:,"),
}


def _propfind(text: str) -> None:
    parse_propfind(_wrapped("propfind", text))


def _listing(text: str) -> None:
    reader = MultistatusReader()
    reader.feed(_wrapped("multistatus", text))
    reader.close()


def _wrapped(root: str, text: str) -> bytes:
    value = escape(text)
    parts = "".join(
        f"<{name}>{value}</{name}>" for name in ("href", "status", "getlastmodified", "prop")
    )
    inner = f"<response>{parts}<propstat><prop>{parts}</prop></propstat></response>"
    return f'<{root} xmlns="DAV:">{inner}</{root}>'.encode()


READERS: dict[str, Callable[[str], object]] = {
    "path": parse_path,
    "decoded path": normalise,
    "target": split_target,
    "href": parse_href,
    "verbatim href": lambda text: parse_href(text, verbatim=True),
    "date": parse_date,
    "checksums": parse_checksums,
    "depth": parse_depth,
    "destination": lambda text: parse_move({"Destination": text}),
    "source": lambda text: parse_copy({"Source": text}, bool),
    "transfer header": lambda text: transfer_headers({"TransferHeader" + text: text}),
    "want-digest": parse_want_digest,
    "want-repr-digest": parse_want_repr_digest,
    "repr-digest": parse_repr_digest,
    "if-match": lambda text: evaluate(Conditions(if_match=text), '"a"', 0),
    "if-none-match": lambda text: evaluate(Conditions(if_none_match=text), 'W/"a"', 0),
    "if-match of a change": lambda text: permits_change(text, None, '"a"'),
    "if-none-match of a change": lambda text: permits_change(None, text, None),
    "if-modified-since": lambda text: evaluate(Conditions(if_modified_since=text), '"a"', 0),
    "accept of pages": prefers_html,
    "accept of metalinks": lambda text: metalink_wanted(text + ",application/metalink+xml", text),
    "accept named": metalink_accepted,
    "query": lambda text: metalink_wanted(None, "metalink" + text),
    "forwarded": lambda text: client_address("127.0.0.1", forwarded=[text], trusted=TRUSTED),
    "x-forwarded-for": lambda text: client_address(
        "127.0.0.1", x_forwarded_for=[text], trusted=TRUSTED
    ),
    "retry-after": lambda text: parse_retry_after({"Retry-After": text, "Date": text}),
    "proxy-status": lambda text: proxy_status({text: text}),
    "order of names": lambda text: sort_rows([Row(text, Kind.FILE)] * 2, Sort()),
    "order": lambda text: parse_sort({"sort": text, "order": text}),
    "propfind": _propfind,
    "listing": _listing,
}


@pytest.mark.parametrize("reader", READERS)
def test_no_text_costs_more_than_its_length(reader: str):
    read = READERS[reader]
    slowest = (0.0, "")
    for start in ("", *STARTS.get(reader, ())):
        for atom in ATOMS:
            for end in ENDS:
                text = start + atom * (TEXT_CHARS // len(atom)) + end
                begun_s = time.process_time()
                with contextlib.suppress(BadRequest, DataError, ValueError):
                    read(text)
                slowest = max(slowest, (time.process_time() - begun_s, f"{start} {atom!r} {end!r}"))
    assert slowest[0] < LIMIT_S, slowest


LONGEST_VALUES = [
    "a" * TEXT_LIMIT_BYTES,
    "a-" * (TEXT_LIMIT_BYTES // 2),
    "a=" * (TEXT_LIMIT_BYTES // 2),
]


@pytest.mark.parametrize("text", LONGEST_VALUES, ids=["letters", "dashes", "pairs"])
def test_the_longest_value_of_a_property_is_read_at_once(text: str):
    begun_s = time.process_time()
    parse_checksums(text * 4)
    parse_date(text)
    parse_href("/" + text)
    assert time.process_time() - begun_s < LIMIT_S


def test_long_texts_do_not_stay_in_the_memo_of_dates():
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(2000):
            text = f"{number:08}".rjust(TEXT_LIMIT_BYTES)
            parse_date(text)
            parse_http_date(text)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 1024 * 1024


def test_a_metalink_of_many_small_things_is_read_at_once():
    url = "<url>http://a/</url>"
    namespace = 'xmlns="urn:ietf:params:xml:ns:metalink"'
    for filling in (url, "<hash type='md5'/>", "<a/>", "&#97;", "<!-- -->", "<?a b?>"):
        body = f"<metalink {namespace}><file name='f'>{filling * (900_000 // len(filling))}</file></metalink>"
        begun_s = time.process_time()
        with contextlib.suppress(DataError):
            parse_metalink(body.encode())
        assert time.process_time() - begun_s < 4 * LIMIT_S, filling


def test_many_links_are_written_at_once():
    class Located:
        url = "https://a.example/" + "a" * 4000
        country = "ca"

    begun_s = time.process_time()
    render_duplicate_links([Located()] * 1000, limit=0)
    assert time.process_time() - begun_s < LIMIT_S

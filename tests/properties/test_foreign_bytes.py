"""Whatever bytes storage sends, a reader says what is in them or raises ``DataError``: the same for every way of cutting them.

The bytes are arbitrary, or captured answers of real servers (``tests/data``) that were then damaged. The longer form of these
laws, with a time budget and a corpus, is ``tests/slow/test_fuzz_readers.py``.
"""

import contextlib
import itertools
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_codecs import PATHS
from ugrpy.core.errors import BadRequest, DataError
from ugrpy.core.urls import encode_path
from ugrpy.frontend.exchange import split_target
from ugrpy.metalink.reader import parse_metalink
from ugrpy.namespace.paths import parse_path
from ugrpy.webdav.dates import parse_date, render_http_date, render_iso_date
from ugrpy.webdav.hrefs import parse_href
from ugrpy.webdav.multistatus import RESPONSE_LIMIT_BYTES, MultistatusReader, Resource
from ugrpy.webdav.request import Depth, parse_depth, parse_propfind

DATA = Path(__file__).parents[1] / "data"
CAPTURES = [path.read_bytes() for path in sorted(DATA.glob("*/propfind*.xml"))]
QUESTION = b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x xmlns="urn:y"/></D:prop></D:propfind>'
METALINK4 = (
    b'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><published>2024-02-29T12:34:56Z</published>'
    b'<file name="f"><size>5</size><hash type="adler32">062c0215</hash><url priority="1" location="ca">http://a/f</url></file></metalink>'
)
METALINK3 = (
    b'<metalink version="3.0" xmlns="http://www.metalinker.org/" pubdate="Thu, 29 Feb 2024 12:34:56 GMT"><files><file name="f">'
    b'<size>5</size><verification><hash type="md5">900150983cd24fb0d6963f7d28e17f72</hash></verification>'
    b'<resources><url type="http" preference="90">http://a/f</url></resources></file></files></metalink>'
)
# What breaks XML, or nearly, and what means something inside it.
SPICES = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"<", b">", b"&", b"&amp;", b"&#0;", b"&#x10ffff;", b"&a;", b"]]>", b"<![CDATA[", b"<!--",
    b"-->", b"<?xml version='1.0' encoding='utf-16'?>", b"<!DOCTYPE a [<!ENTITY a 'b'>]>", b"<a/>", b"</D:response>", b"<D:response>",
    b"</D:multistatus>", b"<D:href>/../..</D:href>", b"%00", b"%2f", b"%", b'"', b"'", b" xmlns='DAV:'", b"\r\n", b"9" * 30,
    b"HTTP/1.1 999 x", b"a" * 3000,
]  # fmt: skip


def damaged(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of these, changed in up to four places."""

    @st.composite
    def damage(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(data)))
            end = min(len(data), at + draw(st.integers(0, 40)))
            put = draw(st.sampled_from(SPICES) | st.binary(max_size=4) | st.just(data[at:end] * 2))
            data = data[:at] + put + data[end:]
        return data

    return damage()


def read(body: bytes, cuts: list[int]) -> tuple[list[Resource], int, bool]:
    """What a reader hands out until the end or the break, what it passes over, and whether it broke."""
    reader = MultistatusReader()
    found: list[Resource] = []
    bounds = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    try:
        for start, end in itertools.pairwise(bounds):
            found += reader.feed(body[start:end])
        found += reader.close()
    except DataError:
        return found, reader.skipped, True
    return found, reader.skipped, False


@given(
    damaged(CAPTURES) | st.binary(max_size=200),
    st.lists(st.integers(0, 100_000), max_size=12),
    st.booleans(),
)
def test_a_damaged_listing_reads_the_same_however_it_is_cut(body, cuts, one_by_one):
    whole, skipped, broke = read(body, [])
    cut, skipped_then, broke_then = read(body, list(range(len(body))) if one_by_one else cuts)
    assert broke_then == broke
    if broke:
        # how much of it is handed out before the break may depend on where the break is noticed, what it says may not
        assert whole[: len(cut)] == cut[: len(whole)]
    else:
        assert (cut, skipped_then) == (whole, skipped)


@given(damaged(CAPTURES))
def test_what_is_read_of_a_damaged_listing_can_be_asked_for(body):
    for resource in read(body, [])[0]:
        assert resource.path.startswith("/")
        assert "//" not in resource.path
        assert not {".", ".."} & set(resource.path.split("/"))
        assert "\0" not in resource.path
        assert resource.size_bytes is None or 0 <= resource.size_bytes < 10**18
        if resource.mtime_s is not None:
            assert parse_date(render_http_date(resource.mtime_s)) is not None
        encode_path(resource.path)


@given(damaged([METALINK3, METALINK4]) | st.binary(max_size=200))
def test_a_damaged_metalink_is_read_or_refused(body):
    with contextlib.suppress(DataError):
        document = parse_metalink(body)
        assert "/" not in document.name
        assert all(one.url.lower().startswith(("http://", "https://")) for one in document.replicas)


@given(damaged([QUESTION]) | st.binary(max_size=200))
def test_a_damaged_question_is_read_or_refused(body):
    with contextlib.suppress(BadRequest):
        assert all(local for _, local in parse_propfind(body).names)


ENCODINGS = [
    "utf-8", "UTF-16", "utf-32", "latin-1", "cp037", "utf-7", "idna", "punycode", "rot13", "zlib", "hex",
    "undefined", "unicode_escape", "us-ascii", "UTF-8", "Iso-8859-1", "mbcs", "ebcdic-cp-us", "shift_jis", "gb18030", "x", "",
]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_declared_encoding_is_read_or_refused(encoding):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    for body in (QUESTION, METALINK4, CAPTURES[0]):
        declared = head + body.partition(b"?>")[2]
        with contextlib.suppress(BadRequest):
            parse_propfind(declared)
        with contextlib.suppress(DataError):
            parse_metalink(declared)
        read(declared, [1, len(head), len(head) + 1])


# -- without end -----------------------------------------------------------------------------------

START = b'<D:multistatus xmlns:D="DAV:">'
ENDLESS = {
    "text": (START, b"word "),
    "blanks": (START, b" \n"),
    "a href": (START + b"<D:response><D:href>/", b"a"),
    "hrefs": (START + b"<D:response>", b"<D:href>/a</D:href>"),
    "properties": (START + b"<D:response><D:propstat><D:prop>", b"<D:a>b</D:a>"),
    "depth": (START, b"<a>"),
    "depth inside": (START + b"<D:response><D:propstat><D:prop>", b"<a>"),
    "a comment": (START + b"<!--", b"word "),
    "comments": (START, b"<!-- word -->"),
    "an instruction": (START + b"<?a ", b"word "),
    "instructions": (START, b"<?a word?>"),
    "a tag": (START + b"<a", b"a"),
    "attributes of one kind": (START + b"<a ", b"a='b' "),
    "an attribute": (START + b"<a b='", b"word "),
    "cdata": (START + b"<D:response><D:href><![CDATA[", b"word "),
    "references": (START + b"<D:response><D:href>", b"&#97;"),
    "elements of no meaning": (START, b"<a/>"),
    "a document type": (b"<!DOCTYPE a [", b"<!-- word -->"),
    "what comes before": (b"", b"\n"),
    "comments before": (b"", b"<!-- word -->"),
    "html": (b"<html><body>", b"<p>word</p>"),
    "nothing": (b"", b"\0"),
}


def fed_until_given_up(reader: MultistatusReader, start: bytes, again: bytes) -> int:
    """How many bytes it took."""
    fed = 0
    with contextlib.suppress(DataError):
        reader.feed(start)
        while fed < 4 * RESPONSE_LIMIT_BYTES:
            fed += 8192
            assert reader.feed(again * (8192 // len(again))) == []
    return fed


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_document_without_end_is_given_up(kind):
    reader = MultistatusReader()
    tracemalloc.start()
    try:
        fed = fed_until_given_up(reader, *ENDLESS[kind])
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fed < 2 * RESPONSE_LIMIT_BYTES
    assert held < 4 * RESPONSE_LIMIT_BYTES
    # once given up, it stays so, and costs nothing
    for _ in range(100):
        with pytest.raises(DataError):
            reader.feed(START)


def test_a_listing_without_end_is_read_on_without_being_kept():
    response = b"<D:response><D:href>/d/f%08d</D:href><!-- c --> \n<x/></D:response> \n<y/> word"
    reader = MultistatusReader()
    reader.feed(START)
    tracemalloc.start()
    try:
        read_so_far = before = 0
        for number in range(200):
            piece = b"".join(response % (100 * number + n) for n in range(100))
            read_so_far += len(reader.feed(piece))
            if number == 20:
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert read_so_far == 20_000
    assert grown < 512 * 1024


# -- text ------------------------------------------------------------------------------------------


@given(PATHS, st.booleans(), st.sampled_from(["", "http://h", "HTTPS://[::1]:443", "dav://x@y"]))
def test_an_href_means_the_path_that_was_written(path, slash, authority):
    href = authority + encode_path(path) + "/" * slash
    assert parse_href(href) == (path, slash)
    assert parse_href("\n " + href + "\t") == (path, slash)


@given(PATHS.filter(lambda path: "\n" not in path), st.booleans())
def test_a_verbatim_href_is_the_path(path, slash):
    assert parse_href(path + "/" * slash, verbatim=True) == (path, slash)


TARGETS = st.text() | st.lists(
    st.sampled_from(["http://", "https://", "/", "//", "?", "#", "*", "a", "..", "%2e", "%2f", ":", "@", "[", "]", "\\"])
).map("".join)  # fmt: skip


@given(TARGETS)
def test_any_request_target_is_a_path_and_a_query_or_refused(target):
    with contextlib.suppress(BadRequest):
        raw, query = split_target(target)
        assert raw.startswith("/")
        assert "?" not in raw
        assert "#" not in raw + query or "#" in query
        path = parse_path(raw)
        assert path == parse_path(encode_path(path))
        for form in (f"http://gateway.example:80{raw}", f"HTTPS://[::1]{raw}"):
            assert split_target(form) == (raw, "")


@given(st.text(max_size=20))
def test_a_depth_is_one_of_three_or_refused(value):
    with contextlib.suppress(BadRequest):
        assert parse_depth(value) in Depth


DATE_PARTS = st.sampled_from(
    ["Thu", ",", " ", "29", "Feb", "2024", "12:34:56", "GMT", "+0000", "-9999", "+99:99", "-", "T", "Z", "W09", "60", "00", "0001", "9999", ":", ".5", "é", "٣"]
)  # fmt: skip


@given(st.lists(DATE_PARTS, max_size=14).map("".join))
def test_any_date_is_read_within_the_calendar_or_not_at_all(text):
    seconds = parse_date(text)
    if seconds is not None:
        assert parse_date(render_iso_date(seconds)) is not None
    body = METALINK4.replace(b"2024-02-29T12:34:56Z", text.encode())
    parse_metalink(body)
    parse_metalink(METALINK3.replace(b"Thu, 29 Feb 2024 12:34:56 GMT", text.encode()))

"""Parts of files: how they are asked for and told (RFC 9110 section 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.webdav.ranges import (
    MOST_SPANS,
    Span,
    if_range_holds,
    multipart,
    parse_content_range,
    parse_range,
)

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
DATE_S = 1_700_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-9", [(0, 10)]),
        ("Bytes=0-9", [(0, 10)]),
        (" bytes=5-5 ", [(5, 6)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=90-1000", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-1000", [(0, 100)]),
        ("bytes=0-0, 99-99 ,-1", [(0, 1), (99, 100), (99, 100)]),
        ("bytes=,0-0,,", [(0, 1)]),
        # beyond the end: left out; nothing left: 416
        ("bytes=0-0,200-300", [(0, 1)]),
        ("bytes=100-", []),
        ("bytes=200-300,400-", []),
        ("bytes=-0", []),
    ],
)
def test_parts_of_a_hundred_bytes(value, expected):
    assert parse_range(value, 100) == tuple(Span(*one) for one in expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=9-0",
        "bytes=a-b",
        "bytes=0-9;1",
        "bytes=0 - 9",
        "bytes=0-9,x",
        "items=0-9",
        "bytes=٠-٩",
        "bytes=" + "9" * 30 + "-",
        "bytes=0-99,0-99",
        "bytes=" + ",".join(["0-0"] * (MOST_SPANS + 1)),
    ],
)
def test_what_cannot_be_read_or_is_too_much_asks_for_all(value):
    assert parse_range(value, 100) is None


def test_an_empty_file_has_no_parts():
    assert parse_range("bytes=0-", 0) == ()
    assert parse_range("bytes=-5", 0) == ()


@given(st.integers(1, 10_000), st.data())
def test_a_part_is_told_as_it_was_asked_for(size_bytes, data):
    first = data.draw(st.integers(0, size_bytes - 1))
    span = Span(first, data.draw(st.integers(first + 1, size_bytes)))
    assert parse_range(span.as_range(), size_bytes) == (span,)
    assert parse_content_range(span.as_content_range(size_bytes)) == (span, size_bytes)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=40), st.integers(0, 200))
def test_no_part_leaves_the_file(value, size_bytes):
    for span in parse_range(value, size_bytes) or ():
        assert 0 <= span.first < span.end <= size_bytes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-9/100", (Span(0, 10), 100)),
        ("bytes 0-9/*", (Span(0, 10), None)),
        (" bytes 5-5/6 ", (Span(5, 6), 6)),
        (None, None),
        ("", None),
        ("bytes */100", None),
        ("bytes 9-0/100", None),
        ("bytes 100--1/6", None),
        ("bytes=0-9/100", None),
        ("items 0-9/100", None),
    ],
)
def test_the_part_that_an_answer_holds(value, expected):
    assert parse_content_range(value) == expected


@pytest.mark.parametrize(
    ("value", "etag", "mtime_s", "expected"),
    [
        (None, None, None, True),
        ('"a"', '"a"', None, True),
        ('"a"', '"b"', None, False),
        ('"a"', None, None, False),
        ('W/"a"', 'W/"a"', None, False),
        ('"a"', 'W/"a"', None, False),
        (DATE, None, DATE_S, True),
        (DATE, None, DATE_S + 1, False),
        (DATE, None, DATE_S - 1, False),
        (DATE, None, None, False),
        ("yesterday", None, DATE_S, False),
        ("", None, None, False),
    ],
)
def test_if_range(value, etag, mtime_s, expected):
    assert if_range_holds(value, etag, mtime_s) is expected


def test_several_parts_in_one_answer():
    parts = multipart([Span(0, 2), Span(8, 10)], 10, "xyz", "text/plain")
    assert parts.content_type == "multipart/byteranges; boundary=xyz"
    data = b"0123456789"
    body = b"".join(
        head + data[span.first : span.end]
        for head, span in zip(parts.heads, parts.spans, strict=True)
    )
    body += parts.tail
    assert body == (
        b"\r\n--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
        b"\r\n--xyz\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
        b"\r\n--xyz--\r\n"
    )
    assert parts.size_bytes == len(body)

"""Which answers of storages hold the bytes that are wanted? A table."""

import pytest

from ugrpy.namespace.model import Absent, Cause, Denied, Digest, Unknown
from ugrpy.streaming.agreeing import Changed, Usable, Version, agreement, disagree
from ugrpy.webdav.ranges import Span

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
DATE_S = 1_700_000_000
WHOLE, PART = Span(0, 100), Span(40, 100)
KNOWN = Version(100, DATE_S)
TAGGED = Version(100, DATE_S, '"a"')
RANGE = "bytes 40-99/100"


@pytest.mark.parametrize(
    ("status", "headers", "wanted", "version", "expected"),
    [
        (200, {}, WHOLE, KNOWN, Usable(0, 100, None)),
        (200, {"Content-Length": "100", "ETag": '"a"'}, WHOLE, KNOWN, Usable(0, 100, '"a"')),
        # a server that knows no ranges sends all of it
        (200, {"Content-Length": "100"}, PART, KNOWN, Usable(40, 100, None)),
        (206, {"Content-Range": RANGE}, PART, KNOWN, Usable(0, 100, None)),
        (206, {"Content-Range": "bytes 40-99/*"}, PART, KNOWN, Usable(0, 100, None)),
        (206, {"Content-Range": RANGE, "Last-Modified": DATE}, PART, KNOWN, Usable(0, 100, None)),
        # of a size that nobody knew
        (200, {"Content-Length": "7"}, None, Version(None), Usable(0, 7, None)),
        (200, {}, None, Version(None), Usable(0, None, None)),
        (200, {"Content-Length": "seven"}, None, Version(None), Usable(0, None, None)),
        # other versions
        (200, {"Content-Length": "99"}, WHOLE, KNOWN, Changed("it has another size")),
        (206, {"Content-Range": "bytes 40-99/101"}, PART, KNOWN, Changed("it has another size")),
        (
            206,
            {"Content-Range": RANGE, "Last-Modified": "Tue, 14 Nov 2023 22:13:21 GMT"},
            PART,
            KNOWN,
            Changed("it was written since"),
        ),
        (
            206,
            {"Content-Range": RANGE, "ETag": '"b"'},
            PART,
            TAGGED,
            Changed("it was written in the middle of the transfer"),
        ),
        (206, {"Content-Range": RANGE, "ETag": '"a"'}, PART, TAGGED, Usable(0, 100, '"a"')),
        (206, {"Content-Range": RANGE}, PART, TAGGED, Usable(0, 100, None)),
        (416, {}, PART, KNOWN, Changed("GET answered 416")),
        (412, {}, PART, KNOWN, Changed("GET answered 412")),
        # no bytes at all
        (404, {}, WHOLE, KNOWN, Absent()),
        (410, {}, WHOLE, KNOWN, Absent()),
        (401, {}, WHOLE, KNOWN, Denied(401, "GET answered 401")),
        (403, {}, WHOLE, KNOWN, Denied(403, "GET answered 403")),
        (302, {}, WHOLE, KNOWN, Unknown(Cause.MALFORMED, "GET answered 302")),
        (304, {}, WHOLE, KNOWN, Unknown(Cause.MALFORMED, "GET answered 304")),
    ],
)
def test_what_an_answer_is_good_for(status, headers, wanted, version, expected):
    assert agreement(status, headers, wanted, version) == expected


@pytest.mark.parametrize(
    ("status", "headers", "wanted"),
    [
        (206, {}, PART),
        (206, {"Content-Range": "bytes 41-99/100"}, PART),
        (206, {"Content-Range": "bytes 40-98/100"}, PART),
        (206, {"Content-Range": "bytes 99-40/100"}, PART),
        (206, {"Content-Type": "multipart/byteranges; boundary=x"}, PART),
        (206, {"Content-Range": RANGE}, None),
        (200, {"Content-Encoding": "gzip"}, WHOLE),
    ],
)
def test_parts_that_cannot_be_placed_are_not_used(status, headers, wanted):
    said = agreement(status, headers, wanted, Version(None) if wanted is None else KNOWN)
    assert isinstance(said, Unknown)
    assert said.cause is Cause.MALFORMED


def test_checksums_disagree_only_where_both_are_known():
    md5, other, sha = Digest("md5", "00"), Digest("md5", "11"), Digest("sha-256", "22")
    assert disagree([md5, sha], [other])
    assert not disagree([md5], [md5, sha])
    assert not disagree([md5], [sha])
    assert not disagree([], [md5])

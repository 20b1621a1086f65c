"""What statuses mean when something was to be changed, and what a server gives away by its answer to OPTIONS."""

import pytest

from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.dav.habits import habits_of, verbatim_destination
from ugrpy.endpoints.over_http_bodies import clipped
from ugrpy.endpoints.over_http_outcomes import outcome_of, worst_of
from ugrpy.namespace.model import Absent, Cause, Denied, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, Done(created=True)),
        *((status, Done()) for status in (200, 204, 207, 226)),
        (404, Absent()),
        (410, Absent()),
        (401, Denied(401, "PUT answered 401")),
        (403, Denied(403, "PUT answered 403")),
        *(
            (status, Conflict(status, f"PUT answered {status}"))
            for status in (400, 402, 405, 406, 409, 411, 412, 414, 415, 422, 423, 451, 501)
        ),
        (413, Full("PUT answered 413")),
        (507, Full("PUT answered 507")),
        *(
            (status, Unknown(Cause.FAILED, f"PUT answered {status}"))
            for status in (500, 502, 503, 504, 599)
        ),
        *(
            (status, Unknown(Cause.MALFORMED, f"PUT answered {status}"))
            for status in (202, 300, 302, 304, 307, 308, 408, 421, 425, 429)
        ),
    ],
)
def test_statuses(status, outcome):
    assert outcome_of("PUT", status) == outcome


LADDER: list[Outcome] = [
    Done(),
    Absent(),
    Conflict(423),
    Full(),
    Denied(),
    Unknown(Cause.TIMEOUT),
]


def test_the_worst_of_several():
    assert worst_of([]) == Done()
    assert worst_of([Done(created=True)]) == Done(created=True)
    for count in range(1, len(LADDER) + 1):
        assert worst_of(LADDER[:count]) == LADDER[count - 1]
        assert worst_of(reversed(LADDER[:count])) == LADDER[count - 1]


XROOTD = {
    Quirk.MADE_AGAIN,
    Quirk.OVERWRITE_IGNORED,
    Quirk.QUESTION_MARK_ENDS,
    Quirk.THIRD_PARTY_COPY_ONLY,
    Quirk.VERBATIM_DESTINATION,
}


@pytest.mark.parametrize(
    ("headers", "habits"),
    [
        ({}, set()),
        ({"Server": "nginx/1.22.1", "Allow": "GET,HEAD,PUT,DELETE,MKCOL,COPY,MOVE"}, set()),
        ({"Server": "Apache/2.4.71 (Debian)", "Allow": "OPTIONS, COPY, MOVE"}, set()),
        ({"Server": "XrootD/v5.5.3"}, XROOTD),
        ({"Server": "xrootd/v6.0.0", "Allow": "COPY,MOVE"}, XROOTD),
        ({"Server": "proxy", "Allow": "HEAD,GET,PUT,PROPFIND,DELETE,OPTIONS,COPY"}, XROOTD),
        ({"Server": "proxy", "Allow": "HEAD,GET,PUT"}, set()),
        ({"Server": "dCache/9.2.8", "Allow": "COPY, MOVE"}, {Quirk.THIRD_PARTY_COPY_ONLY}),
        ({"Server": "WsgiDAV/4.4.0 Cheroot/11.1.2"}, {Quirk.CUT_DESTINATION}),
        ({"Server": "not-xrootd"}, set()),
    ],
)
def test_habits(headers, habits):
    assert habits_of(headers) == habits


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("http://se:1094/a/b", "http://se:1094/a/b?"),
        ("http://se:1094/a%20b/%C3%BC%25+", "http://se:1094/a b/ü%+?"),
        ("https://[2001:db8::1]/a%3Bb", "https://[2001:db8::1]/a;b?"),
        ("http://se/a%3Fb", None),
        ("http://se/a%0D%0AX-Forged:%20b", None),
        ("http://se/a%7F", None),
        ("http://se/caf%E9", None),
    ],
)
def test_a_destination_that_is_not_decoded(url, destination):
    assert verbatim_destination(url) == destination


@pytest.mark.parametrize(
    ("status", "content_range", "part"),
    [
        (206, "bytes 2--1/6", (2, 6)),
        (206, "bytes 100--1/6", (100, 6)),
        (206, "bytes 5-20/6", (5, 6)),
        (206, "bytes 0--1/0", (0, 0)),
        (206, "bytes 5-5/6", None),
        (206, "bytes 0-5/6", None),
        (206, "bytes 0-5/*", None),
        (206, "multipart", None),
        (206, "", None),
        (416, "bytes */6", None),
        (200, "bytes 5-20/6", None),
    ],
)
def test_parts_that_cannot_be(status, content_range, part):
    assert clipped(status, {"Content-Range": content_range}) == part

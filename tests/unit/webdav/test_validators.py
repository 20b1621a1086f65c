"""Entity tags, and the order of preconditions in RFC 9110 section 13.2.2."""

import subprocess
import sys

import pytest

from ugrpy.namespace.model import Digest, Entry, Kind
from ugrpy.webdav.dates import render_http_date
from ugrpy.webdav.validators import Conditions, Verdict, evaluate, permits_change, weak_etag

NOW_S = 1709210096
THEN = render_http_date(NOW_S)
BEFORE = render_http_date(NOW_S - 1)
AFTER = render_http_date(NOW_S + 1)
WEAK = 'W/"abc"'
STRONG = '"abc"'

ENTRY = Entry("f", Kind.FILE, 12, NOW_S, (Digest("md5", "00"), Digest("adler32", "11")))


def test_an_etag_is_weak_quoted_and_short():
    etag = weak_etag(ENTRY)
    assert etag.startswith('W/"')
    assert etag.endswith('"')
    assert len(etag) == 20


def test_an_etag_does_not_depend_on_the_order_of_digests_or_on_the_name():
    turned = Entry("g", Kind.FILE, 12, NOW_S, ENTRY.digests[::-1])
    assert weak_etag(turned) == weak_etag(ENTRY)


@pytest.mark.parametrize(
    "other",
    [
        Entry("f", Kind.COLLECTION, 12, NOW_S, ENTRY.digests),
        Entry("f", Kind.FILE, 13, NOW_S, ENTRY.digests),
        Entry("f", Kind.FILE, None, NOW_S, ENTRY.digests),
        Entry("f", Kind.FILE, 12, NOW_S + 1, ENTRY.digests),
        Entry("f", Kind.FILE, 12, None, ENTRY.digests),
        Entry("f", Kind.FILE, 12, NOW_S, ENTRY.digests[:1]),
    ],
)
def test_an_etag_tells_states_apart(other):
    assert weak_etag(other) != weak_etag(ENTRY)


def test_an_etag_is_the_same_in_another_process():
    code = (
        "from ugrpy.namespace.model import Digest, Entry, Kind\n"
        "from ugrpy.webdav.validators import weak_etag\n"
        f"print(weak_etag(Entry('f', Kind.FILE, 12, {NOW_S}, (Digest('md5', '00'), Digest('adler32', '11')))))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == weak_etag(ENTRY)


@pytest.mark.parametrize(
    ("conditions", "etag", "verdict"),
    [
        (Conditions(), WEAK, Verdict.PROCEED),
        # If-Match: strong comparison
        (Conditions(if_match=STRONG), STRONG, Verdict.PROCEED),
        (Conditions(if_match='"x", "abc"'), STRONG, Verdict.PROCEED),
        (Conditions(if_match='"x"'), STRONG, Verdict.FAILED),
        (Conditions(if_match=WEAK), WEAK, Verdict.FAILED),
        (Conditions(if_match=STRONG), WEAK, Verdict.FAILED),
        (Conditions(if_match="*"), WEAK, Verdict.PROCEED),
        (Conditions(if_match="*"), None, Verdict.FAILED),
        (Conditions(if_match=STRONG), None, Verdict.FAILED),
        (Conditions(if_match="abc"), WEAK, Verdict.PROCEED),
        (Conditions(if_match='"x"', reads=False), STRONG, Verdict.FAILED),
        # If-None-Match: weak comparison
        (Conditions(if_none_match=WEAK), WEAK, Verdict.NOT_MODIFIED),
        (Conditions(if_none_match=STRONG), WEAK, Verdict.NOT_MODIFIED),
        (Conditions(if_none_match=', "x",, W/"abc" ,'), WEAK, Verdict.NOT_MODIFIED),
        (Conditions(if_none_match='"a,b", "abc"'), WEAK, Verdict.NOT_MODIFIED),
        (Conditions(if_none_match='"x"'), WEAK, Verdict.PROCEED),
        (Conditions(if_none_match=" * "), WEAK, Verdict.NOT_MODIFIED),
        (Conditions(if_none_match="*"), None, Verdict.PROCEED),
        (Conditions(if_none_match="*", reads=False), WEAK, Verdict.FAILED),
        (Conditions(if_none_match="*", reads=False), None, Verdict.PROCEED),
        (Conditions(if_none_match=WEAK, reads=False), WEAK, Verdict.FAILED),
        (Conditions(if_none_match='"abc" "x"'), WEAK, Verdict.PROCEED),
        (Conditions(if_none_match='"abc'), WEAK, Verdict.PROCEED),
        (Conditions(if_none_match=""), WEAK, Verdict.PROCEED),
    ],
)
def test_entity_tags(conditions, etag, verdict):
    assert evaluate(conditions, etag, NOW_S) is verdict


@pytest.mark.parametrize(
    ("conditions", "mtime_s", "verdict"),
    [
        (Conditions(if_modified_since=BEFORE), NOW_S, Verdict.PROCEED),
        (Conditions(if_modified_since=THEN), NOW_S, Verdict.NOT_MODIFIED),
        (Conditions(if_modified_since=AFTER), NOW_S, Verdict.NOT_MODIFIED),
        (Conditions(if_modified_since=AFTER), None, Verdict.PROCEED),
        (Conditions(if_modified_since=AFTER, reads=False), NOW_S, Verdict.PROCEED),
        (Conditions(if_modified_since="2030-01-01T00:00:00Z"), NOW_S, Verdict.PROCEED),
        (Conditions(if_unmodified_since=BEFORE), NOW_S, Verdict.FAILED),
        (Conditions(if_unmodified_since=THEN), NOW_S, Verdict.PROCEED),
        (Conditions(if_unmodified_since=BEFORE), None, Verdict.PROCEED),
        (Conditions(if_unmodified_since="never"), NOW_S, Verdict.PROCEED),
        (Conditions(if_unmodified_since=BEFORE, reads=False), NOW_S, Verdict.FAILED),
    ],
)
def test_dates(conditions, mtime_s, verdict):
    assert evaluate(conditions, WEAK, mtime_s) is verdict


@pytest.mark.parametrize(
    ("conditions", "verdict"),
    [
        # If-Match makes If-Unmodified-Since ignored; If-None-Match makes If-Modified-Since ignored, readable or not
        (Conditions(if_match=STRONG, if_unmodified_since=BEFORE), Verdict.PROCEED),
        (Conditions(if_none_match='"x"', if_modified_since=AFTER), Verdict.PROCEED),
        (Conditions(if_none_match="x", if_modified_since=AFTER), Verdict.PROCEED),
        # the demands come before the question whether it changed
        (Conditions(if_match='"x"', if_none_match=STRONG), Verdict.FAILED),
        (Conditions(if_unmodified_since=BEFORE, if_none_match=STRONG), Verdict.FAILED),
        (Conditions(if_match=STRONG, if_none_match=STRONG), Verdict.NOT_MODIFIED),
    ],
)
def test_order_of_evaluation(conditions, verdict):
    assert evaluate(conditions, STRONG, NOW_S) is verdict


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "etag", "permitted"),
    [
        (None, None, WEAK, True),
        (None, None, None, True),
        ("", "  ", WEAK, True),
        # there must be nothing
        (None, "*", None, True),
        (None, "*", WEAK, False),
        (None, " * ", WEAK, False),
        # there must be something
        ("*", None, WEAK, True),
        ("*", None, None, False),
        # the state that was read, compared weakly whichever way it is written
        (WEAK, None, WEAK, True),
        (STRONG, None, WEAK, True),
        ('"x", W/"abc"', None, WEAK, True),
        ('W/"x"', None, WEAK, False),
        (WEAK, None, None, False),
        (WEAK, None, STRONG, True),
        # not the states that are known already
        (None, WEAK, WEAK, False),
        (None, STRONG, WEAK, False),
        (None, '"x"', WEAK, True),
        (None, WEAK, None, True),
        # both must permit it
        (WEAK, '"x"', WEAK, True),
        (WEAK, "*", WEAK, False),
        ('"x"', '"y"', WEAK, False),
        ("*", "*", None, False),
        # what cannot be read forbids
        ("abc", None, WEAK, False),
        ('"abc', None, WEAK, False),
        ("abc", None, None, False),
        (None, "abc", WEAK, False),
        (None, "abc", None, False),
        (None, '"a" "b"', None, False),
    ],
)
def test_whether_a_change_is_permitted(if_match, if_none_match, etag, permitted):
    assert permits_change(if_match, if_none_match, etag) is permitted


def test_a_client_may_write_under_the_tag_it_read_until_the_state_is_another():
    etag = weak_etag(ENTRY)
    assert permits_change(etag, None, etag)
    assert not permits_change(etag, None, weak_etag(Entry("f", Kind.FILE, 13, NOW_S)))

"""What is said about endpoints: what takes the place of what, and how it is written."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.announcing.words import (
    Word,
    check_text,
    of_endpoint,
    parse_duration_s,
    parse_time,
    parse_words,
    render_time,
    render_words,
    with_word,
    without_orders,
)
from ugrpy.core.errors import DataError
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.namespace.model import EndpointId

A, B = EndpointId("a"), EndpointId("b")
NOW = 1_796_054_400.0
DRAIN = Word(A, NoticeKind.DRAINED, "new disks", "alice", NOW)
DISABLE = Word(A, NoticeKind.DISABLED, said_s=NOW, end_s=NOW + 60)
PLANNED = Word(A, NoticeKind.OUTAGE, said_s=NOW, start_s=NOW + 3600, end_s=NOW + 7200)
OF_B = Word(B, NoticeKind.DRAINED, said_s=NOW)


def test_drained_disabled_and_kept_take_each_others_place_and_downtimes_stay():
    words = with_word(with_word(with_word((), DRAIN, NOW), PLANNED, NOW), OF_B, NOW)
    assert words == (DRAIN, PLANNED, OF_B)
    assert with_word(words, DISABLE, NOW) == (PLANNED, OF_B, DISABLE)
    assert with_word((DISABLE,), OF_B, NOW + 60) == (OF_B,), "what is over goes"
    assert list(of_endpoint(words, B)) == [OF_B]


def test_giving_back_ends_what_has_begun():
    words = (DRAIN, PLANNED, OF_B)
    assert without_orders(words, A, NOW) == (PLANNED, OF_B)
    assert without_orders(words, A, NOW + 3600) == (OF_B,)
    assert without_orders(words, A, NOW, planned=True) == (OF_B,)


def test_for_the_breaker_times_are_those_of_its_clock():
    assert PLANNED.as_notice(NOW) == Notice(NoticeKind.OUTAGE, start_s=3600.0, end_s=7200.0)
    assert DRAIN.as_notice(NOW) == Notice(NoticeKind.DRAINED, "new disks", "alice", -inf, inf)


WORDS = st.builds(
    Word,
    st.sampled_from([A, B]),
    st.sampled_from(NoticeKind),
    st.text(),
    st.text(),
    st.integers(0, 2**32).map(float),
    st.none() | st.integers(0, 2**32).map(float),
    st.none() | st.integers(0, 2**32).map(float),
    st.booleans(),
)


@given(st.lists(WORDS).map(tuple))
def test_there_and_back(words):
    assert parse_words(render_words(words)) == words


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"{}",
        b'{"version": 2, "words": []}',
        b'{"version": 1}',
        b'{"version": 1, "words": [1]}',
        b'{"version": 1, "words": [{"endpoint": "a", "kind": "drained"}]}',
        b'{"version": 1, "words": [{"endpoint": "a", "kind": "eaten", "said": "2026-01-01"}]}',
        b'{"version": 1, "words": [{"endpoint": "a", "kind": "drained", "said": "soon"}]}',
    ],
)
def test_nonsense(broken):
    with pytest.raises(DataError):
        parse_words(broken)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), (" 1d ", 86400), ("1w", 604800)],
)
def test_lengths_of_time(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2 h", "-1h", "1.5h", "1y", "9" * 20, "\u0661h"])
def test_no_lengths_of_time(text):
    with pytest.raises(ValueError, match="no length of time"):
        parse_duration_s(text)


def test_moments():
    assert parse_time("2026-12-01") == parse_time("2026-12-01T00:00Z")
    assert parse_time("2026-12-01T01:00+01:00") == parse_time(" 2026-12-01T00:00:00 ")
    assert render_time(parse_time("2026-12-01T06:00Z")) == "2026-12-01T06:00:00Z"
    with pytest.raises(ValueError, match="tomorrow"):
        parse_time("tomorrow")


def test_texts_for_the_log():
    assert check_text("new disks", 9, "it") == "new disks"
    for text, says in (("new disks!", "more than 9"), ("a\x1b[1m", "cannot be printed")):
        with pytest.raises(ValueError, match=says):
            check_text(text, 9, "it")

"""When does what was remembered belong to a generation?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.shared.generations import (
    BUCKETS,
    LONG_AGO_S,
    Bucket,
    bucket_key,
    bucket_of,
    parse_number,
    render_number,
)


@given(st.text())
def test_every_path_has_a_bucket_the_names_that_are_not_utf8_included(path):
    assert 0 <= bucket_of(f"/{path}\udcff") < BUCKETS


def test_buckets_are_the_same_in_every_process():
    assert [bucket_of(path) for path in ("/", "/a", "/ü", "/\udcff")] == [4820, 15196, 9189, 12513]
    assert bucket_key(16383) == "g3fff"


@given(st.integers(0, 2**61))
def test_numbers_are_written_and_read(number):
    assert parse_number(render_number(number)) == number


@pytest.mark.parametrize("value", [None, b"", b"x", b"-1", b" 1", b"1.0", b"9" * 20, b"\xff"])
def test_what_is_no_number_is_none(value):
    assert parse_number(value) is None


def test_a_generation_counts_from_its_first_arrival_and_is_confirmed_from_when_it_was_asked_for():
    bucket = Bucket(7)
    bucket.heard((1, 1), 10.0, 10.5)
    assert (bucket.since_s, bucket.confirmed_s) == (10.5, 10.0)
    bucket.heard((1, 1), 12.0, 12.5)
    assert (bucket.since_s, bucket.confirmed_s) == (10.5, 12.0)
    bucket.heard((1, 2), 14.0, 14.5)
    assert (bucket.generation, bucket.since_s, bucket.confirmed_s) == ((1, 2), 14.5, 14.0)


def test_an_answer_that_was_overtaken_is_no_news():
    bucket = Bucket(7)
    bucket.heard((1, 2), 12.0, 12.5)
    bucket.heard((1, 1), 11.0, 13.0)
    assert (bucket.generation, bucket.since_s, bucket.confirmed_s) == ((1, 2), 12.5, 12.0)


def test_what_is_doubted_is_not_confirmed_and_keeps_its_beginning():
    bucket = Bucket(7)
    bucket.heard((1, 2), 12.0, 12.5)
    bucket.doubt()
    assert bucket.confirmed_s == LONG_AGO_S
    bucket.heard((1, 2), 13.0, 13.5)
    assert (bucket.since_s, bucket.confirmed_s) == (12.5, 13.0)

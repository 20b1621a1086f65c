"""Dates as HTTP and WebDAV write them, and as storages do."""

import pytest

from ugrpy.webdav.dates import parse_date, parse_http_date, render_http_date, render_iso_date

NOVEMBER_S = 784111777  # the example of RFC 9110 section 5.6.7


@pytest.mark.parametrize(
    ("seconds", "http", "iso"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
        (NOVEMBER_S, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        (NOVEMBER_S + 0.999, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        (1709210096, "Thu, 29 Feb 2024 12:34:56 GMT", "2024-02-29T12:34:56Z"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"),
        (-0.5, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"),
        (253402300799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"),
        (10**15, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"),
        (-(10**15), "Mon, 01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z"),
    ],
)
def test_rendered_both_ways(seconds, http, iso):
    assert render_http_date(seconds) == http
    assert render_iso_date(seconds) == iso


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "  sun, 6 nov 1994 08:49:37 gmt ",
        "06 Nov 1994 08:49:37",
        "Mon, 06 Nov 1994 08:49:37 GMT",  # the wrong day of the week
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 06 Nov 1994 05:19:37 -0330",
    ],
)
def test_http_forms_are_read(text):
    assert parse_http_date(text) == NOVEMBER_S
    assert parse_date(text) == NOVEMBER_S


@pytest.mark.parametrize(
    "text",
    [
        "1994-11-06T08:49:37Z",
        "1994-11-06t08:49:37z",
        "1994-11-06T08:49:37.750Z",
        "1994-11-06T09:49:37+01:00",
        "1994-11-06 08:49:37",
        "19941106T084937Z",
    ],
)
def test_iso_forms_are_read_by_parse_date_only(text):
    assert parse_date(text) == NOVEMBER_S
    assert parse_http_date(text) is None


def test_two_digit_years_turn_over_at_70():
    assert parse_date("Thursday, 01-Jan-70 00:00:00 GMT") == 0
    assert parse_date("Tuesday, 01-Jan-69 00:00:00 GMT") == parse_date("2069-01-01")


def test_a_leap_second_is_the_next_minute():
    leap_s = parse_date("Sat, 31 Dec 2016 23:59:60 GMT")
    assert leap_s == parse_date("Sun, 01 Jan 2017 00:00:00 GMT")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Thu, 30 Feb 2024 12:34:56 GMT",
        "Thu, 29 Xxx 2024 12:34:56 GMT",
        "Thu, 29 Feb 2024 24:00:00 GMT",
        "Thu, 29 Feb 2024 12:60:00 GMT",
        "Thu, 29 Feb 2024 12:34:61 GMT",
        "2024-13-01T00:00:00Z",
        "٢٤ Feb 2024 12:34:56 GMT",
        "1" * 100_000,
    ],
)
def test_the_unreadable_is_none(text):
    assert parse_date(text) is None

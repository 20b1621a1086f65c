"""The wish of a busy endpoint, in the forms in which it comes."""

import pytest

from ugrpy.transport.retry_after import parse_retry_after

DATE = "Fri, 31 Dec 1999 23:59:00 GMT"


@pytest.mark.parametrize(
    ("wish", "date", "seconds"),
    [
        ("120", "", 120.0),
        (" 7 ", "", 7.0),
        ("0", DATE, 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", DATE, 59.0),
        ("Friday, 31-Dec-99 23:59:59 GMT", DATE, 59.0),
        ("Fri Dec 31 23:59:59 1999", DATE, 59.0),
        ("Fri, 31 Dec 1999 23:58:00 GMT", DATE, 0.0),  # already past
        ("Fri, 31 Dec 1999 23:59:59 GMT", "", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "yesterday", None),
        ("", DATE, None),
        ("soon", DATE, None),
        ("-5", DATE, None),
        ("1.5", DATE, None),
        ("\u00b2", DATE, None),  # a digit to Python, and not a number
        ("\u0663", DATE, None),
        ("9" * 400, DATE, None),
        ("Fri, 99 Dec 1999 23:59:59 GMT", DATE, None),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", DATE, None),
    ],
)
def test_retry_after(wish, date, seconds):
    headers = {"Retry-After": wish, "Date": date}
    assert parse_retry_after({name: value for name, value in headers.items() if value}) == seconds

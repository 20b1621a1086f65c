"""The weights of list members, and the codings chosen by them (RFC 9110 sections 12.4.2 and 12.5.3)."""

import pytest
from aiohttp.web_response import ContentCoding

from ugrpy.service.coding import content_coding
from ugrpy.service.weights import weights


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("gzip", {"gzip": 1.0}),
        ("Text/HTML;level=1;q=0.7, */*;q=0.1", {"text/html": 0.7, "*/*": 0.1}),
        ("a;q=0.2, a;q=0.9, a;q=0.5", {"a": 0.9}),
        ("a;q=1.000, b;q=0.", {"a": 1.0, "b": 0.0}),
        ("a;q=2, b;q=-1, c;q=0.1234, d;q=", {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0}),
        ("", {"": 1.0}),
    ],
)
def test_members_and_their_weights(header, found):
    assert weights(header) == found


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("x-gzip;q=0.1", ContentCoding.gzip),
        ("deflate, gzip", ContentCoding.gzip),
        ("deflate;q=0.9, gzip;q=0.8", ContentCoding.deflate),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("*;q=0.3, gzip;q=0", ContentCoding.deflate),
    ],
)
def test_the_coding_of_most_weight(accepted, coding):
    assert content_coding(accepted) is coding

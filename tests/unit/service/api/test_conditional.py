"""Tags of bodies, conditions on them, and codings."""

import gzip
import zlib

import pytest
from aiohttp.web_response import ContentCoding

from ugrpy.service.api.conditional import INLINE_BYTES, compressed, has_already, strong_etag


def test_a_tag_is_about_the_bytes_and_their_coding():
    assert strong_etag(b"a") == strong_etag(b"a")
    tags = {strong_etag(body, coding) for body in (b"", b"a") for coding in (None, *ContentCoding)}
    assert len(tags) == 2 * (1 + len(ContentCoding))
    assert all(tag.isascii() and tag[0] == tag[-1] == '"' for tag in tags)
    assert strong_etag(b"a", ContentCoding.gzip).endswith('-gzip"')


@pytest.mark.parametrize(
    ("header", "has"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b","a"', True),
        (' , "b",, W/"a" ,', True),
        ("*", True),
        (" * ", True),
        ("", False),
        ("a", False),
        ('"A"', False),
        ('"ab"', False),
        ('"b,a"', False),
        ('"*"', False),
        ('"', False),
    ],
)
def test_which_conditions_name_the_tag(header, has):
    assert has_already(header, '"a"') is has


@pytest.mark.parametrize("size", [1, INLINE_BYTES, INLINE_BYTES + 1])
@pytest.mark.parametrize(
    ("coding", "unpack"),
    [(ContentCoding.gzip, gzip.decompress), (ContentCoding.deflate, zlib.decompress)],
)
async def test_codings_can_be_undone_and_are_the_same_each_time(size, coding, unpack):
    body = (b"0123456789" * (size // 10 + 1))[:size]
    coded = await compressed(body, coding)
    assert unpack(coded) == body
    assert await compressed(body, coding) == coded
    assert size < 100 or len(coded) < size / 10

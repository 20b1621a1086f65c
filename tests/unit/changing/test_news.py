"""News on its way to another worker."""

import pytest

from ugrpy.changing.ground import News
from ugrpy.changing.news import parse_news, render_news
from ugrpy.core.errors import DataError


@pytest.mark.parametrize(
    ("news", "message"),
    [
        (News(("/a", "/b")), b'[["/a", "/b"], false, true, false]'),
        (News(("/\udcff",), below=True, reload=False), b'[["/\\udcff"], true, false, false]'),
        (News(("/a",), distrust=True), b'[["/a"], false, true, true]'),
        (News(()), b"[[], false, true, false]"),
    ],
)
def test_news_is_written_and_read(news, message):
    assert render_news(news) == message
    assert parse_news(message) == news
    for end in range(len(message)):
        with pytest.raises(DataError):
            parse_news(message[:end])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"7",
        b"{}",
        b"[]",
        b'["/a", false, true, false]',
        b'[["/a"], 0, 1, 2]',
        b'[["/a"], true, true]',
        b"[[1], true, true, true]",
        b"\xff",
    ],
)
def test_what_is_no_news_is_refused(message):
    with pytest.raises(DataError, match="a message between workers"):
        parse_news(message)

"""How is news of changed names written for another worker? As JSON in ASCII, since paths may hold bytes that are not UTF-8."""

import json

from ugrpy.changing.ground import News
from ugrpy.core.errors import DataError


def render_news(news: News) -> bytes:
    """The bytes of a message."""
    return json.dumps([list(news.paths), news.below, news.reload, news.distrust]).encode()


def parse_news(message: bytes) -> News:
    """Raises ``DataError`` for what ``render_news`` did not write."""
    try:
        paths, *flags = json.loads(message)
        below, reload, distrust = flags
    except (TypeError, ValueError) as error:
        raise DataError("a message between workers cannot be read") from error
    listed = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
    if not (listed and all(isinstance(flag, bool) for flag in flags)):
        raise DataError("a message between workers is no news")
    return News(tuple(paths), below, reload, distrust)

"""How does an element misbehave? What it answers instead of the truth, and when it is away.

``hang``             accepts connections and requests and never answers
``wrong_length``     by turns, as names fall: a file is told one byte too long; an answer is announced longer than it is, or shorter
``not_found``        404 for every file, those that it has included
``other_directory``  PROPFIND answers about another collection, whatever it was asked about
``flapping``         well for ``UP_S``, then away for ``DOWN_S``: refusing connections the first time, silent the second, and so on
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from itertools import cycle
from zlib import crc32


class Habit(StrEnum):
    """One way to behave."""

    WELL = "well"
    HANG = "hang"
    WRONG_LENGTH = "wrong_length"
    NOT_FOUND = "not_found"
    OTHER_DIRECTORY = "other_directory"
    FLAPPING = "flapping"


UP_S = DOWN_S = 2.0
# By how much an announced length is off: longer than the end of a multistatus, so that what is left out is missed.
OFF_BYTES = 50
_SIZE = re.compile(rb"<D:getcontentlength>(\d+)<")
_LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")
_ELSEWHERE = (
    b"<D:response><D:href>/elsewhere/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/>"
    b"</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)


def elsewhere(head: bytes, tail: bytes) -> bytes:
    """The body that speaks of another collection."""
    return head + _ELSEWHERE + tail


def with_wrong_length(answer: bytes, path: str) -> bytes:
    """The answer with a wrong length of one kind or another; the same for a path each time."""
    match crc32(path.encode()) % 3:
        case 0 if _SIZE.search(answer) is not None:
            told = _SIZE.sub(lambda found: b"<D:getcontentlength>%d<" % (int(found[1]) + 1), answer)
            return _announced(told, len(told.partition(b"\r\n\r\n")[2]))
        case 1:
            return _announced(answer, _length(answer) + OFF_BYTES)
        case _:
            return _announced(answer, max(0, _length(answer) - OFF_BYTES))


def _length(answer: bytes) -> int:
    found = _LENGTH.search(answer)
    assert found is not None
    return int(found[1])


def _announced(answer: bytes, length: int) -> bytes:
    return _LENGTH.sub(b"Content-Length: %d\r\n" % length, answer, count=1)


async def flap(
    leave: Callable[[], Awaitable[None]],
    come_back: Callable[[], Awaitable[None]],
    be_silent: Callable[[bool], None],
) -> None:
    """Go and come for ever; the next time is counted from the last, however long going takes."""
    ways: Iterator[bool] = cycle((True, False))
    for refuses in ways:
        await asyncio.sleep(UP_S)
        if refuses:
            await leave()
        else:
            be_silent(True)
        await asyncio.sleep(DOWN_S)
        if refuses:
            await come_back()
        else:
            be_silent(False)

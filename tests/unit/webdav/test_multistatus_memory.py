"""What a reader holds of a document that is given up is freed at once, not when the collector happens to come."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from ugrpy.core.errors import DataError
from ugrpy.webdav.multistatus import RESPONSE_LIMIT_BYTES, MultistatusReader

HEAD = b'<D:multistatus xmlns:D="DAV:"><D:response><D:href>/f</D:href><a>'
PIECE = b"x" * 65536
ROUNDS = 40
PAGE_BYTES = 4096


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def until_refused() -> MultistatusReader:
    """A reader that has had enough."""
    reader = MultistatusReader()
    reader.feed(HEAD)
    with pytest.raises(DataError, match="without a complete response"):  # noqa: PT012 - some piece
        while True:
            reader.feed(PIECE)
    reader.abandon()
    return reader


def halfway() -> MultistatusReader:
    """A reader whose document is given up by whoever reads, before it is refused."""
    reader = MultistatusReader()
    reader.feed(HEAD)
    for _ in range(RESPONSE_LIMIT_BYTES // len(PIECE) - 1):
        reader.feed(PIECE)
    reader.abandon()
    return reader


@pytest.mark.parametrize("give_up", [until_refused, halfway])
def test_megabytes_do_not_pile_up(give_up):
    for _ in range(5):
        give_up()
    before = resident_bytes()
    for _ in range(ROUNDS):
        give_up()
    assert resident_bytes() - before < ROUNDS * RESPONSE_LIMIT_BYTES / 4


def test_an_error_does_not_keep_its_reader():
    reader = until_refused()
    with pytest.raises(DataError):
        reader.feed(PIECE)
    with pytest.raises(DataError):
        reader.close()
    gone = weakref.ref(reader)
    del reader
    assert gone() is None


def test_abandoning_is_harmless_at_any_time():
    for reader in (MultistatusReader(), until_refused(), halfway()):
        reader.abandon()
        reader.abandon()
    whole = MultistatusReader()
    whole.feed(b'<D:multistatus xmlns:D="DAV:"/>')
    whole.close()
    whole.abandon()

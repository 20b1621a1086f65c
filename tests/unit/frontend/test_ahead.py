"""A page to clients that read fast, slowly, or not at all: all of it in order, and made long before it is read."""

from collections.abc import Iterator

import pytest
from aiohttp import HttpVersion10, HttpVersion11
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tests.unit.frontend.test_answers import an_exchange
from ugrpy.frontend.ahead import BEHIND_BYTES, _Kept, send_ahead

PIECES = [f"piece {number} ".encode() * 3000 for number in range(20)]


async def sent(buffers: list[int], version=HttpVersion11) -> tuple[list[bytes], int]:
    """What was written, and how many pieces of it before all was rendered, to a client whose buffer is looked at so often."""
    exchange, written = an_exchange(version=version)
    exchange.request.transport.get_write_buffer_size = lambda: buffers.pop(0) if buffers else 0
    before: list[int] = []

    async def rendered() -> None:
        before.append(len(written.pieces))

    response = await send_ahead(exchange, 200, CIMultiDict(), PIECES, rendered)
    assert written.ended
    assert written.chunked is (version is HttpVersion11)
    assert response.keep_alive is not (version is HttpVersion10)
    (count,) = before
    return written.pieces, count


@pytest.mark.parametrize("version", [HttpVersion11, HttpVersion10])
async def test_a_fast_client_gets_each_piece_as_it_is_made(version):
    assert await sent([], version) == (PIECES, len(PIECES))


async def test_a_client_that_does_not_read_gets_the_same_after_all_is_made():
    assert await sent([BEHIND_BYTES + 1] * len(PIECES)) == (PIECES, 0)


async def test_a_client_that_reads_now_and_then_gets_what_it_takes():
    full, empty = BEHIND_BYTES + 1, 0
    pieces, before = await sent([full, empty, empty, full, *[full] * 17])
    assert pieces == PIECES
    assert before == 2


async def test_a_page_that_cannot_be_made_is_broken_off():
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    async def rendered() -> None:
        raise AssertionError("it was not")

    exchange, written = an_exchange()
    exchange.request.transport.get_write_buffer_size = lambda: 0
    with pytest.raises(ZeroDivisionError):
        await send_ahead(exchange, 200, CIMultiDict(), broken(), rendered)
    assert not written.ended


@given(st.lists(st.one_of(st.binary(min_size=1), st.none())))
def test_what_is_kept_comes_back_in_order(steps):
    """A piece is put; ``None`` takes one."""
    kept, put, taken = _Kept(), [], []
    for piece in steps:
        if piece is not None:
            kept.put(piece)
            put.append(piece)
        elif kept:
            taken.append(kept.take())
    while kept:
        taken.append(kept.take())
    assert taken == put

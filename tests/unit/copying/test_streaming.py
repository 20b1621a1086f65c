"""What passes through, and how it is checked."""

import asyncio
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.unit.federation.world import virtual
from ugrpy.copying.reaching import Content
from ugrpy.copying.relaying import Moved
from ugrpy.copying.streaming import HOLD_S, Corrupt, Streaming
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import (
    BodyBroken,
    Forbidden,
    NotFound,
    RequestError,
    Unavailable,
    Unreachable,
)
from ugrpy.namespace.model import Digest

DATA = (b"one", b"two", b"three")
WHOLE = b"".join(DATA)


def adler32(data: bytes = WHOLE) -> Digest:
    return Digest("adler32", f"{zlib.adler32(data):08x}")


class Source:
    """Sends ``pieces``, then perhaps raises; tells ``own`` checksums after ``after_s``."""

    def __init__(
        self,
        *pieces: bytes,
        then: Exception | None = None,
        size_bytes: int | None = None,
        own: tuple[Digest, ...] = (),
        after_s: float = 0.0,
        unasked: tuple[Digest, ...] = (),
        refuses: RequestError | None = None,
    ) -> None:
        self.sent, self.then, self.size_bytes = pieces, then, size_bytes
        self.own, self.after_s, self.unasked, self.refuses = own, after_s, unasked, refuses
        self.asked: list[tuple[str, ...]] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Content]:
        if self.refuses is not None:
            raise self.refuses
        yield Content(self._pieces(), self.size_bytes, self.unasked)

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in self.sent:
            await asyncio.sleep(0.01)
            yield piece
        if self.then is not None:
            raise self.then

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        self.asked.append(tuple(algorithms))
        await asyncio.sleep(self.after_s)
        return self.own


class Destination:
    """Takes all, or raises ``refusal`` after ``takes`` pieces; remembers what it has got and how it was ended."""

    def __init__(
        self,
        *,
        refusal: Exception | None = None,
        takes: int = 99,
        own: tuple[Digest, ...] = (),
    ) -> None:
        self.refusal, self.takes, self.own = refusal, takes, own
        self.got = b""
        self.whole = False
        self.size_bytes: int | None = -1
        self.ended: list[object] = []

    async def write(self, body: AsyncIterable[bytes], size_bytes: int | None) -> None:
        self.size_bytes = size_bytes
        left = self.takes
        async for piece in body:
            if not left and self.refusal is not None:
                raise self.refusal
            left -= 1
            self.got += piece
        self.whole = True

    async def digests(self, algorithms: Sequence[str]) -> tuple[Digest, ...]:
        return self.own

    async def arrived(self, size_bytes: int, digests: tuple[Digest, ...]) -> None:
        self.ended.append((size_bytes, digests))

    async def broke_off(self, *, begun: bool) -> None:
        self.ended.append("begun" if begun else "never begun")


@virtual
async def test_all_bytes_arrive_and_are_counted_and_summed():
    source, there, moved = Source(*DATA, size_bytes=len(WHOLE)), Destination(), Moved()
    await Streaming(source, there, None)(moved)
    assert (there.got, there.size_bytes, there.whole) == (WHOLE, len(WHOLE), True)
    assert moved.transferred_bytes == len(WHOLE)
    assert there.ended == [(len(WHOLE), (adler32(),))]


@virtual
async def test_a_source_that_breaks_off_is_blamed_and_nothing_is_whole():
    lost = Unreachable("GET: the connection was lost")
    there = Destination()
    with pytest.raises(Unavailable, match="the source: GET: the connection was lost"):
        await Streaming(Source(*DATA, then=lost), there, None)(Moved())
    assert (there.whole, there.ended) == (False, ["begun"])


@virtual
async def test_a_source_that_ends_early_in_good_order_is_found_out():
    there = Destination()
    with pytest.raises(Unavailable, match="less than it had announced"):
        await Streaming(Source(*DATA, size_bytes=100), there, None)(Moved())
    assert (there.whole, there.ended) == (False, ["begun"])


@virtual
async def test_a_destination_that_refuses_is_heard():
    there = Destination(refusal=Forbidden("the destination refuses access (403)"), takes=1)
    with pytest.raises(Forbidden, match="destination"):
        await Streaming(Source(*DATA), there, None)(Moved())
    assert there.ended == ["begun"]


@virtual
async def test_a_broken_body_that_is_not_the_sources_fault_is_the_destinations():
    there = Destination(refusal=BodyBroken("PUT: the body broke off"), takes=0)
    with pytest.raises(Unavailable, match="the destination: PUT: the body broke off"):
        await Streaming(Source(*DATA), there, None)(Moved())


@virtual
async def test_a_source_that_cannot_be_opened_leaves_an_upload_that_was_never_begun():
    there = Destination()
    with pytest.raises(NotFound):
        await Streaming(Source(refuses=NotFound("no")), there, None)(Moved())
    assert there.ended == ["never begun"]


@virtual
async def test_a_client_that_leaves_ends_both_ends():
    there = Destination()
    task = spawn(Streaming(Source(*DATA * 1000), there, None)(Moved()), name="copy")
    await asyncio.sleep(0.1)
    await cancel_and_wait(task)
    assert task.cancelled()
    assert there.ended == ["begun"]


@virtual
async def test_a_wrong_checksum_of_the_source_keeps_the_end_back():
    wrong = adler32(b"other")
    there = Destination()
    with pytest.raises(Corrupt, match="the source's adler32"):
        await Streaming(Source(*DATA, own=(wrong,)), there, None)(Moved())
    assert (there.whole, there.ended) == (False, ["begun"])


@virtual
async def test_a_wrong_checksum_that_comes_late_is_heard_all_the_same():
    there = Destination()
    late = Source(*DATA, own=(adler32(b"other"),), after_s=HOLD_S + 5)
    with pytest.raises(Corrupt):
        await Streaming(late, there, None)(Moved())
    assert (there.whole, there.ended) == (True, ["begun"])


@virtual
async def test_a_wrong_checksum_of_the_destination():
    there = Destination(own=(adler32(b"other"),))
    with pytest.raises(Corrupt, match="the destination's adler32"):
        await Streaming(Source(*DATA, own=(adler32(),)), there, None)(Moved())
    assert there.ended == ["begun"]


@virtual
async def test_what_only_one_side_tells_is_no_reason_to_fail():
    there = Destination()
    await Streaming(Source(*DATA, own=(adler32(),)), there, None)(Moved())
    assert there.whole
    there = Destination(own=(adler32(),))
    await Streaming(Source(*DATA), there, None)(Moved())
    assert there.whole


@virtual
async def test_a_client_that_requires_a_comparison_gets_one_or_a_failure():
    there = Destination()
    with pytest.raises(Corrupt, match="tells no checksum"):
        await Streaming(Source(*DATA), there, True)(Moved())
    assert there.ended == ["begun"]
    await Streaming(Source(*DATA, own=(adler32(),)), Destination(), True)(Moved())


@virtual
async def test_a_client_that_wants_none_has_none():
    source = Source(*DATA, own=(adler32(b"other"),))
    there = Destination(own=(adler32(b"another"),))
    await Streaming(source, there, False)(Moved())
    assert source.asked == []
    assert there.ended == [(len(WHOLE), ())]


@virtual
async def test_what_the_source_tells_unasked_is_computed_and_compared():
    md5 = Digest("md5", "0" * 32)
    there = Destination()
    source = Source(*DATA, unasked=(md5,))
    with pytest.raises(Corrupt, match="the source's md5"):
        await Streaming(source, there, None)(Moved())
    assert source.asked == [("md5", "adler32")]

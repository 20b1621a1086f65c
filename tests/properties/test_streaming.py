"""The law of reading through the gateway: whatever storages do, the client gets exactly the bytes of one version, or an error.

Three replicas answer openings by a script that Hypothesis draws: cut after some bytes, short, silent, refusing, of another version, or without
knowing ranges.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.federation.world import VICTORIA_CLIENT, world
from ugrpy.core.errors import RequestError, Unreachable
from ugrpy.endpoints.base import Opened
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import EndpointId
from ugrpy.streaming.source import Reading, Source, Stale
from ugrpy.testing import ScriptedEndpoint, run_virtual
from ugrpy.webdav.dates import render_http_date
from ugrpy.webdav.ranges import Span, parse_range

SIZE_BYTES = 200
RIGHT = bytes(range(SIZE_BYTES))
OTHER = bytes(reversed(RIGHT))
MTIME_S = 1_700_000_000
IDLE_S = 5.0
NAMES = ("uvic", "triumf", "cern")


@dataclass(frozen=True)
class Habit:
    """What one opening meets: ``after`` bytes it is ``cut``, ends ``short`` or goes ``silent``; or it is not opened at all."""

    how: str
    after: int
    piece: int


HOW = (
    *("well", "well", "cut", "short", "silent", "mute", "refused", "gone", "rangeless"),
    *("tagged", "newer", "longer", "misplaced"),
)
habits = st.builds(Habit, st.sampled_from(HOW), st.integers(0, SIZE_BYTES), st.integers(1, 64))


class Unsteady(ScriptedEndpoint):
    """A storage whose openings follow a script; after its end they go well."""

    def __init__(self, name: str, script: list[Habit]) -> None:
        super().__init__(name)
        self.add_file("/f", SIZE_BYTES, MTIME_S)
        self.openings: Iterator[Habit] = iter(script)

    @asynccontextmanager
    async def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AsyncIterator[Opened]:
        habit = next(self.openings, Habit("well", 0, 64))
        if habit.how == "mute":
            await asyncio.Event().wait()
        if habit.how in ("refused", "gone"):
            yield Opened(403 if habit.how == "refused" else 404, {}, _pieces(b"", habit))
            return
        # whatever tells of another version has its bytes
        content = OTHER if habit.how in ("newer", "longer", "tagged") else RIGHT
        mtime_s = MTIME_S + (habit.how == "newer")
        told = {"Last-Modified": render_http_date(mtime_s)}
        asked = headers.get("Range") if habit.how != "rangeless" else None
        (span,) = parse_range(asked, SIZE_BYTES) or (Span(0, SIZE_BYTES),)
        total = SIZE_BYTES + (habit.how in ("longer", "tagged"))
        if asked is None:
            told["Content-Length"] = str(total)
            yield Opened(200, told, _pieces(content, habit))
            return
        shown = Span(span.first + 1, span.end) if habit.how == "misplaced" else span
        told["Content-Range"] = shown.as_content_range(total)
        yield Opened(206, told, _pieces(content[span.first : span.end], habit))


async def _pieces(data: bytes, habit: Habit) -> AsyncIterator[bytes]:
    breaks = habit.how in ("cut", "short", "silent")
    sent = data[: habit.after] if breaks else data
    for at in range(0, len(sent), habit.piece):
        yield sent[at : at + habit.piece]
    if habit.how == "cut":
        raise Unreachable("the connection was lost")
    if habit.how == "silent":
        async with asyncio.timeout(IDLE_S):  # as every endpoint does
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise Unreachable("nothing more") from None


@given(
    st.lists(st.lists(habits, max_size=4), min_size=3, max_size=3),
    st.integers(0, SIZE_BYTES - 1),
    st.integers(1, SIZE_BYTES),
)
def test_exactly_these_bytes_or_an_error(scripts, first, length):
    span = Span(first, min(SIZE_BYTES, first + length))

    async def story() -> None:
        endpoints = [Unsteady(name, script) for name, script in zip(NAMES, scripts, strict=True)]
        made = world(*endpoints)
        zone = made.zone(VICTORIA_CLIENT)
        known = await made.federation.locate("/f", Want.ALL, zone)
        moved: dict[EndpointId, int] = {}

        def count(name: EndpointId, size_bytes: int) -> None:
            moved[name] = moved.get(name, 0) + size_bytes

        order = made.federation.order(known, zone)
        source = Source(made.federation, known, Reading(order, zone, IDLE_S, count))
        got, error = b"", None
        try:
            async with aclosing(source.pieces(span)) as pieces:
                async for piece in pieces:
                    got += piece
        except (RequestError, Stale) as raised:
            error = raised
        if error is None:
            assert got == RIGHT[span.first : span.end]
        else:  # broken off: a beginning of it, and every storage has failed
            assert RIGHT[span.first : span.end].startswith(got)
            assert not (got and isinstance(error, Stale))
            assert all(scripts)
        assert sum(moved.values()) == len(got)

    run_virtual(story())

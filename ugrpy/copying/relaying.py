"""How does a client hear of a copy that goes on here?

The head of the answer waits until the first bytes have moved, or a marker is due: what fails before is an ordinary error. From then on
there are markers at least every five seconds (row D87) and a last line that says how it ended. Whoever stops reading stops the copy.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from ugrpy.core.aio import cancel_and_wait, first_of, spawn
from ugrpy.core.clock import Clock
from ugrpy.core.errors import RequestError
from ugrpy.webdav.markers import INTERVAL_S, Ended, Progress, render_end, render_marker

log = structlog.get_logger("ugrpy.copies")

_INTERNAL = Ended(False, "this gateway made a mistake")


@dataclass(slots=True)
class Moved:
    """How far a copy is. ``begun`` is set with the first byte."""

    transferred_bytes: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, size_bytes: int) -> None:
        """So many more have been handed on."""
        self.at(self.transferred_bytes + size_bytes)

    def at(self, transferred_bytes: int) -> None:
        """So many have been handed on in all."""
        self.transferred_bytes = transferred_bytes
        if transferred_bytes:
            self.begun.set()


@dataclass(frozen=True, slots=True)
class Transfer:
    """A copy that goes on while ``work`` runs, and has succeeded when that returns; it raises ``RequestError``.

    ``ended`` is told how it ended ("done", "failed", "left"), and how many bytes have moved.
    """

    name: str
    work: Callable[[Moved], Coroutine[Any, Any, None]]
    ended: Callable[[str, int], None]
    clock: Clock
    interval_s: float = INTERVAL_S


async def told(transfer: Transfer) -> AsyncGenerator[bytes, None]:
    """The answer's text. Raises ``RequestError`` before the first piece only. It must be closed."""
    moved = Moved()
    task = spawn(transfer.work(moved), name=transfer.name, on_error=_is_told)
    outcome = "left"
    try:
        await _begun(task, moved, transfer.interval_s)
        if task.done() and not moved.begun.is_set() and task.exception() is not None:
            outcome = "failed"
            task.result()
        while not task.done():
            yield _marker(transfer, moved)
            await asyncio.wait({task}, timeout=transfer.interval_s)
        ended = _ended(task)
        outcome = "done" if ended.succeeded else "failed"
        yield _marker(transfer, moved)
        yield render_end(ended)
    finally:
        await cancel_and_wait(task)
        transfer.ended(outcome, moved.transferred_bytes)


async def _begun(task: asyncio.Task[None], moved: Moved, within_s: float) -> None:
    """Wait for the end, the first byte, or the time of the first marker."""
    first = spawn(moved.begun.wait(), name="first byte")
    try:
        async with asyncio.timeout(within_s):
            await first_of(task, first)
    except TimeoutError:
        pass
    finally:
        await cancel_and_wait(first)


def _marker(transfer: Transfer, moved: Moved) -> bytes:
    return render_marker(Progress(moved.transferred_bytes, int(transfer.clock.wall())))


def _ended(task: asyncio.Task[None]) -> Ended:
    if task.cancelled():
        return Ended(False, "the copy was stopped")
    match task.exception():
        case None:
            return Ended(True)
        case RequestError() as error:
            return Ended(False, str(error))
        case error:
            log.error("copy failed", task=task.get_name(), exc_info=error)
            return _INTERNAL


def _is_told(_error: BaseException) -> None:
    """The client hears of it, or has left."""

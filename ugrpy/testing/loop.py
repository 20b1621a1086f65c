"""How does a test wait an hour in a millisecond? An event loop whose time jumps to the next thing scheduled.

Plain asyncio only: uvloop keeps its time in C. No threads, no executor, no name resolution and no real sockets under
it: time would jump over them while they work. When nothing is ready and nothing is scheduled, a wake-up was lost,
and the loop raises ``Deadlock`` instead of hanging.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from ugrpy.testing.clock import WALL_START_S

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Everybody waits and nobody will come."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the time on by as long as it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Deadlock("nothing is ready and nothing is scheduled: a wake-up was lost")
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at second 0; use as ``asyncio.Runner(loop_factory=VirtualLoop)`` or through ``run_virtual``."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now_s


class LoopClock:
    """A ``Clock`` that reads the running loop: in a ``VirtualLoop``, virtual time."""

    def monotonic(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """The loop's time, counted from a fixed date."""
        return WALL_START_S + self.monotonic()


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time; like ``asyncio.run``, and as little nestable."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)

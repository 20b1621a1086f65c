"""The one owner of tasks: named, referenced, and heard when they fail."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# The event loop keeps only weak references to tasks (documentation of asyncio.create_task).
_alive: set[asyncio.Task[Any]] = set()


def spawn(
    work: Coroutine[Any, Any, T],
    *,
    name: str,
    on_error: Callable[[BaseException], None] | None = None,
) -> asyncio.Task[T]:
    """Start ``work`` as a named task and keep it alive until it ends.

    An exception nobody else fetches goes to ``on_error``; without one, to the loop's exception handler,
    so it is logged at once instead of when the garbage collector happens to run. Cancellation is quiet.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    _alive.add(task)

    def finished(done: asyncio.Task[T]) -> None:
        _alive.discard(done)
        if done.cancelled() or (error := done.exception()) is None:
            return
        if on_error is not None:
            on_error(error)
            return
        done.get_loop().call_exception_handler(
            {"message": f"task {name!r} failed", "exception": error, "task": done}
        )

    task.add_done_callback(finished)
    return task


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and return when all have ended, whatever they ended with."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def next_turn() -> None:
    """Let everybody else who is ready have a turn."""
    await asyncio.sleep(0)


async def first_of(*futures: asyncio.Future[Any]) -> None:
    """Return when one of them is done; none is cancelled, not even when the caller is."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)

"""How is a tour run: its steps one after the other, to the end, and what does its end mean for the shell?"""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.text import Text

from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import UgrError
from ugrpy.service.tour.outcome import Check, Outcome, Quote, S, Step
from ugrpy.service.tour.report import Done, render_step, render_summary

CANNOT_START = 2
INTERRUPTED = 130


def guarded(program: str, console: Console, run: Callable[[], int]) -> int:
    """The exit code of a demo: what ``run`` returns, 2 when it could not start (``UgrError``), 130 after Ctrl-C."""
    try:
        with _ends_as_exception():
            return run()
    except UgrError as error:
        console.print(Text.assemble((f"{program} demo: ", "bold red"), str(error)))
        if error.hint:
            console.print(Text(f"hint: {error.hint}"))
        return CANNOT_START
    except KeyboardInterrupt:
        console.print(Text("interrupted; everything is stopped"))
        return INTERRUPTED


def check_modules(
    names: tuple[str, ...], extras: str, available: Callable[[str], object] = find_spec
) -> None:
    """Raise ``UgrError`` naming what is missing of the extras."""
    missing = [name for name in names if not available(name)]
    if missing:
        raise UgrError(
            f"the tour needs {', '.join(missing)}", hint=f"python -m pip install 'ugrpy[{extras}]'"
        )


def run_steps(console: Console, steps: tuple[Step[S], ...], scene: S) -> list[Done]:
    """Run and show every step, also after one has failed, and the summary at the end."""
    clock = SystemClock()
    done = []
    for number, step in enumerate(steps, start=1):
        began = clock.monotonic()
        with console.status(Text(step.title)):
            outcome = attempt(step, scene)
        done.append(Done(step.title, outcome, clock.monotonic() - began))
        console.print(render_step(number, len(steps), done[-1]))
    console.print(render_summary(done, len(steps)))
    return done


def attempt(step: Step[S], scene: S) -> Outcome:
    """The outcome of a step; one that raises has failed, and says with what."""
    try:
        return step.run(scene)
    except Exception as error:  # noqa: BLE001 - the servers may answer anything, and that is for the viewer to see
        what = f"{type(error).__name__}: {error}"
        return Outcome(
            "This step could not be finished.",
            Quote(step.title, what),
            (Check("the step ran to its end", False, what),),
        )


@contextmanager
def folder_for(program: str, keep: Path | None) -> Iterator[Path]:
    """A folder to work in: a temporary one that is removed, or ``keep``, which must be empty or new and stays.

    Raises ``UgrError`` when ``keep`` cannot be used.
    """
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix=f"{program}-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        occupied = any(keep.iterdir())
    except OSError as error:
        raise UgrError(f"cannot use {keep}: {error.strerror}") from error
    if occupied:
        raise UgrError(f"{keep} is not empty", hint="name a folder that is empty or does not exist")
    yield keep.resolve()


@contextmanager
def _ends_as_exception() -> Iterator[None]:
    """Let SIGTERM and a closed terminal unwind the stack as Ctrl-C does, so that the servers are stopped."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

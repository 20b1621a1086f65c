"""The way in: is everything there that the tour needs, and what does its end mean for the shell?

Only the standard library, rich and our errors are imported at the top, so that a missing extra is a sentence and not a
traceback.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from rich.text import Text

from ugrpy.core.errors import UgrError
from ugrpy.demo.report import make_console

NEEDED = ("cheroot", "mmdb_writer", "numpy", "uproot", "wsgidav")
"""Modules that only the extra ``demo`` brings."""
CANNOT_START = 2
INTERRUPTED = 130


def run_demo(
    *, once: bool, keep: Path | None = None, on_laid: Callable[[Path], None] | None = None
) -> int:
    """Run the tour and return the exit code of ``ugrpy demo``.

    0 when every claim held, 1 when one did not, 2 when the servers could not be started, 130 after Ctrl-C during the
    tour. With ``once`` it ends after the tour, without it stays up until Ctrl-C. ``keep`` is a folder to work in, empty
    or new, that is left behind. ``on_laid`` may change the storage elements' folders before they are served.
    """
    console = make_console()
    try:
        check_extras()
        # the extras are known to be there only now
        from ugrpy.demo.guide import conduct  # noqa: PLC0415

        with _ends_as_exception():
            return conduct(console, once=once, keep=keep, on_laid=on_laid)
    except UgrError as error:
        console.print(Text.assemble(("ugrpy demo: ", "bold red"), str(error)))
        if error.hint:
            console.print(Text(f"hint: {error.hint}"))
        return CANNOT_START
    except KeyboardInterrupt:
        console.print(Text("interrupted; everything is stopped"))
        return INTERRUPTED


def check_extras(available: Callable[[str], object] = find_spec) -> None:
    """Raise ``UgrError`` naming what is missing of the extra ``demo``."""
    missing = [name for name in NEEDED if not available(name)]
    if missing:
        raise UgrError(
            f"the tour needs {', '.join(missing)}", hint="python -m pip install 'ugrpy[demo]'"
        )


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

"""The way in: is everything there that the tour needs?

Only the standard library, rich and our errors are imported at the top, so that a missing extra is a sentence and not a
traceback.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ugrpy.service.tour.conducting import check_modules, guarded
from ugrpy.service.tour.report import make_console

NEEDED = ("cheroot", "mmdb_writer", "numpy", "uproot", "wsgidav")
"""Modules that only the extra ``demo`` brings."""


def run_demo(
    *, once: bool, keep: Path | None = None, on_laid: Callable[[Path], None] | None = None
) -> int:
    """Run the tour and return the exit code of ``ugrpy demo``.

    0 when every claim held, 1 when one did not, 2 when the servers could not be started, 130 after Ctrl-C during the
    tour. With ``once`` it ends after the tour, without it stays up until Ctrl-C. ``keep`` is a folder to work in, empty
    or new, that is left behind. ``on_laid`` may change the storage elements' folders before they are served.
    """
    console = make_console()

    def run() -> int:
        check_extras()
        # the extras are known to be there only now
        from ugrpy.demo.guide import conduct  # noqa: PLC0415

        return conduct(console, once=once, keep=keep, on_laid=on_laid)

    return guarded("ugrpy", console, run)


def check_extras(available: Callable[[str], object] = find_spec) -> None:
    """Raise ``UgrError`` naming what is missing of the extra ``demo``."""
    check_modules(NEEDED, "demo", available)

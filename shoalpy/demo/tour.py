"""The way in: is everything there that the squid tour needs?

Only the standard library, rich and our errors are imported at the top, so that a missing extra is a sentence and not a traceback.
"""

from collections.abc import Callable
from pathlib import Path

from ugrpy.service.tour.conducting import check_modules, guarded
from ugrpy.service.tour.report import make_console

NEEDED = ("http_message_signatures", "mmdb_writer", "pypac")
"""Modules that only the extras ``demo`` and ``shoal`` bring."""


def run_demo(
    *,
    once: bool,
    keep: Path | None = None,
    ours: bool = False,
    on_laid: Callable[[Path], None] | None = None,
) -> int:
    """Run the tour and return the exit code of ``shoalpy demo``.

    0 when every claim held, 1 when one did not, 2 when the servers could not be started, 130 after Ctrl-C during the tour. With
    ``once`` it ends after the tour, without it stays up until Ctrl-C. ``keep`` is a folder to work in, empty or new, that is left
    behind. ``ours``: no squid, even if there is one. ``on_laid`` may change the caches' folders before they start.
    """
    console = make_console()

    def run() -> int:
        check_modules(NEEDED, "demo,shoal")
        # the extras are known to be there only now
        from shoalpy.demo.guide import conduct  # noqa: PLC0415

        return conduct(console, once=once, keep=keep, ours=ours, on_laid=on_laid)

    return guarded("shoalpy", console, run)

"""The squid tour: everything started, the steps, and what to try afterwards."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from shoalpy.demo.agents import INACTIVE_S
from shoalpy.demo.caches import find_program
from shoalpy.demo.origin import FILE
from shoalpy.demo.sites import GENEVA, TOKYO
from shoalpy.demo.stage import Stage, raised
from shoalpy.demo.steps import STEPS
from ugrpy.service.tour.conducting import folder_for, run_steps
from ugrpy.service.tour.report import show_hints, verdict


def conduct(
    console: Console,
    *,
    once: bool,
    keep: Path | None = None,
    ours: bool = False,
    on_laid: Callable[[Path], None] | None = None,
) -> int:
    """Start everything, run the steps, stay up if wanted; 0 when every claim held, else 1.

    Raises ``UgrError`` when the servers cannot be started and ``KeyboardInterrupt`` for Ctrl-C during the tour; everything is
    stopped in every case.
    """
    with (
        folder_for("shoalpy", keep) as folder,
        console.status("starting") as status,
        raised(
            folder, find_program(ours=ours), lambda what: status.update(Text(what)), on_laid
        ) as stage,
    ):
        status.stop()
        done = run_steps(console, STEPS, stage)
        if not once:
            stay(console, stage)
    return 0 if verdict(done, len(STEPS)) else 1


def stay(console: Console, stage: Stage) -> None:
    """Show what to try, and return after Ctrl-C or when the server has ended by itself."""
    show_hints(console, "Everything stays up until Ctrl-C", hints(stage))
    with suppress(KeyboardInterrupt):
        while stage.server.running:
            time.sleep(0.5)
        console.print(Text(f"the server has ended; see {stage.server.log}", style="bold red"))


def hints(stage: Stage) -> str:
    """Commands that work as they are printed."""
    url, cache = stage.server_url, stage.caches[TOKYO.name]
    lines = [
        "In a browser: the table and the map",
        f"  {url}/",
        "",
        "Which cache for a VM in Tokyo? And for somebody in Geneva?",
        f"  curl -s --interface {TOKYO.vm_address} {url}/nearest/1",
        f"  curl -s '{url}/nearest/1?ip={GENEVA.vm_address}'",
        f"  curl -s --interface {GENEVA.vm_address} {url}/wpad.dat",
        "",
        "Through the cache in Tokyo",
        f"  curl -s -x http://{cache.address}:{cache.port} {stage.origin_url}{FILE} | wc -c",
        "",
        f"Tokyo's cache dies: who is told of it {INACTIVE_S:.0f} s later?",
        f"  kill -9 {cache.pid}",
        "",
        f"Configuration and logs: {stage.folder}",
    ]
    return "\n".join(lines)

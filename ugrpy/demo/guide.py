"""The tour itself: the steps in order, the verdict, and what to try afterwards."""

import shlex
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ugrpy.core.urls import encode_path
from ugrpy.demo import failing, looking, reading, sending
from ugrpy.demo.data import EVERYWHERE, ODD
from ugrpy.demo.scene import Scene
from ugrpy.demo.sites import GENEVA, TOKYO
from ugrpy.demo.stage import Stage, raised
from ugrpy.service.tour.conducting import folder_for, run_steps
from ugrpy.service.tour.outcome import Step
from ugrpy.service.tour.processes import python_module
from ugrpy.service.tour.report import show_hints, verdict

STEPS: tuple[Step[Scene], ...] = (
    Step("Three storage elements and a gateway", looking.meet_everybody),
    Step("Who holds what", looking.who_holds_what),
    Step("One namespace", looking.one_namespace),
    Step("The nearest replica", sending.nearest_replica),
    Step("All replicas: metalink", sending.metalink),
    Step("A ROOT file, read in place", reading.root_file),
    Step("Why there? explain", reading.explained),
    Step("A storage element dies", failing.one_dies),
    Step("It comes back", failing.it_returns),
)


def conduct(
    console: Console,
    *,
    once: bool,
    keep: Path | None = None,
    on_laid: Callable[[Path], None] | None = None,
) -> int:
    """Start everything, run the steps, stay up if wanted; 0 when every claim held, else 1.

    Raises ``UgrError`` when the servers cannot be started and ``KeyboardInterrupt`` for Ctrl-C during the tour; the
    servers are stopped in every case.
    """
    with (
        folder_for("ugrpy", keep) as folder,
        console.status("starting") as status,
        raised(folder, lambda what: status.update(Text(what)), on_laid) as stage,
    ):
        status.stop()
        done = run_steps(console, STEPS, stage.scene())
        if not once:
            stay(console, stage)
    return 0 if verdict(done, len(STEPS)) else 1


def stay(console: Console, stage: Stage) -> None:
    """Show what to try, and return after Ctrl-C or when the gateway has ended by itself."""
    show_hints(console, "Everything stays up until Ctrl-C", hints(stage))
    with suppress(KeyboardInterrupt):
        while stage.gateway.running:
            time.sleep(0.5)
        console.print(Text(f"the gateway has ended; see {stage.gateway.log}", style="bold red"))


def hints(stage: Stage) -> str:
    """Commands that work as they are printed."""
    url = stage.gateway_url
    file = f"{url}{EVERYWHERE}"
    explain = shlex.join(
        [
            *python_module("ugrpy", "explain", EVERYWHERE),
            *("--client", TOKYO.client_address, "--config", str(stage.config)),
        ]
    )
    lines = [
        "In a browser",
        f"  {url}/",
        "",
        "Where is a client in Tokyo sent? And one in Geneva?",
        f"  curl -si --interface {TOKYO.client_address} {file}",
        f"  curl -si -H 'X-Forwarded-For: {GENEVA.client_address}' {file}",
        "",
        "The bytes, all replicas, a listing",
        f"  curl -sL {url}/README.txt",
        f"  curl -s '{file}?metalink=4'",
        f"  curl -s -X PROPFIND -H 'Depth: 1' {url}/runs/",
        "",
        "With davix",
        f"  davix-ls -l {url}{encode_path(ODD)}/",
        f"  davix-get {url}/README.txt",
        "",
        "Why there?",
        f"  {explain}",
        "",
        "What happens when Geneva dies?",
        f"  kill -9 {stage.pids()[GENEVA.name]}",
        "",
        f"Data, configuration and logs: {stage.folder}",
    ]
    return "\n".join(lines)

"""How the tour looks in a terminal. Plain text in, rich out; piped into a file it stays readable."""

import codecs
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ugrpy.service.tour.outcome import Check, Grid, Outcome, Quote

PLAIN = {"✓": "ok", "✗": "NO", "●": "x", "·": "-"}


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was run: its title, what it showed, and how long it took."""

    title: str
    outcome: Outcome
    seconds: float


def render_step(number: int, total: int, done: Done) -> RenderableType:
    """One section: heading, what the viewer sees, the evidence, the claims."""
    outcome = done.outcome
    return Group(
        Text(),
        Rule(Text(f"{number} of {total}  {done.title}", style="bold"), align="left"),
        Text(outcome.sentence),
        Padding(_render_evidence(outcome.evidence), (0, 0, 0, 2)),
        *(_render_check(check) for check in outcome.checks),
    )


def render_summary(steps: Sequence[Done], total: int) -> RenderableType:
    """One line a step and the verdict. Steps that were never run count as failed."""
    table = Table("step", "claims held", "seconds", box=box.SIMPLE)
    for done in steps:
        held = sum(check.held for check in done.outcome.checks)
        count = f"{held} of {len(done.outcome.checks)}"
        style = "" if done.outcome.held else "bold red"
        table.add_row(Text(done.title), count, f"{done.seconds:.1f}", style=style)
    if verdict(steps, total):
        words = Text(f"All {total} steps held.", style="bold green")
    else:
        good = sum(done.outcome.held for done in steps)
        words = Text(f"Only {good} of {total} steps held.", style="bold red")
    return Group(Text(), Rule(Text("Summary", style="bold"), align="left"), table, words)


def show_hints(console: Console, title: str, text: str) -> None:
    """What the viewer can do now; long commands are left whole, so that they can be copied."""
    console.print(Text(), Rule(Text(title, style="bold"), align="left"))
    console.print(Text(text), soft_wrap=True)


def verdict(steps: Sequence[Done], total: int) -> bool:
    """Whether every step was run and held."""
    return len(steps) == total and all(done.outcome.held for done in steps)


def make_console() -> Console:
    """A console on stdout: as wide as the terminal, 100 columns into a pipe.

    A terminal without Unicode gets words and question marks instead of ending the tour.
    """
    codecs.register_error("ugrpy-demo", _in_plain_letters)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="ugrpy-demo")
    return Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def _in_plain_letters(error: UnicodeError) -> tuple[str | bytes, int]:
    """How ``codecs`` writes what an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in lost), error.end


def _render_evidence(evidence: Grid | Quote) -> RenderableType:
    match evidence:
        case Grid(columns, rows):
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            for column in columns:
                table.add_column(Text(column, style="bold"), overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            return table
        case Quote(command, text):
            return Padding(
                Panel(Text.from_ansi(text), title=Text(f"$ {command}"), title_align="left"), (1, 0)
            )
        case _:
            assert_never(evidence)


def _render_check(check: Check) -> RenderableType:
    if check.held:
        return Text.assemble(("  ✓ ", "bold green"), check.claim)
    detail = f": {check.detail}" if check.detail else ""
    return Text.assemble(("  ✗ ", "bold red"), (f"{check.claim}{detail}", "red"))

"""What does the ``schedpy`` command say while there is nothing behind it yet?"""

from typing import Annotated

import typer

from ugrpy import __version__

NOTICE = """\
schedpy is the part that will be the cloud scheduler: it looks at batch queues, boots and
retires VMs on clouds so that jobs run, and says why they do not. It will replace Cloud
Scheduler v1 and csv2.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your Cloud Scheduler."""

# sysexits.h: the service is not available. A unit file or a script that starts us must notice.
EX_UNAVAILABLE = 69

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"schedpy {__version__}")
        raise typer.Exit


@app.command(help=NOTICE)
def _run(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    typer.echo(NOTICE, err=True)
    raise typer.Exit(EX_UNAVAILABLE)


def main() -> None:
    """The console script: exits with 0 after ``--help`` and ``--version``, with 69 otherwise."""
    app(prog_name="schedpy")

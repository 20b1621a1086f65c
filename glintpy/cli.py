"""What does the ``glintpy`` command say while there is nothing behind it yet?"""

from typing import Annotated

import typer

from ugrpy import __version__

NOTICE = """\
glintpy is the part that will be the distribution of VM images: one matrix of images and clouds,
and the work to make the clouds match it, make images small and contextualise them. It will
replace Glint (v1 and v2), cloudkeeper, the image transfer of csv2 and the MicroCernVM tooling.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your Glint."""

# sysexits.h: the service is not available. A unit file or a script that starts us must notice.
EX_UNAVAILABLE = 69

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glintpy {__version__}")
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
    app(prog_name="glintpy")

"""What does the ``shoalpy`` command say while there is nothing behind it yet?"""

from typing import Annotated

import typer

from ugrpy import __version__

NOTICE = """\
shoalpy is the part that will be the registry of HTTP caches: agents report their squids, and
clients ask which one is nearest and works, through REST, WPAD/PAC and the CVMFS Geo-API. It
will replace shoal's server, agent and client, WLCG WPAD and the CVMFS Geo-API.

This release carries only the shell of the command: nothing is served and nothing is changed.
Until it carries more, keep your shoal server."""

# sysexits.h: the service is not available. A unit file or a script that starts us must notice.
EX_UNAVAILABLE = 69

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shoalpy {__version__}")
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
    app(prog_name="shoalpy")

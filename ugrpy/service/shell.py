"""A command that has its place and not yet its work: what ``shoalpy``, ``glintpy`` and ``schedpy`` are for now."""

from collections.abc import Callable
from typing import Annotated

import typer

from ugrpy import __version__

# sysexits.h: the service is not available. A unit file or a script that starts us must notice.
EX_UNAVAILABLE = 69


def make_shell(name: str, notice: str) -> Callable[[], None]:
    """The console script: exits with 0 after ``--help`` and ``--version``, else shows the notice and exits with 69."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"{name} {__version__}")
            raise typer.Exit

    @app.command(help=notice)
    def run(
        _version: Annotated[
            bool,
            typer.Option(
                "--version",
                callback=show_version,
                is_eager=True,
                help="Show the version and leave.",
            ),
        ] = False,
    ) -> None:
        typer.echo(notice, err=True)
        raise typer.Exit(EX_UNAVAILABLE)

    def main() -> None:
        app(prog_name=name)

    return main

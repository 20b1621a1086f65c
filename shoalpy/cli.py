"""The ``shoalpy`` command: ``server``, ``agent``, ``client``, ``check-config``, ``token``. Errors become messages and exit codes; no traceback reaches a user.

Exit codes are those of sysexits.h where one fits: 0 done, 2 wrong usage, 75 no answer now, 78 the configuration cannot be used.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from shoalpy.agent.command import agent
from shoalpy.client.command import client
from shoalpy.config import Tables, load
from shoalpy.ini import read_settings
from ugrpy import __version__
from ugrpy.core.errors import ConfigError, UgrError
from ugrpy.service.api.access import hash_token, new_token
from ugrpy.service.logs import set_up_logging
from ugrpy.settings.loading import Loaded

TRY_LATER = 75
BAD_CONFIG = 78

app = typer.Typer(
    name="shoalpy",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The nearest working HTTP cache, for CVMFS, Frontier and whoever else asks.\n\n"
    "It replaces shoal's server, agent and client, WLCG WPAD and the CVMFS Geo-API.",
)

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", metavar="FILE", help="TOML; repeat for more, later ones win."),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"shoalpy {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Nothing of its own."""


@app.command()
def server(
    config: ConfigFiles = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen", "-l", metavar="HOST:PORT", help="Where callers connect; repeat for more."
        ),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A line per request: '-' for stderr, '' for none."),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Take heartbeats and answer who is nearest, until SIGTERM or Ctrl-C."""
    settings = _load(
        config,
        {"listen": listen or None, "access_log": access_log, "log_level": log_level},
    ).tables
    set_up_logging(settings.server.log_level)
    # late: the commands beside this one start quicker without a web server
    from shoalpy.server import run_server  # noqa: PLC0415
    from ugrpy.service.runner import run  # noqa: PLC0415

    run(run_server(settings))


app.command("agent")(agent)
app.command("client")(client)


@app.command("check-config")
def check_config(config: ConfigFiles = None) -> None:
    """Read the configuration, say what is wrong with it, or that nothing is."""
    _load(config, {})
    print("the configuration can be used")


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Leave when the tour is over; exit 0 if all held.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Work in this folder and leave it behind.")
    ] = None,
) -> None:
    """Three caches on this machine in three places, a VM in each, and a squid that stops: a tour that checks itself."""
    from shoalpy.demo.tour import run_demo  # noqa: PLC0415 - needs the extras

    raise typer.Exit(run_demo(once=once, keep=keep))


@app.command()
def token() -> None:
    """Make a token for an operator: what to keep, and what to write into the configuration."""
    made = new_token()
    print(f"token   {made}\nsha256  {hash_token(made)}")


def _load(config: list[Path] | None, overrides: dict[str, object]) -> Loaded[Tables]:
    files, old = read_settings(config or (), "server")
    # what is not given on the command line must not hide what an old file says
    given = {key: value for key, value in overrides.items() if value is not None}
    both = {**old, "server": {**old.get("server", {}), **given}}
    return load(files, overrides=both, environ=os.environ)


def main() -> None:
    """The console script."""
    try:
        app(prog_name="shoalpy")
    except UgrError as error:
        print(f"shoalpy: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(BAD_CONFIG if isinstance(error, ConfigError) else TRY_LATER)

"""``serve``, ``check-config`` and ``demo``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ugrpy import __version__
from ugrpy.cli.options import Changes, ConfigFiles, Endpoints, GeoIp, Locations, configuration
from ugrpy.config import Configuration
from ugrpy.core.errors import ConfigError
from ugrpy.service.logs import set_up_logging
from ugrpy.service.supervisor import CANNOT_START, Supervisor

ADMIN_VARIABLE = "UGRPY_SERVICE__ADMIN"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.callback()(_root)
    app.command()(serve)
    app.command("check-config")(check_config)
    app.command()(demo)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ugrpy {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    pass


def serve(
    config: ConfigFiles = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            "--listen", "-l", metavar="HOST:PORT", help="Where clients connect; repeat for more."
        ),
    ] = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR", help="Network whose X-Forwarded-For and Forwarded are believed."
        ),
    ] = None,
    writable: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An endpoint that clients may change; repeat for more."),
    ] = None,
    write_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help="Network whose clients may change what is writable; repeat for more.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the port.")
    ] = None,
    admin: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Admin listener: loopback HOST:PORT, unix:/PATH, or '' for none.",
        ),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A line per request: '-' for stderr, '' for none."),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    loop: Annotated[str, typer.Option(help="uvloop or asyncio.")] = "uvloop",
    protocol: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Serve the federation until SIGTERM or Ctrl-C.

    Without a file: [bold]ugrpy serve --listen 127.0.0.1:8080 --endpoint a=http://a.example/ --location a=48.5,-123.3[/bold]
    """
    if admin is None and not config and ADMIN_VARIABLE not in os.environ:
        # two gateways tried out side by side should not fight over a port nobody asked for
        admin = ""
    service: dict[str, object] = {
        "listen": listen or None,
        "trusted_proxies": trusted_proxy or None,
        "workers": workers,
        "admin": admin,
        "access_log": access_log,
        "log_level": log_level,
    }
    changes = Changes(writable or (), write_from or ())
    settings = configuration(config, endpoint, location, geoip, service, changes)
    if not settings.endpoints:
        raise ConfigError(
            "there is no endpoint to federate", hint="give --endpoint NAME=URL, or --config FILE"
        )
    if loop not in ("uvloop", "asyncio"):
        raise ConfigError(f"{loop!r} is neither uvloop nor asyncio", where="--loop")
    set_up_logging(settings.service.log_level)
    raise typer.Exit(_run(settings, loop, protocol))


def _run(settings: Configuration, loop: str, protocol: str) -> int:
    def work(index: int) -> int:
        # late, because prometheus-client decides how to count when it is first imported
        from ugrpy.wiring.worker import run_worker  # noqa: PLC0415

        return run_worker(settings, index=index, loop=loop, protocol=protocol)

    if settings.service.workers == 1:
        return work(0)

    def guarded(index: int) -> int:
        try:
            return work(index)
        except ConfigError as error:
            typer.echo(f"ugrpy: {error}", err=True)
            return CANNOT_START

    return Supervisor(guarded, settings.service.workers, settings.service.shutdown_s).run()


def check_config(
    config: ConfigFiles = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
) -> None:
    """Read the configuration as a whole and say everything that is wrong with it, with file and line."""
    settings = configuration(config, endpoint, location, geoip)
    count = len(settings.endpoints)
    print(f"the configuration is good: {count} endpoint{'' if count == 1 else 's'}")
    for one in settings.endpoints:
        mounts = ", ".join(mount.prefix for mount in one.mounts)
        print(f"  {one.name}: {one.kind} {one.url} at {mounts}")


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Leave when the tour is over; exit 0 if all held.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Work in this folder and leave it behind.")
    ] = None,
) -> None:
    """Three storage elements on this machine, one namespace over them, and a tour that checks itself."""
    from ugrpy.demo.tour import run_demo  # noqa: PLC0415 - needs the extra

    raise typer.Exit(run_demo(once=once, keep=keep))

"""``stat``, ``ls`` and ``locate``: ask the endpoints of a configuration directly, without a server."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
import uvloop

from ugrpy.cli.options import ConfigFiles, Endpoints, GeoIp, Locations, configuration
from ugrpy.cli.showing import printable
from ugrpy.config import Configuration
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Federation
from ugrpy.locality.prefixes import parse_address
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Kind
from ugrpy.namespace.paths import Above, Inside, PrefixMap, normalise
from ugrpy.service.logs import set_up_logging
from ugrpy.wiring.assembly import assemble

PARTIAL = 75

PathArgument = Annotated[
    str, typer.Argument(metavar="PATH", help="A path as clients see it, not percent-encoded.")
]
Client = Annotated[
    str | None,
    typer.Option("--client", metavar="IP", help="Answer as for a client at this address."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(stat)
    app.command()(ls)
    app.command()(locate)


def ask(settings: Configuration, question: Callable[[Federation], Awaitable[int]]) -> int:
    """Put the question to a federation of these settings, and return the exit status that it is answered by."""

    async def run() -> int:
        assembled = await assemble(settings)
        try:
            return await question(assembled.federation)
        finally:
            await assembled.close()

    set_up_logging("error")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            status = runner.run(run())
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output has seen enough; nothing more may be written, not even by the interpreter's end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def federated(settings: Configuration, path: str) -> str:
    """The federated path that clients mean by ``path``. Raises ``BadRequest`` when there is none."""
    prefixes = PrefixMap(settings.federation.prefixes, settings.federation.new_prefix)
    match prefixes.translate(normalise("/" + path)):
        case Inside(inner):
            return inner
        case Above(names):
            raise BadRequest(f"{path} only leads to {', '.join(names)}")
        case _:
            raise BadRequest(
                f"{path} lies outside the prefixes {', '.join(settings.federation.prefixes)}"
            )


def zone_of(federation: Federation, client: str | None) -> Zone:
    if client is not None and parse_address(client) is None:
        raise BadRequest(f"{client!r} is not an IP address")
    return federation.ranker.zone_of(client)


def stat(
    path: PathArgument,
    config: ConfigFiles = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
    as_json: Json = False,
) -> None:
    """What the federation knows of one name: kind, size, date, and who holds it."""
    settings = configuration(config, endpoint, location, geoip)
    inner = federated(settings, path)

    async def question(federation: Federation) -> int:
        known = await federation.locate(inner, Want.ALL)
        merged = federation.expect(known)
        facts = _facts(merged) | {"missing": known.missing}
        if as_json:
            print(json.dumps(facts, indent=2))
        else:
            for key, value in facts.items():
                print(f"{key:10} {_plain(value)}")
        return PARTIAL if known.missing else 0

    raise typer.Exit(ask(settings, question))


def ls(
    path: PathArgument = "/",
    config: ConfigFiles = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
    as_json: Json = False,
) -> None:
    """The merged contents of a collection. Exits with 75 when an endpoint's part is missing."""
    settings = configuration(config, endpoint, location, geoip)
    inner = federated(settings, path)

    async def question(federation: Federation) -> int:
        listing = await federation.list(inner)
        names = (
            listing.children if listing.itself.entry.kind is Kind.COLLECTION else [listing.itself]
        )
        if as_json:
            whole = {
                "path": path,
                "entries": [_facts(one) for one in names],
                "missing": dict(listing.missing),
            }
            print(json.dumps(whole, indent=2))
        else:
            for one in names:
                print(_line(one))
        _warn_missing(listing.missing.items())
        return PARTIAL if listing.missing else 0

    raise typer.Exit(ask(settings, question))


def locate(
    path: PathArgument,
    client: Client = None,
    config: ConfigFiles = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
    as_json: Json = False,
) -> None:
    """The URLs of all replicas, best first for the given client."""
    settings = configuration(config, endpoint, location, geoip)
    inner = federated(settings, path)

    async def question(federation: Federation) -> int:
        zone = zone_of(federation, client)
        known = await federation.locate(inner, Want.ALL, zone)
        replicas = federation.replicas(known, federation.order(known, zone))
        if as_json:
            print(json.dumps([asdict(replica) for replica in replicas], indent=2))
        else:
            for replica in replicas:
                print(f"{replica.endpoint}\t{replica.url}")
        _warn_missing(known.missing.items())
        return PARTIAL if known.missing else 0

    raise typer.Exit(ask(settings, question))


def _facts(merged: Merged) -> dict[str, Any]:
    entry = merged.entry
    return {
        "name": entry.name or "/",
        "kind": entry.kind.value,
        "size": entry.size_bytes,
        "modified": _date(entry.mtime_s),
        "holders": list(merged.holders),
        "conflicts": [asdict(conflict) for conflict in merged.conflicts],
    }


def _line(merged: Merged) -> str:
    entry = merged.entry
    size = "-" if entry.size_bytes is None else str(entry.size_bytes)
    name = entry.name + ("/" if entry.kind is Kind.COLLECTION else "")
    flag = " !" if merged.conflicts else ""
    return f"{size:>14}  {_date(entry.mtime_s) or '-':20}  {len(merged.holders):2}  {printable(name)}{flag}"


def _date(mtime_s: int | None) -> str | None:
    return (
        None
        if mtime_s is None
        else datetime.fromtimestamp(mtime_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )


def _plain(value: object) -> str:
    match value:
        case None:
            return "-"
        case list() | dict() if not value:
            return "-"
        case list():
            return ", ".join(_plain(one) for one in value)
        case dict():
            return "; ".join(f"{key}: {_plain(one)}" for key, one in value.items())
        case _:
            return printable(str(value))


def _warn_missing(missing: Iterable[tuple[str, str]]) -> None:
    for name, reason in sorted(missing):
        print(f"ugrpy: incomplete without {name}: {printable(reason)}", file=sys.stderr)

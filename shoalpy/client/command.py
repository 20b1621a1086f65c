"""``shoalpy client``: the flags of shoal's own client, and what each does (reference section 5).

Without a flag ``cvmfs_talk`` is called, and its exit status is ours; 2 when it is not there, as with old clients. Nothing is told to CVMFS
when there is no proxy to tell of: then we leave with 75. Messages go to standard error, so that standard output can be used by scripts.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from shoalpy.client.outputs import (
    TOOL_MISSING,
    CannotWrite,
    NoTool,
    edit_default_local,
    proxies_assigned,
    read_default_local,
    render_dump,
    render_frontier,
    set_by_talk,
)
from shoalpy.client.run import Found, Search, Wanted
from shoalpy.client.settings import DEFAULT_FILE, ClientTables, load_client
from shoalpy.client.state import Memory, recall, remember, store
from shoalpy.ini import translate
from shoalpy.model import Upstream
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import ConfigError, DataError

BAD_DATA = 65
TRY_LATER = 75
CANNOT_CREATE = 73


@dataclass(frozen=True, slots=True)
class Use:
    """What becomes of the list. At most one is true; none means ``cvmfs_talk``."""

    dump: bool = False
    frontier: bool = False
    edit: bool = False


def client(
    dump: Annotated[
        bool, typer.Option("--dump", "-d", help="Print the proxies and change nothing.")
    ] = False,
    frontier: Annotated[
        bool,
        typer.Option(
            "--frontier",
            "-f",
            help="Print FRONTIER_SERVER with proxies that can fetch conditions data.",
        ),
    ] = False,
    edit: Annotated[
        bool,
        typer.Option("--edit", "-e", help="Write CVMFS_HTTP_PROXY into default.local instead."),
    ] = False,
    caches: Annotated[
        int | None,
        typer.Option("--caches", "-n", min=1, max=50, help="How many proxies to keep; usually 2."),
    ] = None,
    skip_broadcast: Annotated[
        bool,
        typer.Option(
            "--skip-broadcast", "-k", help="Do not wait for a cache to announce itself nearby."
        ),
    ] = False,
    force_server: Annotated[
        bool,
        typer.Option("--force-server", "-o", help="Ask the server even if one has."),
    ] = False,
    server: Annotated[
        str,
        typer.Option("--server", "-s", metavar="URL", help="Ask this server instead of the usual."),
    ] = "",
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", metavar="FILE", help="TOML; repeat, later ones win."),
    ] = None,
) -> None:
    """Find the nearest proxies that work, and tell CVMFS or print them."""
    if sum((dump, frontier, edit)) > 1:
        raise typer.BadParameter("use only one of --dump, --frontier and --edit")
    files, old = _apart(config or usual_files())
    tables = load_client(files, overrides=old, environ=os.environ).tables
    wanted = Wanted(
        upstream=Upstream.FRONTIER if frontier else Upstream.CVMFS,
        count=caches or tables.client.caches,
        server=server,
        listen=not skip_broadcast,
        force_server=force_server,
    )
    raise typer.Exit(run_client(tables, wanted, Use(dump, frontier, edit), os.environ))


def usual_files() -> list[Path]:
    """Our own settings where there are any, else those of shoal's client, where it looks for them (reference section 8)."""
    old = "shoal_client.conf"
    places = (DEFAULT_FILE, Path.home() / ".shoal" / old, Path("/etc/shoal") / old)
    return [one for one in places if one.is_file()][:1]


def _apart(files: Sequence[Path]) -> tuple[list[Path], dict[str, object]]:
    """Our files, and what those of shoal's client say; what is not understood is told. Raises ``ConfigError``."""
    old: dict[str, object] = {}
    for file in files:
        if file.suffix == ".conf":
            try:
                found = translate(file.read_text("utf-8", "replace"), "client", str(file))
            except OSError as error:
                raise ConfigError(error.strerror or str(error), where=str(file)) from None
            old |= found.tree
            for warning in found.warnings:
                _note(warning)
    return [file for file in files if file.suffix != ".conf"], old


def run_client(tables: ClientTables, wanted: Wanted, use: Use, environ: Mapping[str, str]) -> int:
    """Find proxies and hand them on; the exit status. Raises ``ConfigError`` for a secret that cannot be read."""
    file = tables.client.state_file
    memory = recall(file, wanted.upstream)
    search = Search(
        tables, wanted, memory, SystemClock(), _note, environ, _defaults(tables, memory)
    )
    found = asyncio.run(search.run())
    if found.groups and not found.recalled:
        memory = remember(found.groups, memory)
    status, memory = _hand_on(found, use, tables, memory, environ)
    try:
        store(file, wanted.upstream, memory)
    except OSError as error:
        _note(f"cannot remember this list in {file}: {error.strerror or error}")
    return status


def _hand_on(
    found: Found, use: Use, tables: ClientTables, memory: Memory, environ: Mapping[str, str]
) -> tuple[int, Memory]:
    """The exit status, and what is to be remembered."""
    proxies = found.proxies
    if use.frontier:
        return _print_frontier(found, environ), memory
    if proxies is None:
        _note("no proxy was found, and there is no default")
    if use.dump:
        sys.stdout.write(render_dump(proxies) + "\n")
        return 0, memory
    if proxies is None:
        return TRY_LATER, memory
    try:
        if use.edit:
            before = _defaults(tables, memory)
            edit_default_local(tables.client.default_local, proxies)
            return 0, replace(memory, wrote=str(proxies), before=before)
        return set_by_talk(tables.client.cvmfs_talk, proxies), memory
    except NoTool as error:
        _note(f"{error}; {error.hint}")
        return TOOL_MISSING, memory
    except CannotWrite as error:
        _note(str(error))
        return CANNOT_CREATE, memory


def _print_frontier(found: Found, environ: Mapping[str, str]) -> int:
    before = environ.get("FRONTIER_SERVER", "")
    try:
        sys.stdout.write(render_frontier(before, found.discovered) + "\n")
    except DataError as error:
        _note(f"FRONTIER_SERVER: {error}")
        return BAD_DATA
    return 0


def _defaults(tables: ClientTables, memory: Memory) -> str:
    """The operator's own list: of the settings, else what default.local said before we wrote there."""
    if tables.client.default_proxies:
        return tables.client.default_proxies
    try:
        said = proxies_assigned(read_default_local(tables.client.default_local))
    except CannotWrite as error:
        _note(str(error))
        return ""
    return memory.before if said and said == memory.wrote else said


def _note(message: str) -> None:
    sys.stderr.write(f"shoalpy client: {message}\n")

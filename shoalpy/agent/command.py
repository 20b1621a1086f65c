"""``shoalpy agent``: the command line of the agent."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from shoalpy.agent.beat import render_heartbeat
from shoalpy.agent.run import Agent
from shoalpy.agent.settings import AgentTables, load_agent
from shoalpy.ini import read_settings
from ugrpy.core.clock import SystemClock
from ugrpy.service.logs import set_up_logging

NO_CACHE = 69


def agent(
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", metavar="FILE", help="TOML, or a shoal_agent.conf."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One turn, then leave.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the heartbeat and tell nobody.")
    ] = False,
) -> None:
    """Tell a shoalpy server of the cache on this machine, for as long as it works."""
    set_up_logging("info")
    files, old = read_settings(config or (), "agent")
    tables = load_agent(files, overrides=old, environ=os.environ).tables
    status = asyncio.run(_run(tables, once=once, dry_run=dry_run))
    if status:
        raise typer.Exit(status)


async def _run(tables: AgentTables, *, once: bool, dry_run: bool) -> int:
    draw = Random().random  # noqa: S311 - spreads load, keeps no secret
    one = Agent(tables, clock=SystemClock(), draw=draw)
    try:
        if dry_run:
            said = await one.preview()
            if said is not None:
                sys.stdout.write(render_heartbeat(said).decode() + "\n")
            return 0 if said else NO_CACHE
        if once:
            await one.turn()
            return 0 if one.condition.healthy else NO_CACHE
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await one.run(stop)
    finally:
        await one.close()
    return 0

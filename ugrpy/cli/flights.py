"""``flights``: what the gateway has decided, why, and what it would decide today; read from its files, whether it runs or not."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ugrpy.cli.options import ConfigFiles, configuration
from ugrpy.cli.showing import in_table, printable_markup
from ugrpy.config import Configuration
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import ConfigError, DataError
from ugrpy.locality.model import Ranked
from ugrpy.recording.asking import parse_query
from ugrpy.recording.flights import Flight
from ugrpy.recording.reading import Looked, Query
from ugrpy.recording.replay import Replayed
from ugrpy.recording.summary import Summary
from ugrpy.recording.telling import (
    because,
    facts_of,
    facts_of_replay,
    facts_of_summary,
    render_time,
    words_of,
)
from ugrpy.wiring.flights import USUALLY_SHOWN, Recorded, rules_today
from ugrpy.wiring.recording import recorded_in

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="FOLDER", help="The ring's folder; else where the configuration says."
    ),
]
PathOption = Annotated[
    str | None,
    typer.Option(
        "--path",
        metavar="PATH",
        help="A path as clients see it; with a slash at its end, all below it too.",
    ),
]
ClientOption = Annotated[
    str | None, typer.Option("--client", metavar="NET", help="An address, or a network.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="2h, 3d (ago), or 2026-11-30T06:00 (UTC)."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="As --since.")]
Status = Annotated[
    str | None, typer.Option("--status", metavar="STATUS", help="404, or 4xx,503 for several.")
]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", metavar="NAME", help="Where clients were sent.")
]
Most = Annotated[
    int, typer.Option("--most", metavar="N", min=1, help="So many, the newest of all.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id of the access log.")]

flights = typer.Typer(
    name="flights",
    invoke_without_command=True,
    help="What was decided, and why: the flight recorder.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(flights)


@flights.callback()
def search(
    context: typer.Context,
    path: PathOption = None,
    client: ClientOption = None,
    since: Since = None,
    until: Until = None,
    status: Status = None,
    endpoint: Endpoint = None,
    most: Most = USUALLY_SHOWN,
    config: ConfigFiles = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """The newest decisions that fit; show and replay tell more of them."""
    if context.invoked_subcommand is not None:
        return
    query = _query(path, client, since, until, status, endpoint)
    found = _recorded(config, folder).find(query, most)
    if as_json:
        print(json.dumps([facts_of(one) for one in found.flights], indent=2))
    else:
        Console().print(_listing(found.flights))
        if found.more:
            print("there are more: see --most, --since and --until", file=sys.stderr)
    _warn_damaged(found.looked)


@flights.command()
def show(
    request_id: Id, config: ConfigFiles = None, folder: Folder = None, as_json: Json = False
) -> None:
    """One decision in full: who held the name, in which order they were offered and why, and why others were not."""
    recorded = _recorded(config, folder)
    flight = recorded.one(request_id)
    if as_json:
        print(json.dumps(facts_of(flight), indent=2))
        return
    console = Console()
    for line in words_of(flight):
        console.print(printable_markup(line), soft_wrap=True)
    if not flight.is_ranked:
        return
    try:
        console.print(_ranking("How it was ranked", recorded.replay(flight, None).then))
    except DataError as error:
        console.print(f"order: {', '.join(flight.order)}")
        print(f"ugrpy: the reasons cannot be given: {error}", file=sys.stderr)


@flights.command("replay")
def replay_them(
    request_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="The id of the access log; else all that fit."),
    ] = None,
    path: PathOption = None,
    client: ClientOption = None,
    since: Since = None,
    until: Until = None,
    status: Status = None,
    endpoint: Endpoint = None,
    config: ConfigFiles = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Decide again: under the rules of then, and under those of the configuration."""
    settings = configuration(config, None, None, None)
    recorded = Recorded(folder or _folder(settings))
    today = asyncio.run(rules_today(settings))
    if request_id is not None:
        one = recorded.replay(recorded.one(request_id), today)
        _print(as_json, lambda: facts_of_replay(one), lambda: _show_replay(one))
        return
    query = _query(path, client, since, until, status, endpoint)
    summary, looked = recorded.replay_all(query, today)
    _print(as_json, lambda: facts_of_summary(summary), lambda: _show_summary(summary))
    _warn_damaged(looked)


def _query(
    path: str | None,
    client: str | None,
    since: str | None,
    until: str | None,
    status: str | None,
    endpoint: str | None,
) -> Query:
    said = {
        "path": path,
        "client": client,
        "since": since,
        "until": until,
        "status": status,
        "endpoint": endpoint,
    }
    return parse_query(said, SystemClock.wall())


def _recorded(config: list[Path] | None, folder: Path | None) -> Recorded:
    return Recorded(folder or _folder(configuration(config, None, None, None)))


def _folder(settings: Configuration) -> Path:
    folder = recorded_in(settings)
    if folder is None:
        raise ConfigError(
            "nothing is recorded by a gateway without a state folder",
            where="recording.folder",
            hint="set recording.folder or changes.state_dir, or give --folder",
        )
    return folder


def _print(
    as_json: bool, facts: Callable[[], dict[str, object]], show_it: Callable[[], None]
) -> None:
    if as_json:
        print(json.dumps(facts(), indent=2))
    else:
        show_it()


def _listing(found: Iterable[Flight]) -> Table:
    table = in_table(
        "", "time", "id", "client", "method", "path", "status", "sent to", "from", "why"
    )
    for one in found:
        source = {"hit": "memory", "miss": "endpoints"}.get(one.cache, "")
        table.add_row(
            render_time(one.at_s),
            one.id,
            one.client,
            printable_markup(one.method),
            printable_markup(one.path),
            str(one.status),
            one.endpoint,
            source,
            printable_markup(one.why),
        )
    return table


def _ranking(title: str, ranked: Ranked) -> Table:
    table = in_table(title, "", "endpoint", "why")
    for place, choice in enumerate(ranked.chosen, 1):
        table.add_row(str(place), choice.id, printable_markup(choice.reason))
    for rejection in ranked.rejected:
        table.add_row("✗", rejection.id, printable_markup(rejection.reason))
    return table


def _show_replay(one: Replayed) -> None:
    console = Console()
    for line in words_of(one.flight):
        console.print(printable_markup(line), soft_wrap=True)
    console.print(_ranking("Under the rules of then", one.then))
    if not one.exact:
        console.print(f"[bold]this is not the order of then[/bold]: {', '.join(one.flight.order)}")
    if one.now is not None:
        console.print(_ranking("Under the rules of now", one.now))
        console.print(printable_markup(_difference(one)), soft_wrap=True)


def _difference(one: Replayed) -> str:
    if one.elsewhere:
        return f"the client would go to {one.would_go_to or 'nobody'} instead of {one.went_to}: {because(one)}"
    same = f"the client would go to {one.went_to} again"
    return f"{same}, the others follow in another order" if one.reordered else same


def _show_summary(summary: Summary) -> None:
    console = Console()
    console.print(
        f"of {summary.replayed:,} decisions {summary.elsewhere:,} would go elsewhere, and of {summary.reordered:,} the others would follow in another order",
        soft_wrap=True,
    )
    if summary.exact < summary.replayed:
        console.print(
            f"{summary.replayed - summary.exact:,} do not come out as recorded under the rules of then"
        )
    for why, count in summary.why.most_common():
        console.print(f"{count:,} cannot be made again: {printable_markup(why)}", soft_wrap=True)
    if summary.elsewhere:
        console.print(_moves(summary))
    console.print(_shares(summary))
    for one in summary.examples:
        line = f"{one.flight.id} {one.flight.client} {one.flight.path}: {_difference(one)}"
        console.print(printable_markup(line), soft_wrap=True)


def _moves(summary: Summary) -> Table:
    table = in_table("Who would go elsewhere", "from", "to", "decisions")
    for (before, after), count in summary.moves.most_common():
        table.add_row(before, after or "nobody", f"{count:,}")
    return table


def _shares(summary: Summary) -> Table:
    table = in_table("By endpoint", "endpoint", "then", "now")
    for name in sorted(summary.went_to.keys() | summary.would_go_to.keys()):
        table.add_row(
            name or "nobody", f"{summary.went_to[name]:,}", f"{summary.would_go_to[name]:,}"
        )
    return table


def _warn_damaged(looked: Looked) -> None:
    if looked.damaged:
        print(
            f"ugrpy: {looked.damaged} damaged places of {looked.damaged_bytes} bytes were passed over",
            file=sys.stderr,
        )

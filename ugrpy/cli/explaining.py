"""``explain``: what would be answered to a request of a client, and why; nothing of it is done."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ugrpy.changing.explained import ChangeExplanation
from ugrpy.cli.inspecting import Client, Json, PathArgument, ask, federated, printable
from ugrpy.cli.options import ConfigFiles, Endpoints, GeoIp, Locations, configuration
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Federation
from ugrpy.federation.explain import Explanation, Said
from ugrpy.wiring.changes import looking_at_changes
from ugrpy.wiring.explaining import METHODS, Explainer, Request, policy_of

Method = Annotated[
    str,
    typer.Option("--method", "-X", metavar="METHOD", help=f"One of {', '.join(METHODS)}."),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="PATH", help="Where MOVE or COPY would put it."),
]
Size = Annotated[
    int | None,
    typer.Option("--size", metavar="BYTES", min=0, help="How long the content of a PUT would be."),
]
NoOverwrite = Annotated[
    bool,
    typer.Option("--no-overwrite", help="MOVE or COPY would not replace what is there."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(explain_request)


def explain_request(
    path: PathArgument,
    client: Client = None,
    method: Method = "GET",
    to: To = None,
    size: Size = None,
    no_overwrite: NoOverwrite = False,
    config: ConfigFiles = None,
    endpoint: Endpoints = None,
    location: Locations = None,
    geoip: GeoIp = None,
    as_json: Json = False,
) -> None:
    """Who was asked, what each said, what was merged, how it was ranked, who was rejected, and why.

    Of a change: who would be asked to do what, who would not, and what stands against it. Nothing is changed.
    """
    settings = configuration(config, endpoint, location, geoip)
    asked = Request(
        federated(settings, path),
        method.upper(),
        client,
        "" if to is None else federated(settings, to),
        size,
        overwrite=not no_overwrite,
    )
    if size is not None and asked.method != "PUT":
        raise BadRequest("only a PUT has a size")

    async def question(federation: Federation) -> int:
        async with looking_at_changes(settings, federation) as part:
            explanation = await Explainer(federation, policy_of(settings), part)(asked)
        if as_json:
            print(json.dumps(asdict(explanation), indent=2))
        else:
            _show(explanation, client)
        return 0

    raise typer.Exit(ask(settings, question))


def _show(explanation: Explanation | ChangeExplanation, client: str | None) -> None:
    console = Console()
    console.print(_headline(explanation, client))
    _show_said(console, explanation.said)
    match explanation:
        case Explanation():
            _show_reading(console, explanation)
        case ChangeExplanation():
            _show_change(console, explanation)
    result = explanation.location or explanation.refusal
    console.print(f"answer: {explanation.status} {_markup(result)}", soft_wrap=True)


def _headline(explanation: Explanation | ChangeExplanation, client: str | None) -> str:
    what = f"[bold]{_markup(explanation.path)}[/bold]"
    if isinstance(explanation, ChangeExplanation):
        to = f" to [bold]{_markup(explanation.target)}[/bold]" if explanation.target else ""
        what = f"{explanation.method} of {what}{to}"
    return f"{what} as seen by {client or 'a client of unknown place'}"


def _show_said(console: Console, said: Iterable[Said]) -> None:
    table = _table("Who was asked", "endpoint", "said", "detail", "url")
    for one in said:
        table.add_row(one.endpoint, one.outcome, _markup(one.detail), _markup(one.url))
    if table.row_count:
        console.print(table)


def _show_reading(console: Console, explanation: Explanation) -> None:
    for conflict in explanation.conflicts:
        says, majority = _markup(conflict.says), _markup(conflict.majority)
        console.print(
            f"conflict: {conflict.endpoint} says {conflict.about} {says}, the others {majority}"
        )
    if explanation.ranked is not None:
        ranked = _table("How it was ranked", "", "endpoint", "why")
        for place, choice in enumerate(explanation.ranked.chosen, 1):
            ranked.add_row(str(place), choice.id, _markup(choice.reason))
        for rejection in explanation.ranked.rejected:
            ranked.add_row("✗", rejection.id, _markup(rejection.reason))
        console.print(ranked)
    for what, text in explanation.notes.items():
        console.print(f"{_markup(what)}: {_markup(text)}", soft_wrap=True)


def _show_change(console: Console, explanation: ChangeExplanation) -> None:
    table = _table("Who would be asked", "", "endpoint", "to do", "why")
    for place, part in enumerate(explanation.parts, 1):
        table.add_row(str(place), part.endpoint, part.would, _markup(part.reason))
    for part in explanation.rejected:
        table.add_row("✗", part.endpoint, "", _markup(part.reason))
    if table.row_count:
        console.print(table)
    for words in explanation.against:
        console.print(f"under way: {_markup(words)}", soft_wrap=True)
    if explanation.rights:
        console.print(f"rights: {_markup(explanation.rights)}", soft_wrap=True)


def _table(title: str, *headings: str) -> Table:
    """A table that wraps what does not fit: half a URL would be no use."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _markup(text: str) -> str:
    return escape(printable(text))

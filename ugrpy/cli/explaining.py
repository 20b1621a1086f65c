"""``explain``: what would be answered to a request of a client, and why; nothing of it is done."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from ugrpy.changing.explained import ChangeExplanation
from ugrpy.cli.inspecting import Client, Json, PathArgument, ask, federated
from ugrpy.cli.options import ConfigFiles, Endpoints, GeoIp, Locations, configuration
from ugrpy.cli.showing import in_table, printable_markup
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
    console.print(f"answer: {explanation.status} {printable_markup(result)}", soft_wrap=True)


def _headline(explanation: Explanation | ChangeExplanation, client: str | None) -> str:
    what = f"[bold]{printable_markup(explanation.path)}[/bold]"
    if isinstance(explanation, ChangeExplanation):
        to = (
            f" to [bold]{printable_markup(explanation.target)}[/bold]" if explanation.target else ""
        )
        what = f"{explanation.method} of {what}{to}"
    return f"{what} as seen by {client or 'a client of unknown place'}"


def _show_said(console: Console, said: Iterable[Said]) -> None:
    table = in_table("Who was asked", "endpoint", "said", "detail", "url")
    for one in said:
        table.add_row(
            one.endpoint, one.outcome, printable_markup(one.detail), printable_markup(one.url)
        )
    if table.row_count:
        console.print(table)


def _show_reading(console: Console, explanation: Explanation) -> None:
    for conflict in explanation.conflicts:
        says, majority = printable_markup(conflict.says), printable_markup(conflict.majority)
        console.print(
            f"conflict: {conflict.endpoint} says {conflict.about} {says}, the others {majority}"
        )
    if explanation.ranked is not None:
        ranked = in_table("How it was ranked", "", "endpoint", "why")
        for place, choice in enumerate(explanation.ranked.chosen, 1):
            ranked.add_row(str(place), choice.id, printable_markup(choice.reason))
        for rejection in explanation.ranked.rejected:
            ranked.add_row("✗", rejection.id, printable_markup(rejection.reason))
        console.print(ranked)
    for what, text in explanation.notes.items():
        console.print(f"{printable_markup(what)}: {printable_markup(text)}", soft_wrap=True)


def _show_change(console: Console, explanation: ChangeExplanation) -> None:
    table = in_table("Who would be asked", "", "endpoint", "to do", "why")
    for place, part in enumerate(explanation.parts, 1):
        table.add_row(str(place), part.endpoint, part.would, printable_markup(part.reason))
    for part in explanation.rejected:
        table.add_row("✗", part.endpoint, "", printable_markup(part.reason))
    if table.row_count:
        console.print(table)
    for words in explanation.against:
        console.print(f"under way: {printable_markup(words)}", soft_wrap=True)
    if explanation.rights:
        console.print(f"rights: {printable_markup(explanation.rights)}", soft_wrap=True)

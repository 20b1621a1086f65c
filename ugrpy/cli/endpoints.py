"""``endpoint list|drain|disable|enable|downtime``: take storage elements of a running gateway out of use and back."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from ugrpy.cli.admin import Admin, admin_address, ask_admin, who_asks
from ugrpy.cli.options import ConfigFiles
from ugrpy.cli.showing import printable, printable_markup
from ugrpy.core.errors import BadRequest

Name = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint's name.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; clients may read it.")]
By = Annotated[str, typer.Option("--by", help="Who says so, for the log; otherwise your login.")]
Until = Annotated[
    str, typer.Option(metavar="TIME", help="When it ends: 2026-12-01T06:00Z, UTC without a zone.")
]
For = Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long: 90s, 30m, 2h, 1d.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]

orders = typer.Typer(
    name="endpoint",
    no_args_is_help=True,
    help="Storage elements of a running gateway: how they are, and taking them out of use and back.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(orders)


@orders.command("list")
def list_endpoints(config: ConfigFiles = None, admin: Admin = None, as_json: Json = False) -> None:
    """How each endpoint is: its state, since when, until when, who said so and why."""
    listed = ask_admin(admin_address(admin, config), "GET", "/v1/endpoints")
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    table = Table("endpoint", "state", "since", "until", "who", "why", box=None, pad_edge=False)
    for one in listed if isinstance(listed, list) else []:
        state = str(one["state"]).replace("_", " ")
        cells = (one["endpoint"], state, *(one[key] for key in ("since", "until", "who", "why")))
        table.add_row(*(_cell(cell) for cell in cells))
    Console(soft_wrap=True).print(table)


@orders.command()
def drain(
    name: Name,
    reason: Reason = "",
    by: By = "",
    until: Until = "",
    lasting: For = "",
    config: ConfigFiles = None,
    admin: Admin = None,
) -> None:
    """Send clients elsewhere and put nothing new there; what only it holds is still served."""
    fields = _fields(reason=reason, by=by, until=until) | _fields(**{"for": lasting})
    _order(name, "drain", fields, admin, config)


@orders.command()
def disable(
    name: Name,
    reason: Reason = "",
    by: By = "",
    until: Until = "",
    lasting: For = "",
    config: ConfigFiles = None,
    admin: Admin = None,
) -> None:
    """Do not ask it at all; what only it holds is answered 503."""
    fields = _fields(reason=reason, by=by, until=until) | _fields(**{"for": lasting})
    _order(name, "disable", fields, admin, config)


@orders.command()
def enable(
    name: Name,
    reason: Reason = "",
    by: By = "",
    despite_downtimes: Annotated[
        bool, typer.Option(help="Use it even while a calendar announces it to be away.")
    ] = False,
    until: Until = "",
    lasting: For = "",
    config: ConfigFiles = None,
    admin: Admin = None,
) -> None:
    """Use it again: whatever order holds now ends, a downtime that was set by hand included."""
    if (until or lasting) and not despite_downtimes:
        raise BadRequest("--until and --for say how long --despite-downtimes holds")
    fields = _fields(reason=reason, by=by, until=until) | _fields(**{"for": lasting})
    _order(name, "enable", {**fields, "despite_downtimes": despite_downtimes}, admin, config)


@orders.command()
def downtime(
    name: Name,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="When it begins; now if not said.")
    ] = "",
    until: Until = "",
    lasting: For = "",
    at_risk: Annotated[
        bool, typer.Option(help="It may fail, but is not away: preferred less.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option(help="Forget all orders for it, planned ones too.")
    ] = False,
    reason: Reason = "",
    by: By = "",
    config: ConfigFiles = None,
    admin: Admin = None,
) -> None:
    """It is away between two times; before them, transfers that would not be finished go elsewhere."""
    fields = _fields(reason=reason, by=by, until=until) | _fields(**{"for": lasting, "from": start})
    severity = "at_risk" if at_risk else "outage"
    _order(name, "downtime", {**fields, "severity": severity, "cancel": cancel}, admin, config)


def _fields(**texts: str) -> dict[str, object]:
    return {key: text for key, text in texts.items() if text}


def _order(
    name: str, verb: str, fields: dict[str, object], admin: str | None, config: ConfigFiles
) -> None:
    path = f"/v1/endpoints/{quote(name, safe='')}/{verb}"
    answer: Any = ask_admin(
        admin_address(admin, config), "POST", path, {"by": who_asks(), **fields}
    )
    note = f": {answer['note']}" if answer["note"] else ""
    print(printable(f"{answer['endpoint']} is {answer['state'].replace('_', ' ')}{note}"))


def _cell(value: object) -> str:
    return printable_markup("-" if value in (None, "") else str(value))

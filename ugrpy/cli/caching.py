"""``cache show|flush``: what a running gateway remembers, and having all its workers forget it."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ugrpy.cli.admin import Admin, admin_address, ask_admin
from ugrpy.cli.inspecting import federated
from ugrpy.cli.options import ConfigFiles, configuration
from ugrpy.cli.showing import printable
from ugrpy.core.errors import BadRequest

MaybePath = Annotated[
    str | None,
    typer.Argument(metavar="[PATH]", help="A path as clients see it, not percent-encoded."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]

commands = typer.Typer(
    name="cache",
    no_args_is_help=True,
    help="What a running gateway remembers, and having all its workers forget it.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands)


@commands.command()
def show(
    path: MaybePath = None, config: ConfigFiles = None, admin: Admin = None, as_json: Json = False
) -> None:
    """How much each worker remembers, or what it remembers of a path."""
    answer: Any = ask_admin(admin_address(admin, config), "GET", "/v1/cache" + _query(path, config))
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    for worker in answer["workers"]:
        print(f"worker {worker['worker']}")
        _print_facts(worker)
    if path is not None:
        print("last known, on the disk")
        _print_facts(answer["last_known"])


@commands.command()
def flush(
    path: MaybePath = None,
    below: Annotated[bool, typer.Option("--below", help="With everything below it.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    config: ConfigFiles = None,
    admin: Admin = None,
) -> None:
    """Forget a path, on all workers and in the store that gateways share; it is asked for anew."""
    if (path is None) != everything or (everything and below):
        raise BadRequest("give a PATH, perhaps with --below, or --all")
    query = "?all" if path is None else _query(path, config, "prefix" if below else "path")
    ask_admin(admin_address(admin, config), "DELETE", "/v1/cache" + query)
    what = "everything" if path is None else f"{path} and all below it" if below else path
    print(printable(f"forgotten: {what}"))


def _query(path: str | None, config: ConfigFiles, key: str = "path") -> str:
    if path is None:
        return ""
    inner = federated(configuration(config, None, None, None), path)
    return f"?{key}={quote(inner, safe='/', errors='surrogateescape')}"


def _print_facts(facts: dict[str, Any]) -> None:
    for key, value in facts.items():
        if key not in ("worker", "path"):
            print(printable(f"  {key:18} {_plain(value)}"))


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
            return str(value)

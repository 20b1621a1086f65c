"""``disagreements``: which replicas were found to differ from the others, as the gateway has written it down."""

import asyncio
import json
from typing import Annotated

import typer

from ugrpy.cli.options import ConfigFiles, configuration
from ugrpy.core.errors import ConfigError
from ugrpy.summing import Store
from ugrpy.summing.store import FILE, facts_of
from ugrpy.wiring.checksums import kept_in

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(disagreements)


def disagreements(config: ConfigFiles = None, as_json: Json = False) -> None:
    """Replicas that differ from the others and are not offered: on what, what they say, since when."""
    settings = configuration(config, None, None, None)
    folder = kept_in(settings)
    if folder is None or not (folder / FILE).exists():
        raise ConfigError(
            "no report is written down where this configuration says",
            where="changes.state_dir",
            hint="a gateway without a state folder tells it at /v1/disagreements of its admin listener only",
        )

    async def read() -> list[dict[str, str]]:
        store = Store(folder, settings.checksums.keep)
        try:
            return [facts_of(one) for one in await store.disagreements()]
        finally:
            await store.close()

    lines = asyncio.run(read())
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    for line in lines:
        print(
            f"{line['path']}\t{line['endpoint']}: {line['about']} {line['says']}, others {line['majority']}"
            f" (since {line['first_seen']}, last seen {line['last_seen']})"
        )

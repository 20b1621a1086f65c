"""How does one worker take part in what gateways share: which store, under which name, and what becomes of news?"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from ugrpy.cache.entries import CachePolicy
from ugrpy.config import Configuration
from ugrpy.core.errors import ConfigError
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.shared.coherence import Coherence
from ugrpy.shared.opening import Self, open_shards, open_stores
from ugrpy.shared.settings import SharedSettings
from ugrpy.wiring.changes import state_folder, takes_changes

IDENTITY_FILE = "gateway-id"


@asynccontextmanager
async def sharing(
    config: Configuration, federation: Federation, meter: Meter, index: int
) -> AsyncIterator[Coherence | None]:
    """This worker's part, ``None`` where nothing is shared. Somebody must ``run`` it."""
    if not config.shared.is_on:
        yield None
        return
    settings = outliving(config.shared, config.cache)

    def on_news(paths: Sequence[str], below: bool) -> None:
        forget = federation.forget_below if below else federation.forget
        for path in paths:
            forget(path)

    myself = await asyncio.to_thread(_myself, config, index)
    shards = open_shards(
        settings,
        open_stores(settings),
        myself,
        clock=federation.clock,
        # not the federation's: numbers that no other process draws must not come from a seed
        draw=SystemRandom().random,
        meter=meter,
    )
    coherence = Coherence(
        shards, settings, federation.clock, host=myself.host, on_news=on_news, meter=meter
    )
    federation.share(coherence, meter)
    try:
        yield coherence
    finally:
        await coherence.close()


def outliving(settings: SharedSettings, cache: CachePolicy) -> SharedSettings:
    """With nobody forgotten before all that he may have made wrong is too old to be believed anyway."""
    longest_s = max(cache.ttl_s, cache.negative_ttl_s, cache.listing_ttl_s) + settings.lease_s
    return replace(settings, forget_s=max(settings.forget_s, longest_s))


def _myself(config: Configuration, index: int) -> Self:
    run = uuid.uuid4().hex
    if not takes_changes(config):
        return Self(run, run)
    host = _identity(state_folder(config) / IDENTITY_FILE)
    return Self(host, run, f"{host}.{index}")


def _identity(path: Path) -> str:
    """What this gateway is called by the others, for as long as it keeps its folder. Raises ``ConfigError``."""
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            mine.write_text(uuid.uuid4().hex, encoding="ascii")
            with suppress(FileExistsError):  # another worker was quicker
                path.hardlink_to(mine)
            mine.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"cannot use {path}: {error}", where="changes.state_dir") from error

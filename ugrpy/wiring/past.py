"""Where does one worker write down what it knows, so that the next start and an outage find it?"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ugrpy.config import Configuration
from ugrpy.core.aio import cancel_and_wait
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.past import Keeping, open_store
from ugrpy.service.background import Background, start_background
from ugrpy.wiring.changes import state_folder, takes_changes


def past_folder(config: Configuration, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The state folder, where there is one anyway; ``None``: what is known does not outlive the process."""
    if not config.cache.stale_max_s:
        return None
    given = config.changes.state_dir is not None or environ.get("STATE_DIRECTORY")
    return state_folder(config, environ) if given or takes_changes(config) else None


@asynccontextmanager
async def past(
    config: Configuration, federation: Federation, clock: Clock, meter: Meter
) -> AsyncIterator[None]:
    """Write it down, and find it again, inside the block; nothing of the kind where there is no folder."""
    folder = past_folder(config)
    store = None
    if folder is not None:
        store = await asyncio.to_thread(open_store, folder, config.cache.max_items, clock)
    if store is None:
        yield
        return
    keeping = Keeping(store)
    federation.keep_past(keeping)
    writing = start_background(Background("past", keeping.run), meter, "ugrpy", clock)
    try:
        yield
    finally:
        await cancel_and_wait(writing)
        await keeping.close()

"""How does one worker take part in checksums: where what was learnt is kept, and what goes on beside the requests?"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ugrpy.config import Configuration
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.service.supervisor import SHARED_DIR
from ugrpy.summing import Store, Summing
from ugrpy.summing.keeping import Keeping
from ugrpy.wiring.changes import state_folder, takes_changes


@dataclass(frozen=True, slots=True)
class Checksums:
    """One worker's part."""

    summing: Summing
    store: Store
    keeping: Keeping


def kept_in(config: Configuration, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder for what was learnt: that of the changes where there is one, else one that all workers of this run share, else none."""
    if (
        takes_changes(config)
        or config.changes.state_dir is not None
        or environ.get("STATE_DIRECTORY")
    ):
        return state_folder(config, environ)
    shared = environ.get(SHARED_DIR)
    return Path(shared) if shared else None


@asynccontextmanager
async def checksums(
    config: Configuration, federation: Federation, meter: Meter
) -> AsyncIterator[Checksums]:
    """This worker's part, with what was learnt before. Raises ``ConfigError`` when it cannot be kept."""
    store = await asyncio.to_thread(Store, kept_in(config), config.checksums.keep)
    summing = Summing(federation, config.checksums, meter)
    keeping = Keeping(federation, store)
    try:
        await keeping.exchange()
        yield Checksums(summing, store, keeping)
    finally:
        await summing.close()
        await keeping.close()

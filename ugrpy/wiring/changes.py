"""How does one worker take part in changes: where they are written down, how the others hear of them, and who follows them up?"""

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ugrpy.changing import Changing, Ground, News
from ugrpy.changing.news import parse_news, render_news
from ugrpy.config import Configuration
from ugrpy.copying import Copier
from ugrpy.core.errors import ConfigError
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation
from ugrpy.journal.memory import MemoryJournal
from ugrpy.journal.store import FILE as JOURNAL_FILE
from ugrpy.journal.store import SqliteJournal
from ugrpy.service.channels import Channels

NEWS = "changes"
LOCK_FILE = "steward.lock"
LOCK_RETRY_S = 1.0
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.-]+")


def state_folder(config: Configuration, environ: Mapping[str, str] = os.environ) -> Path:
    """Where changes under way are written down: see the setting ``changes.state_dir``."""
    if config.changes.state_dir is not None:
        return config.changes.state_dir
    if given := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(given)
    base = environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return root / "ugrpy" / _NOT_IN_A_NAME.sub("_", str(config.service.listen[0]))


def takes_changes(config: Configuration) -> bool:
    """Whether any endpoint may be changed by anybody."""
    return bool(config.changes.write_from) and any(one.writable for one in config.endpoints)


@asynccontextmanager
async def changing(
    config: Configuration, federation: Federation, meter: Meter, channels: Channels
) -> AsyncIterator[Changing | None]:
    """This worker's part, ``None`` for a gateway that takes no changes. Raises ``ConfigError`` when they cannot be written down."""
    if not takes_changes(config):
        yield None
        return
    journal = await asyncio.to_thread(SqliteJournal, state_folder(config))

    async def tell(news: News) -> None:
        await channels.tell(NEWS, render_news(news))

    part = Changing(Ground(federation, journal, config.changes, tell=tell, meter=meter))

    async def hear(message: bytes) -> None:
        await part.hear(parse_news(message))

    try:
        with channels.hearing(NEWS, hear):
            try:
                # after the others can be heard, so that nothing is missed in between
                await part.ground.load()
                yield part
            finally:
                await part.finish()
    finally:
        await part.close()  # the last, since news is heard with its help


@asynccontextmanager
async def looking_at_changes(
    config: Configuration, federation: Federation
) -> AsyncIterator[Changing | None]:
    """The part of a process that only looks: it knows what the service has written down, and nobody hears of it."""
    if not takes_changes(config):
        yield None
        return
    folder = state_folder(config)
    written = (folder / JOURNAL_FILE).exists()
    journal = await asyncio.to_thread(SqliteJournal, folder) if written else MemoryJournal()
    part = Changing(Ground(federation, journal, config.changes))
    try:
        await part.ground.load()
        yield part
    finally:
        await part.close()


@asynccontextmanager
async def copying(config: Configuration, part: Changing | None) -> AsyncIterator[Copier | None]:
    """This worker's part in copies to and from other servers; ``None`` for a gateway that takes no changes."""
    if part is None:
        yield None
        return
    copier = Copier(part, config.copy)
    try:
        yield copier
    finally:
        await copier.close()


async def follow_up(config: Configuration, part: Changing) -> None:
    """Be the steward as soon as no other process is; until then, finish what this one alone knows to be unfinished."""
    folder = state_folder(config)
    with _lock_file(folder / LOCK_FILE) as lock:
        while not _taken(lock):
            if part.ground.left:
                await part.recovering.recover()
            await asyncio.sleep(LOCK_RETRY_S)
        await part.steward.run()


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot lock {path}: {error}", where="changes.state_dir") from error
    try:
        yield lock
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

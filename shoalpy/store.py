"""What was known when the server stopped? The last table, in a file, so that a server that starts answers at once.

The file is one JSON document, written anew beside the old one and put in its place when it is whole and on the disk: whatever happens in
between, power loss or a full disk, leaves the old one. It is only ever a help. A file that cannot be read is put aside under
``.bad`` and the table fills itself with heartbeats, within one interval of the agents.

A server that was away for long would find all its caches silent for too long, although it is the server that did not listen. So those
that were live when the file was written count as heard of until ``grace_s`` from now, unless the file is older than ``longest_s``.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import Field, TypeAdapter, ValidationError

from shoalpy.model import Cache, Health, Verification
from shoalpy.registry import Registry, RegistryPolicy
from ugrpy.core.aio import spawn
from ugrpy.core.clock import Clock

log = structlog.get_logger("shoalpy.store")

FORMAT = 1


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """Where the table is kept over a restart."""

    file: Annotated[
        str, Field(description="file that the table is kept in; empty: it is not kept")
    ] = ""
    interval_s: Annotated[
        float, Field(gt=0, description="how often it is written, if anything is new")
    ] = 5.0
    grace_s: Annotated[
        float,
        Field(ge=0, description="seconds that caches have to be heard of again after a restart"),
    ] = 60.0
    longest_s: Annotated[
        float, Field(ge=0, description="seconds after which an old file is no use any more")
    ] = 3600.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file holds."""

    format: int
    saved_at_s: float
    caches: tuple[Cache, ...]


_snapshot: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


def render_snapshot(caches: Sequence[Cache], now_s: float) -> bytes:
    """The bytes of the file."""
    return _snapshot.dump_json(Snapshot(FORMAT, now_s, tuple(caches)))


def parse_snapshot(data: bytes) -> Snapshot:
    """What ``render_snapshot`` wrote. Raises ``ValueError``."""
    try:
        snapshot = _snapshot.validate_json(data)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} places are not as they should be") from None
    if snapshot.format != FORMAT:
        raise ValueError(f"written in format {snapshot.format}; {FORMAT} is known here")
    return snapshot


def still_known(
    snapshot: Snapshot, now_s: float, registry: RegistryPolicy, policy: StorePolicy
) -> list[Cache]:
    """The caches that count after a restart."""
    if now_s - snapshot.saved_at_s > policy.longest_s:
        return []
    inactive_s = registry.inactive_s
    least_s = now_s - inactive_s + min(policy.grace_s, inactive_s)
    return [
        replace(cache, last_active_s=min(now_s, max(cache.last_active_s, least_s)))
        for cache in snapshot.caches
        if snapshot.saved_at_s - cache.last_active_s < inactive_s
    ]


def judged_alike(cache: Cache, unverified: Verification) -> Cache:
    """A verdict is no good where the rule has changed meanwhile: caches are looked at now, or no longer."""
    was_off, is_off = (one.health is Health.OFF for one in (cache.verification, unverified))
    return cache if was_off == is_off else cache.with_verification(unverified)


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file, or leave the old one. Raises ``OSError``."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


class Store:
    """Keeps ``registry`` in the file of ``policy``; ``failed`` is told of each time that it could not be written."""

    def __init__(
        self,
        policy: StorePolicy,
        registry: Registry,
        clock: Clock,
        *,
        failed: Callable[[OSError], None] = lambda _error: None,
    ) -> None:
        self._policy = policy
        self._path = Path(policy.file)
        self._registry = registry
        self._clock = clock
        self._failed = failed
        self._written_version = -1

    def __repr__(self) -> str:
        return f"<Store {self._path}, version {self._written_version} of {self._registry.version}>"

    async def load(self) -> int:
        """Take back what the file knows; how many caches count. Never fails: the file is a help only."""
        try:
            snapshot = await asyncio.to_thread(_read, self._path)
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            log.warning("kept table cannot be used", file=str(self._path), why=str(error))
            return 0
        now_s = self._clock.wall()
        registry = self._registry
        caches = still_known(snapshot, now_s, registry.policy, self._policy)
        count = registry.restore(
            (judged_alike(cache, registry.unverified) for cache in caches), now_s
        )
        log.info("kept table read", caches=count, age_s=round(now_s - snapshot.saved_at_s, 1))
        return count

    async def run(self) -> None:
        """Write what is new until cancelled, and a last time then."""
        writing: asyncio.Task[bool] | None = None
        try:
            while True:
                await asyncio.sleep(self._policy.interval_s)
                # a task of its own: a thread that writes cannot be cancelled, and must not meet the last writing
                writing = spawn(self.save(), name="store write")
                await asyncio.shield(writing)
        finally:
            if writing is not None:
                await writing
            await self.save()

    async def save(self) -> bool:
        """Write the table if it has changed; whether it is on the disk. A disk that is full is told of, and tried again."""
        registry = self._registry
        version = registry.version
        if version == self._written_version:
            return True
        now_s = self._clock.wall()
        caches = list(registry.live(now_s))
        try:
            await asyncio.to_thread(_write, self._path, caches, now_s)
        except OSError as error:
            log.warning("table not kept", file=str(self._path), why=str(error))
            self._failed(error)
            return False
        self._written_version = version
        return True


def _read(path: Path) -> Snapshot:
    data = path.read_bytes()
    try:
        return parse_snapshot(data)
    except ValueError:
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + ".bad"))
        raise


def _write(path: Path, caches: Sequence[Cache], now_s: float) -> None:
    write_whole(path, render_snapshot(caches, now_s))

"""Keeps what the files of sites say in ``service.directory``, and what the operator's says in ``service.rules``; writes the files of sites for other
servers (row S73).

Files are replaced by renaming a whole one into their place, here and by all who copy them, so that nobody ever reads half of one.
One that cannot be read or understood leaves what was known before.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from shoalpy.model import Cache
from shoalpy.wpad.conf import parse_conf
from shoalpy.wpad.directory import Directory, OrganisationOf
from shoalpy.wpad.policy import WpadPolicy
from shoalpy.wpad.rules import Rules, parse_rules
from shoalpy.wpad.service import WpadService
from shoalpy.wpad.sites import (
    BadSiteFile,
    Understood,
    parse_shoal_squids,
    parse_worker_proxies,
    render_shoal_squids,
    render_worker_proxies,
    shoal_squids_of,
)
from ugrpy.core.errors import ConfigError

T = TypeVar("T")

log = structlog.get_logger("shoalpy.wpad")

# Those of WLCG have about 100 kB.
MAX_FILE_BYTES = 64 * 1024 * 1024
_READABLE = 0o644


@dataclass(slots=True)
class _Kept(Generic[T]):
    """The last good content of one file."""

    path: str
    parse: Callable[[str], Understood[T]]
    found: tuple[T, ...] = ()
    stamp: tuple[int, int, int] | None = None

    def read(self) -> None:
        """Read it again if it is another one. Raises ``OSError``, ``ValueError``, ``BadSiteFile``."""
        if not self.path:
            return
        with Path(self.path).open("rb") as file:
            status = os.fstat(file.fileno())
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self.stamp:
                return
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BadSiteFile(f"it has more than {MAX_FILE_BYTES} bytes")
        understood = self.parse(data.decode("utf-8"))
        self.found, self.stamp = understood.found, stamp
        for problem in understood.problems:
            log.warning("left out of a file", file=self.path, problem=problem)


class SiteFiles:
    """``run`` goes on for ever; ``refresh`` is one round. ``caches`` are those tracked here, which count like those of the file."""

    def __init__(
        self,
        policy: WpadPolicy,
        service: WpadService,
        *,
        organisation_of: OrganisationOf,
        caches: Callable[[], Iterable[Cache]],
    ) -> None:
        self._policy = policy
        self._service = service
        self._organisation_of = organisation_of
        self._caches = caches
        self._rules = _Kept(policy.rules_file, self._parse_rules)
        self._sites = _Kept(policy.worker_proxies, parse_worker_proxies)
        self._squids = _Kept(policy.shoal_squids, parse_shoal_squids)

    def __repr__(self) -> str:
        return f"<SiteFiles {len(self._sites.found)} sites, {len(self._squids.found)} squids>"

    async def begin(self) -> None:
        """The first round. Raises ``ConfigError`` when the operator's rules cannot be had: without them everybody would be told wrong."""
        try:
            await asyncio.to_thread(self._rules.read)
        except (OSError, ValueError, BadSiteFile) as error:
            raise ConfigError(f"{self._rules.path}: {error}", where="wpad.rules_file") from None
        await self.refresh()

    async def run(self) -> None:
        """A round now, and then every ``reload_s``."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._policy.reload_s)

    async def refresh(self) -> None:
        """Read, look up anew whose addresses they are, and write. Never raises for a file."""
        await asyncio.to_thread(self._read, self._rules)
        for rules in self._rules.found:
            self._service.rules = rules
        await asyncio.to_thread(self._read, self._sites)
        await asyncio.to_thread(self._read, self._squids)
        caches = tuple(self._caches())
        tracked = shoal_squids_of(caches)
        names = {squid.hostname for squid in tracked}
        self._service.directory = Directory(
            self._sites.found,
            (*tracked, *(squid for squid in self._squids.found if squid.hostname not in names)),
            organisation_of=self._organisation_of,
        )
        sites = self._sites.found
        await self._write(self._policy.export_worker_proxies, lambda: render_worker_proxies(sites))
        await self._write(self._policy.export_shoal_squids, lambda: render_shoal_squids(caches))

    def _parse_rules(self, text: str) -> Understood[Rules]:
        conf = parse_conf(text)
        try:
            rules = parse_rules(conf.under(self._policy), conf.fsad)
        except ConfigError as error:
            raise BadSiteFile(str(error)) from None
        return Understood((rules,), conf.problems)

    def _read(self, kept: "_Kept[T]") -> None:
        try:
            kept.read()
        except (OSError, ValueError, BadSiteFile) as error:
            log.warning(
                "file not read, the one before still counts", file=kept.path, why=str(error)
            )

    async def _write(self, path: str, render: Callable[[], str]) -> None:
        if not path:
            return
        try:
            await asyncio.to_thread(lambda: write_whole(Path(path), render()))
        except OSError as error:
            log.warning("file not written", file=path, why=str(error))


def write_whole(path: Path, text: str) -> None:
    """Put a file with this text in the place of the one that is there, if it is another. Raises ``OSError``; then nothing has changed."""
    data = text.encode()
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), _READABLE)
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise

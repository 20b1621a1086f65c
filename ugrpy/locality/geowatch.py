"""Have the geographical databases changed on disk? Looked at now and then, and taken up without a request noticing (row S35).

A new database is copied, opened and tried in a thread, and only then put in the place of the old one; when it is damaged, half
written or gone, the old one stays, and that is logged and counted once for each such file. The look costs one ``stat`` a file.
"""

import asyncio
from collections.abc import Callable

import structlog

from ugrpy.core.errors import ConfigError
from ugrpy.locality.geodb import GeoDatabase, Refreshed

log = structlog.get_logger("ugrpy.locality")

CHECK_S = 60.0


class GeoWatcher:
    """Keeps a ``GeoDatabase`` current.

    ``forget`` is called after a change, in the loop: whoever remembers answers drops them. ``failed`` is told why a new file
    could not be used.
    """

    def __init__(
        self,
        database: GeoDatabase,
        *,
        forget: Callable[[], None],
        failed: Callable[[ConfigError], None] | None = None,
    ) -> None:
        self._database = database
        self._forget = forget
        self._failed = failed

    async def check(self) -> Refreshed:
        """Look once."""
        refreshed = await asyncio.to_thread(self._database.refresh)
        for error in refreshed.failures:
            log.warning("a GeoIP database cannot be used, the old one stays", problem=str(error))
            if self._failed is not None:
                self._failed(error)
        if refreshed.taken_up:
            log.info("new GeoIP databases", files=refreshed.taken_up)
            self._forget()
        return refreshed

    async def run(self, check_s: float = CHECK_S) -> None:
        """Look every ``check_s``, for ever."""
        while True:
            await asyncio.sleep(check_s)
            await self.check()

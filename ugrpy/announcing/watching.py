"""What do the calendars say, again and again? Read by one worker of the host, which tells the others by its desk.

A calendar that cannot be reached or read is told in the log and counted, and what it said last goes on to count: that a calendar is silent does
not mean that nobody is away.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from ugrpy.announcing.calendars import concerning, parse_calendar
from ugrpy.announcing.desk import Desk
from ugrpy.announcing.fetching import Fetching
from ugrpy.announcing.settings import DowntimeSettings
from ugrpy.announcing.words import Word
from ugrpy.core.clock import Clock
from ugrpy.core.errors import DataError, EndpointError
from ugrpy.core.meter import Meter
from ugrpy.namespace.model import EndpointId
from ugrpy.telemetry import CALENDAR_READS

log = structlog.get_logger("ugrpy.health")


@dataclass(slots=True)
class _Calendar:
    fetching: Fetching
    says: tuple[Word, ...]
    trouble: str = ""


class Watching:
    """Reads all calendars. ``known_as`` has the names by which calendars may call each endpoint, in lower case."""

    def __init__(
        self,
        settings: DowntimeSettings,
        known_as: Mapping[EndpointId, frozenset[str]],
        desk: Desk,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._known_as = known_as
        self._desk = desk
        self._clock = clock
        self._meter = meter

    async def run(self) -> None:
        """For ever."""
        calendars = [
            _Calendar(
                Fetching(feed, self._settings.max_feed_bytes),
                tuple(one for one in self._desk.downtimes if one.by == feed.called),
            )
            for feed in self._settings.feeds
        ]
        while calendars:
            await self.look(calendars)
            await asyncio.sleep(self._settings.interval_s)

    async def look(self, calendars: Sequence[_Calendar]) -> None:
        """Once, at all of them."""
        await asyncio.gather(*(self._read(one) for one in calendars))
        wall = self._clock.wall()
        said = (one for calendar in calendars for one in calendar.says)
        await self._desk.announce(one for one in said if not one.is_over(wall))

    async def _read(self, calendar: _Calendar) -> None:
        feed = calendar.fetching.feed
        try:
            data = await calendar.fetching.fetch()
            if data is not None:
                entries = await asyncio.to_thread(parse_calendar, data, feed.format)
                wall = self._clock.wall()
                calendar.says = concerning(entries, self._known_as, feed.called, wall)
        except (EndpointError, OSError, DataError) as error:
            calendar.fetching.forget()
            self._failed(calendar, str(error))
        else:
            self._count(feed.called, "read" if data is not None else "unchanged")
            if calendar.trouble:
                log.warning("a calendar of downtimes can be read again", feed=feed.called)
            calendar.trouble = ""

    def _failed(self, calendar: _Calendar, why: str) -> None:
        called = calendar.fetching.feed.called
        self._count(called, "failed")
        if why != calendar.trouble:
            log.warning(
                "a calendar of downtimes cannot be read, what it said before goes on to count",
                feed=called,
                reason=why,
                downtimes=len(calendar.says),
            )
        calendar.trouble = why

    def _count(self, feed: str, outcome: str) -> None:
        self._meter.instrument(CALENDAR_READS.name, feed=feed, outcome=outcome).add()

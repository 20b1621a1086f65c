"""What may be asked about past decisions: on the admin listener, and by commands that look into the files themselves.

``Recorded`` is what both have in common: a ring on disk, and the rules of today to decide again under.
"""

from asyncio import to_thread
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ugrpy.config import Configuration
from ugrpy.core.clock import Clock
from ugrpy.core.errors import BadRequest, NotFound
from ugrpy.locality.geodb import GeoDatabase, Locator
from ugrpy.locality.model import Place
from ugrpy.recording.asking import KEYS, parse_query
from ugrpy.recording.flights import Flight
from ugrpy.recording.reading import Found, Looked, Query, every, find
from ugrpy.recording.replay import OtherRules, Replayed, replay
from ugrpy.recording.rules import kept_rules
from ugrpy.recording.summary import Summary, replay_all
from ugrpy.recording.telling import facts_of, facts_of_replay, facts_of_summary
from ugrpy.wiring.assembly import places_of
from ugrpy.wiring.recording import rules_of

# What one page shows, and how many decisions one page makes again: about a second's work, beside requests that want answers.
MOST_SHOWN = 1_000
USUALLY_SHOWN = 50
MOST_REPLAYED = 5_000


class Recorded:
    """The ring in a folder. Its methods block; they raise ``NotFound`` when there is no such folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"<Recorded {self.folder}>"

    def find(self, query: Query, most: int) -> Found:
        """The newest decisions that fit."""
        try:
            return find(self.folder, query, most)
        except OSError as error:
            raise self._none(error) from error

    def one(self, request_id: str) -> Flight:
        """The newest decision of that id. Raises ``NotFound``."""
        found = self.find(Query(id=request_id), 1)
        if not found.flights:
            raise NotFound(f"no decision {request_id} is recorded, or not any more")
        return found.flights[0]

    def replay(self, flight: Flight, now: OtherRules | None) -> Replayed:
        """One decision again. Raises ``NotReplayable`` or ``NoRules``."""
        return replay(flight, kept_rules(self.folder, flight.rules), now)

    def replay_all(
        self, query: Query, now: OtherRules | None, most: int | None = None
    ) -> tuple[Summary, Looked]:
        """All that fit, again."""
        looked = Looked()
        try:
            flights = every(self.folder, query, looked)
            return replay_all(flights, partial(kept_rules, self.folder), now, most), looked
        except OSError as error:
            raise self._none(error) from error

    def _none(self, error: OSError) -> NotFound:
        return NotFound(f"{self.folder}: {error.strerror or error}")


async def rules_today(config: Configuration) -> OtherRules:
    """The rules of a configuration that need not be one of a running gateway. Raises ``ConfigError``."""
    database = await to_thread(GeoDatabase, config.locality.geoip)
    locator = Locator(database, config.locality.networks)
    places = await places_of(config.endpoints, locator)
    named: Mapping[str, Place] = {
        one.name: place for one, place in zip(config.endpoints, places, strict=True)
    }
    return OtherRules(rules_of(config, named), locator.place)


class FlightPages:
    """``/v1/flights`` and ``/v1/flights/replay``: past decisions of all workers of this host, and what they would be today."""

    def __init__(self, recorded: Recorded, today: OtherRules, clock: Clock) -> None:
        self._recorded = recorded
        self._today = today
        self._clock = clock

    async def found(self, said: Mapping[str, str]) -> dict[str, object]:
        """The decisions that fit a query string. Raises ``BadRequest`` and ``NotFound``."""
        query = self._query(said, "most")
        most = _number(said.get("most", str(USUALLY_SHOWN)), MOST_SHOWN)
        found = await to_thread(self._recorded.find, query, most)
        return {
            "flights": [facts_of(flight) for flight in found.flights],
            "more": found.more,
            "damaged": found.looked.damaged,
        }

    async def replayed(self, said: Mapping[str, str]) -> dict[str, object]:
        """What those would be today: one in full when an id is given, else sums. Raises ``BadRequest`` and ``NotFound``."""
        query = self._query(said, "most")
        if query.id is not None:
            flight = await to_thread(self._recorded.one, query.id)
            return facts_of_replay(await to_thread(self._recorded.replay, flight, self._today))
        most = _number(said.get("most", str(MOST_REPLAYED)), MOST_REPLAYED)
        summary, looked = await to_thread(self._recorded.replay_all, query, self._today, most)
        return {**facts_of_summary(summary), "damaged": looked.damaged}

    def _query(self, said: Mapping[str, str], *more: str) -> Query:
        unknown = said.keys() - {*KEYS, *more}
        if unknown:
            raise BadRequest(f"what is {min(unknown)!r}? There are {', '.join((*KEYS, *more))}")
        return parse_query(said, self._clock.wall())


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise BadRequest(f"most is a number from 1 to {most}")
    return int(text)

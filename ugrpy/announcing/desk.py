"""Where is it kept what is said about endpoints, and who hears of it?

Every worker has a desk. What operators say is written into the state folder first, then it counts here, then in all other workers, and only then is
the operator answered: so it survives a restart, and no worker of the host acts otherwise any more. Calendars are read by one worker, which
passes on what they say in the same way.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from ugrpy.announcing.words import Word, parse_words, render_words, with_word, without_orders
from ugrpy.core.clock import Clock
from ugrpy.core.errors import DataError, Unavailable
from ugrpy.health.board import HealthBoard
from ugrpy.health.states import Transition
from ugrpy.namespace.model import EndpointId
from ugrpy.service.channels import Channels

log = structlog.get_logger("ugrpy.health")

ORDERS = "orders"
CALENDARS = "downtimes"
REFRESH_S = 60.0
CHANNEL = "notices"


class Desk:
    """One worker's desk. ``folder`` is the state folder; it is made when something has to be written there first."""

    def __init__(
        self,
        board: HealthBoard,
        clock: Clock,
        folder: Path,
        channels: Channels,
        on_transition: Callable[[Transition], None],
    ) -> None:
        self._board = board
        self._clock = clock
        self._folder = folder
        self._channels = channels
        self._on_transition = on_transition
        self._changing = asyncio.Lock()
        self._said: dict[str, tuple[Word, ...]] = {ORDERS: (), CALENDARS: ()}

    def __repr__(self) -> str:
        return f"<Desk {len(self.orders)} orders, {len(self.downtimes)} downtimes>"

    @property
    def orders(self) -> tuple[Word, ...]:
        """What operators have said."""
        return self._said[ORDERS]

    @property
    def downtimes(self) -> tuple[Word, ...]:
        """What calendars say."""
        return self._said[CALENDARS]

    async def load(self) -> None:
        """Take up what was said before this process began. A file that cannot be read is told in the log and set aside."""
        for topic in (ORDERS, CALENDARS):
            path = self._folder / f"{topic}.json"
            try:
                data = await asyncio.to_thread(path.read_bytes)
                self._said[topic] = parse_words(data)
            except FileNotFoundError:
                continue
            except (OSError, DataError) as error:
                aside = path.with_suffix(".unreadable")
                log.warning(
                    "what was said of endpoints cannot be read",
                    file=str(path),
                    reason=str(error),
                    set_aside=str(aside),
                )
                with suppress(OSError):
                    await asyncio.to_thread(path.replace, aside)
        self.apply()

    async def order(self, said: Word) -> None:
        """An operator says something. Raises ``Unavailable`` when it cannot be written down; then nothing has changed."""
        async with self._changing:
            wall = self._clock.wall()
            await self._change(ORDERS, with_word(self.orders, said, wall))

    async def give_back(self, endpoint: EndpointId, *, planned: bool = False) -> None:
        """An operator's orders for an endpoint end, with ``planned`` those too that have not begun. Raises as ``order``."""
        async with self._changing:
            wall = self._clock.wall()
            left = without_orders(self.orders, endpoint, wall, planned=planned)
            await self._change(ORDERS, left)

    async def announce(self, downtimes: Iterable[Word]) -> None:
        """All that calendars say now. Where it cannot be written down it counts all the same: it will be read again."""
        async with self._changing:
            words = tuple(downtimes)
            if words == self.downtimes:
                return
            try:
                await self._change(CALENDARS, words)
            except Unavailable as error:
                log.warning("downtimes are not written down", reason=str(error))
                await self._publish(CALENDARS, words)

    async def hear(self, message: bytes) -> None:
        """Another worker's desk has news."""
        topic, _, content = message.decode("ascii").partition(":")
        self._said[topic] = parse_words(content.encode("ascii"))
        self.apply()

    async def run(self) -> None:
        """Keep in step with the wall clock, which may be set meanwhile."""
        while True:
            await asyncio.sleep(REFRESH_S)
            self.apply()

    def apply(self) -> None:
        """Have everything count that is said."""
        now = self._clock.monotonic()
        ahead_s = self._clock.wall() - now
        for endpoint in self._board:
            about = [one for words in self._said.values() for one in words]
            notices = [one.as_notice(ahead_s) for one in about if one.endpoint == endpoint]
            change = self._board.announce(endpoint, notices, now)
            if change is not None:
                self._on_transition(change)

    async def _change(self, topic: str, words: tuple[Word, ...]) -> None:
        try:
            await asyncio.to_thread(self._write, topic, render_words(words))
        except OSError as error:
            raise Unavailable(f"it cannot be written down: {error}", retry_after_s=None) from error
        await self._publish(topic, words)

    async def _publish(self, topic: str, words: tuple[Word, ...]) -> None:
        self._said[topic] = words
        self.apply()
        await self._channels.tell(CHANNEL, f"{topic}:".encode() + render_words(words))

    def _write(self, topic: str, data: bytes) -> None:
        """In one piece or not at all, and on the disk when it returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{topic}.json"
        early = path.with_suffix(f".{os.getpid()}.new")
        with early.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        early.replace(path)

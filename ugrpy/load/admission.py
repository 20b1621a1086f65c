"""The gateway's own gate: no request makes endpoints work before its network has a turn.

Everything here is for requests that reach endpoints. A redirect of a remembered name does not pass by, and costs nothing.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address
from types import TracebackType
from typing import NoReturn

import structlog

from ugrpy import telemetry
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import TooManyRequests
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.load.asker import work_for, work_for_others
from ugrpy.load.gate import Gate, TurnedAway
from ugrpy.load.pace import SOONEST_S, Ending
from ugrpy.load.rates import Rates
from ugrpy.load.settings import RESERVE_SHARE, LoadSettings
from ugrpy.load.share import Limit, Room
from ugrpy.load.usage import Usage
from ugrpy.security.networks import network_of

log = structlog.get_logger("ugrpy.load")

# A network that is refused is named in the log at most so often.
LOG_EVERY_S = 10.0
# So many long pages are made at a time: each takes some 260 bytes a name while it is, and a second or two for a hundred thousand names.
LONG_PAGES = 4
LONG_PAGE_S = 5.0

Address = IPv4Address | IPv6Address | None


class Admission:
    """One for each worker. ``at_work(address)`` is to be entered around what makes endpoints work."""

    def __init__(
        self,
        settings: LoadSettings | None = None,
        clock: Clock | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.settings = settings = settings or LoadSettings()
        self.clock = clock or SystemClock()
        self.gate = Gate(
            Room(
                settings.max_at_work,
                settings.reserve,
                settings.max_waiting,
                settings.network_at_work,
                settings.network_waiting,
            )
        )
        self.pages = Gate(Room(LONG_PAGES, int(LONG_PAGES * RESERVE_SHARE), settings.max_waiting))
        self.usage = Usage()
        self._rates = (
            Rates(settings.network_rate, settings.burst) if settings.network_rate else None
        )
        self._ending = Ending()
        self._counts = _Counts(meter or NullMeter())
        self._logged: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<Admission {self.gate!r}>"

    def network(self, address: Address) -> str:
        """What counts as one network with this address."""
        return network_of(address, self.settings.network_bits_v4, self.settings.network_bits_v6)

    def at_work(self, address: Address) -> "Place":
        """A place for one request: ``async with``. Raises ``TooManyRequests``."""
        return Place(self, self.network(address))

    @asynccontextmanager
    async def long_page(self, address: Address) -> AsyncIterator[None]:
        """For as long as a long page is being rendered. Raises ``TooManyRequests``."""
        network = self.network(address)
        try:
            await self.pages.enter(network, self.settings.max_wait_s)
        except TurnedAway:
            self._refuse(network, Limit.PAGES, LONG_PAGE_S)
        try:
            yield
        finally:
            self.pages.leave(network)

    async def enter(self, network: str) -> None:
        """Wait for a turn; then ``leave``."""
        started_s = self.clock.monotonic()
        used = self.usage.of(network)
        if self._rates is not None and (wait_s := self._rates.take(network, started_s)):
            self._refuse(network, Limit.RATE, wait_s)
        try:
            waited = await self.gate.enter(network, self.settings.max_wait_s)
        except TurnedAway as error:
            self._refuse(network, error.limit, self._worth_waiting_s(network))
        used.admitted += 1
        if waited:
            took_s = self.clock.monotonic() - started_s
            used.waited += 1
            used.waited_s += took_s
            self._counts.waited(took_s)
        else:
            self._counts.admitted()

    def leave(self, network: str) -> None:
        """The request has its answer, or needs endpoints no more."""
        self._ending.ended(self.clock.monotonic(), busy=self.gate.share.waiting > 0)
        self.gate.leave(network)

    def _worth_waiting_s(self, network: str) -> float:
        """A network's turn comes once for each of those that wait."""
        share = self.gate.share
        return self._ending.retry_after_s(share.of(network)[1] * max(1, share.active))

    def _refuse(self, network: str, limit: Limit, wait_s: float) -> NoReturn:
        used = self.usage.of(network)
        used.refused += 1
        self._counts.refused(limit)
        self._tell(network, limit, used.refused)
        raise too_many(self.settings, limit, wait_s)

    def _tell(self, network: str, limit: Limit, refused: int) -> None:
        now = self.clock.monotonic()
        if now - self._logged.get(network, now - LOG_EVERY_S) < LOG_EVERY_S:
            return
        if len(self._logged) >= _MOST_LOGGED:
            self._logged.clear()
        self._logged[network] = now
        at_work, waiting = self.gate.share.of(network)
        log.warning(
            "requests refused",
            network=network,
            limit=limit.value,
            at_work=at_work,
            waiting=waiting,
            refused_so_far=refused,
        )


_MOST_LOGGED = 1024


class Place:
    """One request's place: entered when it makes endpoints work, left when it has its answer."""

    __slots__ = ("_admission", "_network", "_token")

    def __init__(self, admission: Admission, network: str) -> None:
        self._admission = admission
        self._network = network

    async def __aenter__(self) -> None:
        await self._admission.enter(self._network)
        self._token = work_for(self._network)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        work_for_others(self._token)
        self._admission.leave(self._network)


def too_many(settings: LoadSettings, limit: Limit, wait_s: float) -> TooManyRequests:
    """What a client is told whose request is refused: which limit, how much it is, when to come back."""
    words, most = _WORDS[limit](settings)
    return TooManyRequests(
        words, retry_after_s=max(SOONEST_S, wait_s), limit=limit.value, most=most
    )


_Told = tuple[str, float]
_WORDS: dict[Limit, Callable[[LoadSettings], _Told]] = {
    Limit.FULL: lambda by: (
        f"your network has more requests waiting here than any other, and no more than {by.max_waiting} wait in all",
        by.max_waiting,
    ),
    Limit.NETWORK_FULL: lambda by: (
        f"at most {by.network_waiting} requests of one network wait here",
        by.network_waiting,
    ),
    Limit.TOO_LONG: lambda by: (
        f"the request waited for its turn for {by.max_wait_s:g} seconds",
        by.max_wait_s,
    ),
    Limit.PAGES: lambda _by: (
        f"no more than {LONG_PAGES} long pages are made at a time here",
        LONG_PAGES,
    ),
    Limit.RATE: lambda by: (
        f"one network may ask {by.network_rate:g} times a second here",
        by.network_rate,
    ),
}


class _Counts:
    """The instruments, fetched once."""

    def __init__(self, meter: Meter) -> None:
        self._decisions = {
            outcome: meter.instrument(telemetry.ADMISSIONS.name, outcome=outcome)
            for outcome in telemetry.ADMISSION_OUTCOMES
        }
        self._seconds = meter.instrument(telemetry.QUEUE_SECONDS.name)

    def admitted(self) -> None:
        self._decisions["at once"].add()

    def waited(self, took_s: float) -> None:
        self._decisions["waited"].add()
        self._seconds.add(took_s)

    def refused(self, limit: Limit) -> None:
        self._decisions[limit.value].add()

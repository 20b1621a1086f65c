"""From a configuration to a table with all that fills it and answers from it: the one place where the parts are put together."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from aiohttp import web

from shoalpy import telemetry
from shoalpy.config import Tables
from shoalpy.geoapi_lookup import AddressBook, NameService
from shoalpy.intake import https
from shoalpy.intake.amqp import AmqpIntake
from shoalpy.intake.counts import Counts, Transport
from shoalpy.intake.https import BeatsOverHttps
from shoalpy.intake.taking import Intake
from shoalpy.model import Address
from shoalpy.nearest import Nearest
from shoalpy.probe import Verifier
from shoalpy.ranking import Draw
from shoalpy.registry import Registry
from shoalpy.signing import Verifier as SignatureVerifier
from shoalpy.signing import parse_keys
from shoalpy.store import Store
from shoalpy.web import geo as geo_web
from shoalpy.web import v2
from shoalpy.web import wpad as wpad_web
from shoalpy.web.callers import Asking, Callers
from shoalpy.web.front import Answer, Front, FrontParts
from shoalpy.web.health import Check, Wellness
from shoalpy.web.page import PageView
from shoalpy.web.v1 import V1
from shoalpy.whereabouts import Whereabouts, open_whereabouts
from shoalpy.wpad.files import SiteFiles
from shoalpy.wpad.rules import Rules
from shoalpy.wpad.service import WpadService
from ugrpy import __version__
from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError
from ugrpy.core.meter import Meter
from ugrpy.locality import Position
from ugrpy.service.api import ApiToken, ApiTokens
from ugrpy.service.background import Background
from ugrpy.service.observing import client_of

log = structlog.get_logger("shoalpy")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parts are given from outside. What has to be closed in the end is put on ``closing``."""

    clock: Clock
    meter: Meter
    draw: Draw
    closing: AsyncExitStack


@dataclass(frozen=True, slots=True)
class Assembled:
    """What is served, what goes on beside, and how it is doing. ``front`` stands before the application of version 2."""

    registry: Registry
    app: web.Application
    front: Front
    wellness: Wellness
    background: list[Background]


async def assemble(settings: Tables, around: Surroundings) -> Assembled:
    """Put it together. Raises ``ConfigError`` for what can only be seen now, such as a file that cannot be read."""
    registry = Registry(settings.registry, settings.verification.unverified)
    making = _Making(settings, around, registry)
    await making.whereabouts()
    making.sweep()
    await making.store()
    making.verification()
    making.geo_api()
    await making.wpad()
    await making.intake()
    return Assembled(
        making.registry, making.application(), making.front(), making.wellness, making.background
    )


@dataclass(slots=True)
class _Making:
    """The parts while they are being put together."""

    settings: Tables
    around: Surroundings
    registry: Registry
    background: list[Background] = field(default_factory=list)
    checks: dict[str, Callable[[], Check]] = field(default_factory=dict)
    answers: dict[str, tuple[str, Answer]] = field(default_factory=dict)
    below: dict[str, tuple[str, Answer]] = field(default_factory=dict)
    forgets: list[Callable[[], None]] = field(default_factory=list)
    where: Whereabouts = field(init=False)
    nearest: Nearest = field(init=False)
    callers: Callers = field(init=False)
    wellness: Wellness = field(init=False)
    _rules: Callable[[], Rules] = field(init=False)
    _book: AddressBook | None = None

    def __post_init__(self) -> None:
        self.wellness = Wellness(
            self.registry, self.checks, clock=self.around.clock, meter=self.around.meter
        )

    async def whereabouts(self) -> None:
        """Who is where, and so who is near whom."""
        settings, around = self.settings, self.around
        self.where = where = await open_whereabouts(
            settings.geo,
            settings.network,
            clock=around.clock,
            meter=around.meter,
            forget=self._forget,
            closing=around.closing,
        )
        self.nearest = Nearest(
            self.registry,
            settings.ranking,
            same_network=where.networks.same_network,
            draw=around.draw,
        )
        self.callers = Callers(where.networks.caller, takes_ip=settings.server.ip_override)
        if settings.geo.databases:
            self.background.append(where.watch)
            self.wellness.gauge(
                around.meter.instrument(telemetry.GEO_AGE.name),
                lambda: where.geo.age_s(around.clock.wall()),
            )

    def _forget(self) -> None:
        self.callers.forget()
        self.nearest.forget()
        for forget in self.forgets:
            forget()
        self.registry.place_anew(self.where.geo.facts_of_beat)

    def sweep(self) -> None:
        """Those who look see an old cache gone at its moment; this lets go of what is kept of it."""

        async def sweep() -> None:
            while True:
                await asyncio.sleep(self.settings.server.sweep_s)
                for cache in self.registry.expire(self.around.clock.wall()):
                    log.info("cache not heard of", key=cache.key, hostname=cache.beat.hostname)

        self.background.append(Background("sweep", sweep))

    async def store(self) -> None:
        """What was known before the restart, and what will be after the next."""
        if self.settings.store.file:
            failures = self.around.meter.instrument(telemetry.STORE_FAILURES.name)
            store = Store(
                self.settings.store,
                self.registry,
                self.around.clock,
                failed=lambda _error: failures.add(),
            )
            await store.load()
            self.background.append(Background("store", store.run))

    def verification(self) -> None:
        """Whether caches do their work."""
        settings, around = self.settings, self.around
        if settings.verification.enabled:
            verifier = Verifier(
                self.registry,
                settings.verification,
                clock=around.clock,
                draw=around.draw,
                meter=around.meter,
            )
            self.background.append(Background("verification", verifier.run))

    def geo_api(self) -> None:
        """CVMFS clients are told which of their servers are near."""
        policy = self.settings.geoapi
        if not policy.enabled:
            return
        api = geo_web.GeoApi(self._position_of, self._address_book(), policy)
        self.forgets.append(api.forget)
        route = geo_web.geo_route(api)
        self.below.update(dict.fromkeys(geo_web.STARTS, ("geo", route)))

    async def wpad(self) -> None:
        """Scripts that say which proxies to use."""
        policy, around = self.settings.wpad, self.around
        service = WpadService(policy, self.settings.ranking)
        files = SiteFiles(
            policy,
            service,
            organisation_of=self._organisation_of,
            caches=lambda: self.registry.live(around.clock.wall()),
        )
        await files.begin()
        self.background.append(Background("wpad files", files.run))
        self._rules = lambda: service.rules
        has_names = bool(policy.rules_file or service.rules.named_proxies)
        parts = wpad_web.WpadParts(
            service,
            self.nearest,
            policy.count,
            around.clock,
            self._organisation_of,
            self._position_of,
            self._address_book() if has_names else None,
        )
        self.answers[wpad_web.PATH] = ("wpad", wpad_web.WpadRoute(parts))

    def _address_book(self) -> AddressBook:
        """Names to addresses, asked of the name service that the Geo-API asks."""
        if self._book is None:
            policy, around = self.settings.geoapi, self.around
            names = NameService(policy.nameservers)
            around.closing.push_async_callback(names.close)
            self._book = AddressBook(names.addresses, clock=around.clock, kept=policy.kept_names)
            around.closing.push_async_callback(self._book.close)
        return self._book

    def _position_of(self, address: Address) -> Position | None:
        return self.where.geo.facts_of(address).place.position

    def _organisation_of(self, address: Address) -> str | None:
        return self.where.geo.facts_of(address).organisation

    async def intake(self) -> None:
        """Whatever brings heartbeats."""
        settings, around = self.settings, self.around
        intake = Intake(self.registry, self.where.geo.facts_of, Counts(around.meter), around.clock)
        if settings.beats.keys_file:
            beats = await _beats(settings, intake)
            self.answers[https.PATH] = ("beats", lambda request, _asking: beats(request))
        if not settings.amqp.host:
            return
        amqp = AmqpIntake(
            settings.amqp,
            lambda body, signer: intake.take(body, signer, transport=Transport.AMQP),
            draw=around.draw,
            clock=around.clock,
        )
        self.background.append(Background("amqp", amqp.run))
        self.checks["broker"] = lambda: _broker(amqp)
        self.wellness.gauge(
            around.meter.instrument(telemetry.BROKER_UP.name), lambda: float(amqp.state().up)
        )

    def application(self) -> web.Application:
        """Version 2."""
        server = self.settings.server
        parts = v2.V2Parts(
            self.registry,
            self.nearest,
            self.settings.ranking,
            self.callers,
            self.around.clock,
            hide_private=server.hide_private,
            takes_ip=server.ip_override,
            removed=lambda key, who: log.warning("cache removed by hand", key=key, by=who),
        )
        tokens = [ApiToken(one.name, one.sha256, one.roles) for one in self.settings.tokens]
        identify = ApiTokens(tokens, realm="shoalpy", address_of=client_of)
        app = web.Application()
        v2.V2(parts).api(identify).add_to(app)
        return app

    def front(self) -> Front:
        """All that is asked for most."""
        server = self.settings.server
        own_fsad = dict(line.split("=", 1) for line in server.fsad)
        parts = FrontParts(
            V1(
                self.registry,
                self.nearest,
                self.settings.ranking,
                hide_private=server.hide_private,
            ),
            self.callers,
            self._view,
            answers=self.answers,
            below=self.below,
            behind=v2.BEHIND,
            fsad=lambda: {**self._rules().fsad, **own_fsad},
        )
        return Front(parts, clock=self.around.clock, meter=self.around.meter)

    def _view(self, asking: Asking, now_s: float) -> PageView:
        policy = self.settings.registry
        in_network = self.nearest.in_network_of(asking.caller)
        return PageView(
            list(self.registry.live(now_s)),
            now_s,
            policy.inactive_s,
            policy.drift_s,
            __version__,
            in_network if self.settings.server.hide_private else lambda _cache: True,
        )


async def _beats(settings: Tables, intake: Intake) -> BeatsOverHttps:
    path = settings.beats.keys_file
    try:
        text = await asyncio.to_thread(Path(path).read_text, "utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", where="beats.keys_file") from None
    keys = parse_keys(text, where=path)
    verifier = SignatureVerifier(keys, window_s=settings.beats.window_s)
    return BeatsOverHttps(
        intake, verifier, address_of=client_of, timeout_s=settings.server.body_timeout_s
    )


def _broker(amqp: AmqpIntake) -> Check:
    state = amqp.state()
    return Check("" if state.up else state.problem or "not connected", {"since_s": state.since_s})

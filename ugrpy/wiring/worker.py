"""One gateway process: what is served where, by which settings, and what goes on beside it."""

import asyncio
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import structlog

from ugrpy.changing import Changing
from ugrpy.config import Configuration
from ugrpy.copying import Copier
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import ConfigError
from ugrpy.federation import Federation
from ugrpy.frontend.gateway import Gateway, GatewayOptions
from ugrpy.load.admission import Admission
from ugrpy.locality.geowatch import GeoWatcher
from ugrpy.namespace.paths import PrefixMap
from ugrpy.recording import Recorder
from ugrpy.recording.replay import OtherRules
from ugrpy.service.access import AccessLog, opened_log
from ugrpy.service.background import Background
from ugrpy.service.channels import channels_of_host
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.protocol import GatewayProtocol
from ugrpy.service.runner import Door, options_for, run, serve
from ugrpy.service.state import ServiceState
from ugrpy.service.workers import among_workers
from ugrpy.shared.coherence import Coherence
from ugrpy.telemetry import GEO_FAILURES, METRICS
from ugrpy.wiring.admin import AdminPages
from ugrpy.wiring.assembly import Assembled, assemble
from ugrpy.wiring.changes import changing, copying, follow_up
from ugrpy.wiring.checksums import Checksums, checksums
from ugrpy.wiring.explaining import Explainer, policy_of
from ugrpy.wiring.flights import FlightPages, Recorded
from ugrpy.wiring.flushing import Flushing, flushing
from ugrpy.wiring.gauges import Gauges
from ugrpy.wiring.health import Health, health
from ugrpy.wiring.load import LoadGauges, render_load
from ugrpy.wiring.past import past
from ugrpy.wiring.recording import recording
from ugrpy.wiring.shares import of_worker, too_few
from ugrpy.wiring.sharing import sharing

log = structlog.get_logger("ugrpy.service")


def run_worker(
    config: Configuration, *, index: int = 0, loop: str = "uvloop", protocol: str = ""
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. ``loop`` is ``uvloop`` or ``asyncio``.

    ``protocol`` names another connection class (``module:Class``), for experiments. Raises ``ConfigError`` when it cannot start.
    """
    return run(Worker(config, index, _protocol_class(protocol)).serve(), loop=loop)


def _protocol_class(name: str) -> type[GatewayProtocol]:
    if not name:
        return GatewayProtocol
    module, _, attribute = name.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"cannot load {name}: {error}", where="--protocol") from error
    if not (isinstance(found, type) and issubclass(found, GatewayProtocol)):
        raise ConfigError(f"{name} is no GatewayProtocol", where="--protocol")
    return found


@dataclass(frozen=True, slots=True)
class Parts:
    """What one process does beside answering: each opened before it serves, and closed after it."""

    changing: Changing | None
    copier: Copier | None
    sums: Checksums
    caring: Health
    shared: Coherence | None
    load: Admission
    recorder: Recorder | None
    flushing: Flushing


class Worker:
    """One process's part of the service. Worker 0 also has the admin listener."""

    def __init__(self, config: Configuration, index: int, protocol: type[GatewayProtocol]) -> None:
        self._config = of_worker(config, index)
        self._index = index
        if index == 0 and (limits := too_few(config)):
            log.warning(
                "more workers than an endpoint may have requests: it gets one from each",
                workers=config.service.workers,
                max_connections=limits,
            )
        self._protocol = protocol
        self._clock = SystemClock()
        self._meter = PrometheusMeter(METRICS)

    async def serve(self) -> int:
        """Start, wait for a signal, stop. Whatever was opened is closed, also when the start fails."""
        assembled = await assemble(self._config, clock=self._clock, meter=self._meter)
        try:
            with opened_log(self._config.service.access_log, self._clock) as access_log:
                federation = assembled.federation
                async with (
                    channels_of_host() as channels,
                    past(self._config, federation, self._clock, self._meter),
                    # left after changes have ended, since they are told there
                    sharing(self._config, federation, self._meter, self._index) as shared,
                    changing(self._config, federation, self._meter, channels) as part,
                    copying(self._config, part) as copier,
                    checksums(self._config, federation, self._meter) as sums,
                    health(self._config, assembled, channels, self._meter, shared) as caring,
                    recording(self._config, federation, self._meter, self._index) as recorder,
                    flushing(federation, channels) as flush,
                ):
                    load = Admission(self._config.load, self._clock, self._meter)
                    parts = Parts(part, copier, sums, caring, shared, load, recorder, flush)
                    gateway = self._gateway(federation, access_log, parts)
                    await self._serve(assembled, gateway, parts)
        finally:
            await assembled.close()
        return 0

    async def _serve(self, assembled: Assembled, gateway: Gateway, parts: Parts) -> None:
        service = self._config.service
        gauges = Gauges(self._meter, assembled.federation, gateway, parts.changing)
        state = ServiceState(self._meter, gauges.note, gauges.refresh, service.metrics_from)
        state.also_refresh.append(LoadGauges(self._meter, parts.load, assembled.federation).refresh)
        if parts.shared is not None:
            state.also_refresh.append(parts.shared.show)
        gateway.sides.update(state.sides(open_metrics=False))
        doors = [Door(gateway, service.listen, shared=service.workers > 1)]
        if service.admin is not None and self._index == 0:
            doors.append(
                Door(self._admin_pages(assembled, gateway, state, parts), (service.admin,))
            )
        stop = asyncio.Event()
        background = self._background(assembled, parts)
        if service.workers > 1:
            background += among_workers(state, stop)
        options = options_for(service, "ugrpy", protocol=self._protocol, worker=self._index)
        await serve(doors, state=state, options=options, background=background, stop=stop)

    def _background(self, assembled: Assembled, parts: Parts) -> list[Background]:
        background = [
            *parts.caring.background,
            Background("geoip", self._geo_watcher(assembled).run),
            Background("learnt", parts.sums.keeping.run),
            Background("comparing", parts.sums.summing.comparing.run),
        ]
        if parts.shared is not None:
            background.append(Background("shared store", parts.shared.run))
        if (changes := parts.changing) is not None:
            background += [
                Background("steward", lambda: follow_up(self._config, changes)),
                Background("room", changes.rooms.run),
            ]
        if parts.recorder is not None:
            background.append(Background("recorder", parts.recorder.run))
        return background

    def _admin_pages(
        self, assembled: Assembled, gateway: Gateway, state: ServiceState, parts: Parts
    ) -> AdminPages:
        streams = None if gateway.streaming is None else gateway.streaming.share
        recorder = parts.recorder
        return AdminPages(
            assembled,
            parts.sums.store,
            state,
            Explainer(assembled.federation, policy_of(self._config), parts.changing),
            parts.caring.desk,
            parts.flushing,
            partial(render_load, parts.load, assembled.federation, streams),
            None if recorder is None else self._flight_pages(assembled, recorder),
        )

    def _gateway(
        self, federation: Federation, access_log: AccessLog | None, parts: Parts
    ) -> Gateway:
        settings = self._config.federation
        options = GatewayOptions(
            prefixes=PrefixMap(settings.prefixes, settings.new_prefix),
            trusted_proxies=self._config.service.trusted_proxies,
            max_replicas=settings.max_replicas,
            show_endpoints=settings.show_endpoints,
            policy=policy_of(self._config),
            access_log=access_log,
            body_timeout_s=self._config.service.body_timeout_s,
            streaming=self._config.streaming,
            recorder=parts.recorder,
        )
        return Gateway(
            federation,
            options,
            parts.changing,
            copier=parts.copier,
            load=parts.load,
            summing=parts.sums.summing,
            clock=self._clock,
            meter=self._meter,
        )

    def _flight_pages(self, assembled: Assembled, recorder: Recorder) -> FlightPages:
        today = OtherRules(recorder.rules, assembled.locator.place)
        return FlightPages(Recorded(recorder.folder), today, self._clock)

    def _geo_watcher(self, assembled: Assembled) -> GeoWatcher:
        failures = self._meter.instrument(GEO_FAILURES.name)

        def forget() -> None:
            assembled.locator.forget()
            assembled.federation.ranker.forget()

        return GeoWatcher(assembled.database, forget=forget, failed=lambda _error: failures.add())

"""One gateway process: listeners, prober, signals, and a stop that lets running requests finish."""

import asyncio
import gc
import os
import signal
from importlib import import_module

import structlog
import uvloop

from ugrpy.config import Configuration, Listen
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import ConfigError
from ugrpy.federation import Federation
from ugrpy.frontend.gateway import Gateway, GatewayOptions
from ugrpy.health.prober import run_prober
from ugrpy.namespace.paths import PrefixMap
from ugrpy.security.authz import AllowReading
from ugrpy.service.access import AccessLog
from ugrpy.service.listeners import bound_addresses, listen_tcp, listen_unix
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.patience import Patience
from ugrpy.service.protocol import GatewayProtocol, Handler, ProtocolServer
from ugrpy.service.state import ServiceState
from ugrpy.telemetry import METRICS
from ugrpy.wiring.admin import AdminPages
from ugrpy.wiring.assembly import Assembled, assemble
from ugrpy.wiring.gauges import Gauges

log = structlog.get_logger("ugrpy.service")

# Content that nobody reads is taken in for at most so long, so that the client can read why before the connection ends.
LINGER_S = 10.0
SHARE_METRICS_S = 1.0
WATCH_S = 1.0


def run_worker(
    config: Configuration, *, index: int = 0, loop: str = "uvloop", protocol: str = ""
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status. ``loop`` is ``uvloop`` or ``asyncio``.

    ``protocol`` names another connection class (``module:Class``), for experiments. Raises ``ConfigError`` when it cannot start.
    """
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(Worker(config, index, _protocol_class(protocol)).serve())


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


def _tune_collector() -> None:
    """What is there now stays: the collector need not walk over it, nor come after every few requests.

    Requests leave little that counting references does not free; with CPython's thresholds (700 objects) the collector
    took a tenth of the time of a remembered redirect.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class Worker:
    """One process's part of the service. Worker 0 also has the admin listener."""

    def __init__(self, config: Configuration, index: int, protocol: type[GatewayProtocol]) -> None:
        self._config = config
        self._index = index
        self._protocol = protocol
        self._clock = SystemClock()
        self._meter = PrometheusMeter(METRICS)
        self._stop = asyncio.Event()
        self._listeners: list[tuple[asyncio.Server, ProtocolServer]] = []

    async def serve(self) -> int:
        """Start, wait for a signal, stop. Whatever was opened is closed, also when the start fails."""
        assembled = await assemble(self._config, clock=self._clock, meter=self._meter)
        try:
            where = self._config.service.access_log
            access_log = AccessLog(where, self._clock) if where else None
            try:
                await self._serve(assembled, access_log)
            finally:
                if access_log is not None:
                    access_log.close()
        finally:
            await assembled.close()
        return 0

    async def _serve(self, assembled: Assembled, access_log: AccessLog | None) -> None:
        service = self._config.service
        gateway = self._gateway(assembled.federation, access_log)
        gauges = Gauges(self._meter, assembled.federation, gateway)
        state = ServiceState(self._meter, gauges.note, gauges.refresh, service.metrics_from)
        gateway.sides.update(state.sides(open_metrics=False))
        background: list[asyncio.Task[None]] = []
        try:
            await self._open(assembled, gateway, state)
            background = self._in_background(assembled.federation, gauges)
            _tune_collector()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
            await self._stop.wait()
            log.info("stopping", grace_s=service.shutdown_s)
            state.stopping = True
        finally:
            await self._close_listeners(service.shutdown_s)
            await cancel_and_wait(*background)

    def _gateway(self, federation: Federation, access_log: AccessLog | None) -> Gateway:
        settings = self._config.federation
        options = GatewayOptions(
            prefixes=PrefixMap(settings.prefixes, settings.new_prefix),
            trusted_proxies=self._config.service.trusted_proxies,
            max_replicas=settings.max_replicas,
            show_endpoints=settings.show_endpoints,
            policy=AllowReading(settings.closed),
            access_log=access_log,
            body_timeout_s=self._config.service.body_timeout_s,
        )
        return Gateway(federation, options, clock=self._clock, meter=self._meter)

    def _in_background(self, federation: Federation, gauges: Gauges) -> list[asyncio.Task[None]]:
        probing = run_prober(
            federation.board,
            lambda name: federation.members[name].endpoint.probe(),
            self._clock,
            draw=federation.draw,
            on_transition=federation.note_transition,
        )
        tasks = [spawn(probing, name="prober")]
        if self._config.service.workers > 1:
            tasks.append(spawn(self._share_metrics(gauges), name="metrics"))
            tasks.append(spawn(self._watch_supervisor(os.getppid()), name="supervisor watch"))
        return tasks

    async def _share_metrics(self, gauges: Gauges) -> None:
        """Whichever worker is asked for metrics adds up what all of them have written down."""
        while True:
            await asyncio.sleep(SHARE_METRICS_S)
            gauges.refresh()
            self._meter.flush()

    async def _watch_supervisor(self, supervisor: int) -> None:
        """Without its supervisor a worker would hold the port for ever, and nobody would replace it."""
        while os.getppid() == supervisor:  # noqa: ASYNC110 - the kernel sends no event for this
            await asyncio.sleep(WATCH_S)
        log.error("the supervisor is gone, stopping", supervisor=supervisor)
        self._stop.set()

    async def _open(self, assembled: Assembled, gateway: Gateway, state: ServiceState) -> None:
        service = self._config.service
        for address in service.listen:
            await self._listen(gateway, address)
        if service.admin is not None and self._index == 0:
            admin = AdminPages(assembled, state)
            if isinstance(service.admin, Listen):
                await self._listen(admin, service.admin, alone=True)
            else:
                server = self._server(admin)
                self._listeners.append((await listen_unix(server, service.admin.path), server))
        for listener, _server in self._listeners:
            for bound in bound_addresses(listener):
                log.info("listening", address=bound, worker=self._index)

    async def _listen(self, handler: Handler, address: Listen, *, alone: bool = False) -> None:
        server = self._server(handler)
        shared = self._config.service.workers > 1 and not alone
        self._listeners.append(
            (await listen_tcp(server, address.host, address.port, shared=shared), server)
        )

    def _server(self, handler: Handler) -> ProtocolServer:
        service = self._config.service
        return ProtocolServer(
            handler,
            protocol=self._protocol,
            patience=Patience(
                head_s=service.head_timeout_s,
                send_s=service.send_timeout_s,
                connections=service.max_connections,
            ),
            meter=self._meter,
            access_log=None,
            keepalive_timeout=service.keepalive_s,
            lingering_time=min(LINGER_S, service.body_timeout_s),
        )

    async def _close_listeners(self, grace_s: float) -> None:
        for listener, server in self._listeners:
            listener.close()
            server.pre_shutdown()
        await asyncio.gather(*(server.shutdown(grace_s) for _listener, server in self._listeners))

"""One process of a service: doors are opened, work goes on behind them, a signal stops it gracefully.

``serve`` is what stands around a service's own handlers. Those are either a handler of bare requests, for those who want every
microsecond, or a ``web.Application``; both are served by ``ProtocolServer``, so slow and broken clients are treated alike.
"""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
import uvloop
from aiohttp import web

from ugrpy.core.aio import cancel_and_wait
from ugrpy.core.listen import Address, Listen
from ugrpy.service.background import Background, start_background
from ugrpy.service.listeners import BACKLOG, bound_addresses, listen_tcp, listen_unix
from ugrpy.service.observing import Observer
from ugrpy.service.patience import Patience
from ugrpy.service.protocol import GatewayProtocol, Handler, ProtocolServer
from ugrpy.service.state import ServiceState
from ugrpy.settings.serving import ServingSettings

log = structlog.get_logger("ugrpy.service")

T = TypeVar("T")

# Content that nobody reads is taken in for at most so long, so that the client can read why before the connection ends.
LINGER_S = 10.0


@dataclass(frozen=True, slots=True)
class Door:
    """What is served at which addresses. ``shared``: other workers listen there too.

    ``observer`` counts and logs the requests; without one the handler does so itself. ``before`` makes a handler that sees each
    request of an application first, and may answer it without the cost of the application's routes.
    """

    app: web.Application | Handler
    addresses: Sequence[Address]
    observer: Observer | None = None
    shared: bool = False
    before: Callable[[Handler], Handler] | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How a process serves. ``program`` begins the names of its metrics.

    ``own_process``: nothing else happens in this process, so SIGTERM and SIGINT stop it and the garbage collector is
    tuned to it; a service inside another program, or in a thread of a test, is stopped by its event alone.
    """

    program: str
    shutdown_s: float = 10.0
    patience: Patience = field(default_factory=Patience)
    keepalive_s: float = 75.0
    linger_s: float = LINGER_S
    backlog: int = BACKLOG
    protocol: type[GatewayProtocol] = GatewayProtocol
    worker: int = 0
    own_process: bool = True


def options_for(settings: ServingSettings, program: str, **more: Any) -> ServeOptions:
    """The options that the settings of a service mean; ``more`` are those that nobody sets in a file."""
    return ServeOptions(
        program,
        shutdown_s=settings.shutdown_s,
        patience=Patience(
            head_s=settings.head_timeout_s,
            send_s=settings.send_timeout_s,
            connections=settings.max_connections,
            network_connections=settings.max_connections_per_network,
            proxies=settings.trusted_proxies,
        ),
        keepalive_s=settings.keepalive_s,
        linger_s=min(LINGER_S, settings.body_timeout_s),
        backlog=settings.backlog,
        **more,
    )


def run(main: Coroutine[Any, Any, T], *, loop: str = "uvloop") -> T:
    """Run a program to its end in a loop of its own: ``uvloop``, or ``asyncio``'s."""
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


async def serve(
    doors: Sequence[Door],
    *,
    state: ServiceState,
    options: ServeOptions,
    background: Sequence[Background] = (),
    stop: asyncio.Event | None = None,
    on_listening: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Open the doors, work until ``stop`` is set or a signal comes, and close. Whatever was opened is closed, also on errors.

    ``on_listening`` is told the addresses really bound (``host:port``, ``[v6]:port``, ``unix:/path``), in the order of the doors.
    Requests in flight have ``options.shutdown_s`` to finish; the background work ends after them.
    Raises ``ConfigError`` when an address cannot be had, and whatever starting an application raises.
    """
    stop = stop or asyncio.Event()
    opened: list[_Opened] = []
    tasks: list[asyncio.Task[None]] = []
    try:
        for door in doors:
            opened.append(_Opened(door, options, state))
            await opened[-1].open()
        addresses = [bound for one in opened for bound in one.addresses()]
        for address in addresses:
            log.info("listening", address=address, worker=options.worker)
        if on_listening is not None:
            on_listening(addresses)
        tasks = [start_background(one, state.meter, options.program) for one in background]
        if options.own_process:
            _tune_collector()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
        log.info("stopping", grace_s=options.shutdown_s)
        state.stopping = True
    finally:
        for one in opened:
            one.close_door()
        await asyncio.gather(*(one.finish(options.shutdown_s) for one in opened))
        await cancel_and_wait(*tasks)


def _tune_collector() -> None:
    """What is there now stays: the collector need not walk over it, nor come after every few requests.

    Requests leave little that counting references does not free; with CPython's thresholds (700 objects) the collector
    took a tenth of the time of a remembered redirect.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class _Opened:
    """A door that is being opened, is open, or is being closed."""

    def __init__(self, door: Door, options: ServeOptions, state: ServiceState) -> None:
        self._door = door
        self._options = options
        self._meter = state.meter
        self._app = door.app if isinstance(door.app, web.Application) else None
        self._server: ProtocolServer | None = None
        self._listeners: list[asyncio.Server] = []

    async def open(self) -> None:
        """Start the application, if it is one, and listen."""
        self._server = server = await self._make_server()
        for address in self._door.addresses:
            if isinstance(address, Listen):
                listening = listen_tcp(
                    server,
                    address.host,
                    address.port,
                    shared=self._door.shared,
                    backlog=self._options.backlog,
                )
            else:
                listening = listen_unix(server, address.path, backlog=self._options.backlog)
            self._listeners.append(await listening)

    async def _make_server(self) -> ProtocolServer:
        door = self._door
        if not isinstance(door.app, web.Application):
            return self._server_for(door.app)
        runner = web.AppRunner(door.app, access_log=None)
        await runner.setup()
        inner = runner.server
        assert inner is not None
        handler: Handler = inner.request_handler
        if door.before is not None:
            handler = door.before(handler)
        return self._server_for(handler, request_factory=inner.request_factory)

    def _server_for(self, handler: Handler, **settings: Any) -> ProtocolServer:
        observer = self._door.observer
        return ProtocolServer(
            handler if observer is None else observer.around(handler),
            protocol=self._options.protocol,
            patience=self._options.patience,
            meter=self._meter,
            program=self._options.program,
            access_log=None,
            keepalive_timeout=self._options.keepalive_s,
            lingering_time=self._options.linger_s,
            **settings,
        )

    def addresses(self) -> list[str]:
        """Where it really listens."""
        return [bound for listener in self._listeners for bound in bound_addresses(listener)]

    def close_door(self) -> None:
        """Nobody comes in any more; idle connections end."""
        for listener in self._listeners:
            listener.close()
        if self._server is not None:
            self._server.pre_shutdown()

    async def finish(self, grace_s: float) -> None:
        """Let those inside finish; the application is told before and after."""
        try:
            if self._app is not None and self._server is not None:
                await self._app.shutdown()
            if self._server is not None:
                await self._server.shutdown(grace_s)
        finally:
            if self._app is not None:
                await self._app.cleanup()

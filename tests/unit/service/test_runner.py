"""A process of a service: doors of both kinds, work beside them, a stop that lets requests finish, and starts that fail."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from ugrpy.core.aio import first_of, spawn
from ugrpy.core.errors import ConfigError
from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.core.service_metrics import service_metrics
from ugrpy.service.background import Background
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.observing import Observer, client_of
from ugrpy.service.patience import Patience
from ugrpy.service.protocol import Handler
from ugrpy.service.runner import LINGER_S, Door, ServeOptions, options_for, run, serve
from ugrpy.service.state import ServiceState
from ugrpy.settings.serving import ServingSettings

pytestmark = pytest.mark.functional

ANY = Listen("127.0.0.1", 0)
OPTIONS = ServeOptions("shoalpy", shutdown_s=5.0, own_process=False)
LIMIT_S = 20.0


@dataclass
class World:
    """What a service is made of."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    background: list[Background] = field(default_factory=list)
    options: ServeOptions = OPTIONS
    events: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.meter = PrometheusMeter(service_metrics("shoalpy").rows)
        self.state = ServiceState(self.meter, dict, lambda: None)
        self.observer = Observer("shoalpy", self.state, sides=self.state.sides(open_metrics=True))

    @asynccontextmanager
    async def serving(self, *doors: Door) -> AsyncIterator[Sequence[str]]:
        """Serve until the block ends."""
        bound: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            serve(
                doors,
                state=self.state,
                options=self.options,
                background=self.background,
                stop=self.stop,
                on_listening=bound.set_result,
            )
        )
        async with asyncio.timeout(LIMIT_S):
            await first_of(task, bound)
            if task.done():
                await task
            try:
                yield bound.result()
            finally:
                self.stop.set()
                await task


async def ask(address: str, path: str = "/") -> tuple[int, str]:
    """Status and body."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body.decode()


async def hello(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=f"hello {client_of(request)}")


def an_application(events: list[str]) -> web.Application:
    app = web.Application()

    async def item(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"{request.match_info['name']} for {client_of(request)}")

    def note(event: str) -> Callable[[web.Application], object]:
        async def noted(_app: web.Application) -> None:
            events.append(event)

        return noted

    app.router.add_get("/items/{name}", item)
    app.on_startup.append(note("startup"))  # type: ignore[arg-type]
    app.on_shutdown.append(note("shutdown"))  # type: ignore[arg-type]
    app.on_cleanup.append(note("cleanup"))  # type: ignore[arg-type]
    return app


async def test_a_handler_and_an_application_behind_their_doors(tmp_path):
    world = World()
    app = Door(an_application(world.events), (ANY, ANY), world.observer)
    bare = Door(hello, (UnixSocket(f"{tmp_path}/admin"),))
    async with world.serving(app, bare) as (first, second, admin):
        assert first != second
        assert await ask(first, "/items/squid") == (200, "squid for 127.0.0.1")
        assert await ask(second, "/items/varnish") == (200, "varnish for 127.0.0.1")
        assert (await ask(first, "/nothing"))[0] == 404
        assert await ask(first, "/livez") == (200, "alive\n")
        assert await ask(admin) == (200, "hello None")
        status, page = await ask(first, "/metrics")
        assert status == 200
        assert 'shoalpy_requests_total{method="GET",status="200"} 2.0' in page
        assert 'shoalpy_requests_total{method="GET",status="404"} 1.0' in page
        assert world.events == ["startup"]
    assert world.events == ["startup", "shutdown", "cleanup"]
    assert world.state.stopping


async def test_what_stands_before_an_application_may_answer_itself():
    def before(behind: Handler) -> Handler:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if request.raw_path == "/quick":
                return web.Response(text=f"quick for {client_of(request)}")
            return await behind(request)

        return answer

    world = World()
    door = Door(an_application(world.events), (ANY,), world.observer, before=before)
    async with world.serving(door) as (address,):
        assert await ask(address, "/quick") == (200, "quick for 127.0.0.1")
        assert await ask(address, "/items/squid") == (200, "squid for 127.0.0.1")


async def test_requests_in_flight_finish_and_work_ends_after_them():
    world = World()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def intake() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            world.events.append("intake ended")

    async def slow(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        world.events.append("answered")
        return web.Response(text="late")

    world.background.append(Background("intake", intake))
    with capture_logs() as told:
        async with world.serving(Door(slow, (ANY,), world.observer)) as (address,):
            answer = spawn(ask(address), name="ask")
            await asked.wait()
            world.stop.set()
            while not world.state.stopping:
                await asyncio.sleep(0)
            go_on.set()
            assert await answer == (200, "late")
    assert world.events == ["answered", "intake ended"]
    assert [line["event"] for line in told] == ["listening", "stopping"]


async def test_a_request_that_does_not_end_is_ended():
    world = World(options=replace(OPTIONS, shutdown_s=0.05))
    asked = asyncio.Event()

    async def stuck(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with world.serving(Door(stuck, (ANY,), world.observer)) as (address,):
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await asked.wait()
    assert await reader.read() == b""
    writer.close()
    assert world.observer.inflight == 0


async def test_an_address_in_use_is_told_and_nothing_stays_open():
    world = World()
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        taken = Listen("127.0.0.1", rival.getsockname()[1])
        with pytest.raises(ConfigError, match=f"cannot listen on {taken}"):
            async with world.serving(
                Door(an_application(world.events), (ANY, taken)), Door(hello, (ANY,))
            ):
                pass
    assert world.events == ["startup", "shutdown", "cleanup"]


async def test_an_application_that_cannot_start_is_cleaned_up():
    world = World()
    app = web.Application()

    async def database(_app: web.Application) -> AsyncIterator[None]:
        world.events.append("opened")
        yield
        world.events.append("closed")

    async def broken(_app: web.Application) -> None:
        raise ConfigError("no such table")

    app.cleanup_ctx.append(database)
    app.on_startup.append(broken)
    with pytest.raises(ConfigError, match="no such table"):
        async with world.serving(Door(hello, (ANY,)), Door(app, (ANY,))):
            pass
    assert world.events == ["opened", "closed"]


async def test_a_client_that_never_ends_its_head_is_refused_by_an_application_too():
    world = World(options=replace(OPTIONS, patience=Patience(head_s=0.05)))
    async with world.serving(Door(an_application([]), (ANY,), world.observer)) as (address,):
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /items/x HTTP/1.1\r\n")
        answer = await reader.read()
        assert b" 408 Request Timeout\r\n" in answer
        assert b"\r\nServer: shoalpy\r\n" in answer
        writer.close()
    world.meter.flush()
    value = world.meter.registry.get_sample_value
    assert value("shoalpy_client_faults_total", {"reason": "slow_head"}) == 1


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_program_runs_in_a_loop_of_its_own(loop):
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run(main(), loop=loop).startswith(loop)


def test_every_setting_of_serving_reaches_the_process():
    settings = ServingSettings(
        shutdown_s=1.0,
        head_timeout_s=2.0,
        body_timeout_s=3.0,
        send_timeout_s=4.0,
        keepalive_s=5.0,
        max_connections=6,
        backlog=7,
    )
    assert options_for(settings, "shoalpy", worker=8, own_process=False) == ServeOptions(
        "shoalpy",
        shutdown_s=1.0,
        patience=Patience(head_s=2.0, send_s=4.0, connections=6),
        keepalive_s=5.0,
        linger_s=3.0,
        backlog=7,
        worker=8,
        own_process=False,
    )
    assert options_for(ServingSettings(), "shoalpy") == ServeOptions("shoalpy")
    assert options_for(ServingSettings(body_timeout_s=60.0), "shoalpy").linger_s == LINGER_S

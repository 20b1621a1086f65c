"""What does the gateway do with a real server that stalls, lies or breaks off? A WebDAV server on loopback.

::

    async with StorageElement(Tree({"/f": b"hello"})) as se:
        ...                                     # se.base_url, se.port
        se.faults = Faults(delay_s=2.0)         # from now on, every request
        se.faults_for["HEAD"] = Faults(size_off=5)
        se.faults_at["/f"] = Faults(status=503, retry_after_s=7)
        se.faults_by["GET", "/f"] = Faults(reset_after_bytes=3)
        await se.refuse()                       # nobody at the door; open connections are cut
        await se.accept()                       # back, on the same port
        se.counts["PROPFIND", "/f"], se.spoilt["PROPFIND", "/f"]

    async with StorageElement(writable=True, quota_bytes=10**6) as se:
        se.faults_for["PUT"] = Faults(as_status=500)          # it is stored, and told as a failure
        se.faults_for["DELETE"] = Faults(status=500)          # it is not done
        se.faults_for["MKCOL"] = Faults(hang_after=True)      # done, and never answered; ``hang``: not done either
        se.faults_for["COPY"] = Faults(copy=CopyFault.UNENDED)

``with in_thread(StorageElement(tree)) as se:`` runs it beside a test that has no loop, or a blocked one. As a process of
its own, ``python -m ugrpy.testing.storage --listen 127.0.1.1:8001 --tree FILE.json`` (see ``ugrpy.testing.tree``; port
0 picks a free one; the first line on standard output is the base URL), steered over HTTP: ``PUT /.control/faults`` with
a JSON object (``?method=`` and ``?path=`` say for which requests), ``GET /.control/counts`` as
``[[method, path, count], ...]``, ``POST /.control/refuse?seconds=2``.

It serves OPTIONS, HEAD with Want-Digest, GET with ranges, and PROPFIND with Depth 0 and 1, with the habits of a ``Dialect``,
over TLS when it is given a context; a ``mute`` one accepts connections and never says a word, not even of TLS. A ``writable``
one takes PUT (with and without Expect, of a known length and in chunks), DELETE, MKCOL, MOVE and COPY, and tells its quota
(RFC 4331) when it has one; third-party copy is in ``ugrpy.testing.thirdparty``.

What this fake cannot imitate: locks, PROPPATCH, conditions of requests that read, redirects to data servers (dCache, EOS,
XRootD do that), client certificates, credentials, HTTP/2, honest compression, packet loss and half-open connections (a peer
that vanishes without a FIN), full accept queues, a change that is half done when the power goes, two writers of one name that
are told apart, deletions that take their time, tape, and the habits of any real product beyond a few: those are in captured
replies and in the tests that start real servers.
"""

import argparse
import asyncio
import json
import signal
import ssl
import sys
import threading
from collections import Counter, deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock, SystemClock
from ugrpy.core.errors import UgrError
from ugrpy.core.urls import decode_path
from ugrpy.testing import answers, changes, receiving, thirdparty
from ugrpy.testing.answers import Answer, Asked
from ugrpy.testing.delivery import Delivered, deliver, reset
from ugrpy.testing.dialects import GENERIC, Dialect
from ugrpy.testing.faults import NONE, Faults, parse_faults
from ugrpy.testing.mute import Mute
from ugrpy.testing.tree import Tree, parse_tree

T = TypeVar("T")

CONTROL = "/.control/"
_SHUTDOWN_S = 0.05  # handlers that hang are cancelled after this
_READ_METHODS = ("GET", "HEAD", "OPTIONS")
_DAV_METHODS = (*_READ_METHODS, "PROPFIND")


class StorageElement:
    """A WebDAV server over a tree in memory. ``listen`` is (host, port), port 0 for a free one.

    ``counts`` by (method, decoded path) grows when a request arrives, whatever becomes of it, ``spoilt`` when faults are
    done to its answer; ``seen`` holds the last thousand requests as (method, decoded path, headers). Of the faults set,
    those for method and path go before those for the path, these before those for the method, these before ``faults``.

    A ``writable`` one takes changes, up to ``quota_bytes`` of files; what is written is dated by ``clock``. During a
    third-party copy a marker is sent every ``marker_s``.
    """

    def __init__(
        self,
        tree: Tree | None = None,
        *,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        dialect: Dialect = GENERIC,
        tls: ssl.SSLContext | None = None,
        mute: bool = False,
        writable: bool = False,
        quota_bytes: int | None = None,
        clock: Clock = SystemClock,
        marker_s: float = 5.0,
    ) -> None:
        self.tree = tree or Tree()
        self.host, self.port = listen
        self.dialect = dialect
        self.writable = writable
        self.quota_bytes = quota_bytes
        self.marker_s = marker_s
        self.faults = NONE
        self.faults_for: dict[str, Faults] = {}
        self.faults_at: dict[str, Faults] = {}
        self.faults_by: dict[tuple[str, str], Faults] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.spoilt: Counter[tuple[str, str]] = Counter()
        self.seen: deque[tuple[str, str, dict[str, str]]] = deque(maxlen=1000)
        self._clock = clock
        self._tls = tls
        self._mute = mute
        self._muted: set[asyncio.Transport] = set()
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._away: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """Without a trailing slash; the port is known once it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._tls else ''}://{host}:{self.port}"

    def faults_of(self, method: str, path: str) -> Faults:
        """What is done to the answer to such a request."""
        for faults in (
            self.faults_by.get((method, path)),
            self.faults_at.get(path),
            self.faults_for.get(method),
        ):
            if faults is not None:
                return faults
        return self.faults

    # -- life -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        await self.accept()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        if self._away is not None:
            await cancel_and_wait(self._away)
        await self.refuse()
        await self._server.shutdown(_SHUTDOWN_S)

    async def accept(self) -> None:
        """Listen, on the same port as before if there was one. Raises ``OSError`` when it is taken."""
        if self._listener is not None:
            return
        assert self._loop is not None
        assert self._server is not None
        if self._mute:
            self._listener = await self._loop.create_server(
                lambda: Mute(self._muted), self.host, self.port
            )
        else:
            self._listener = await self._loop.create_server(
                self._server, self.host, self.port, ssl=self._tls
            )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the door and cut the connections: the kernel refuses new ones, until ``accept``."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        await self._accept_no_more(listener)
        listener.close()
        assert self._server is not None
        for connection in self._server.connections:
            connection.force_close()
        for transport in list(self._muted):
            transport.abort()

    async def _accept_no_more(self, listener: asyncio.Server) -> None:
        # CPython 3.11 accepts in several steps and fails in the middle of them when the listener is closed meanwhile,
        # leaving an open socket behind: those on their way are let in, and then cut with the others.
        assert self._loop is not None
        for sock in listener.sockets:
            self._loop.remove_reader(sock.fileno())
        for _ in range(3):
            await asyncio.sleep(0)

    def from_thread(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``se.refuse()`` or ``se.accept()`` on the server's loop, from another thread."""
        assert self._loop is not None, "not started"
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # -- requests ---------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = _path_of(request)
        if path.startswith(CONTROL):
            return await self._control(request, path.removeprefix(CONTROL))
        self.counts[request.method, path] += 1
        self.seen.append((request.method, path, dict(request.headers)))
        faults = self.faults_of(request.method, path)
        self.spoilt[request.method, path] += faults != NONE
        if faults.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(faults.delay_s)
        url = self.base_url + request.raw_path
        asked = Asked(request.method, path, url, request.headers)
        answer = await self._respond(request, asked, faults)
        if answer is None:
            if request.transport is not None:
                reset(request.transport)
            return Delivered(500, kept=False)
        if isinstance(answer, web.StreamResponse):
            return answer
        return await deliver(request, answer, faults, self._clock.wall())

    async def _respond(
        self, request: web.BaseRequest, asked: Asked, faults: Faults
    ) -> Answer | web.StreamResponse | None:
        """What is to be sent, if it has not been sent already; ``None``: the connection is cut."""
        if (instead := answers.overridden(asked, faults)) is not None:
            return await receiving.answer_before_body(request, instead)
        refused = self._not_offered(asked, faults)
        if refused is not None:
            return await receiving.answer_before_body(request, refused)
        answer: Answer | None
        if asked.method == "PUT":
            now_s = int(self._clock.wall())
            answer = await receiving.upload(request, asked, self._disk, faults, now_s)
        else:
            asked = replace(asked, body=await receiving.receive(request))
            if asked.method == "COPY" and self._is_third_party(asked):
                accepted = thirdparty.accept(asked, self._disk, faults, self._clock)
                if not isinstance(accepted, Answer):
                    return await thirdparty.carry_out(request, accepted, self.marker_s)
                answer = accepted
            else:
                answer = self._answer(asked, faults)
        if faults.hang_after:
            await asyncio.Event().wait()
        if answer is None or faults.as_status is None:
            return answer
        return replace(answer, status=faults.as_status)

    @property
    def _disk(self) -> changes.Disk:
        authority = self.base_url.partition("://")[2]
        return changes.Disk(self.tree, self.dialect, authority, self.quota_bytes)

    def _is_third_party(self, asked: Asked) -> bool:
        disk = self._disk
        return self.dialect.third_party and thirdparty.is_third_party(asked.headers, disk.authority)

    def _methods(self, faults: Faults) -> tuple[str, ...]:
        methods = _DAV_METHODS if self.dialect.dav and not faults.no_dav else _READ_METHODS
        return (*methods, *changes.METHODS) if self.writable and self.dialect.writes else methods

    def _not_offered(self, asked: Asked, faults: Faults) -> Answer | None:
        methods = self._methods(faults)
        if asked.method in methods:
            return None
        return Answer(405, b"not offered here\n", {"Allow": ", ".join(methods)})

    def _answer(self, asked: Asked, faults: Faults) -> Answer:
        if asked.method == "OPTIONS":
            dav = self.dialect.dav and not faults.no_dav
            return answers.options(self._methods(faults), dav=dav)
        if asked.method in changes.METHODS:
            return changes.change(asked, self._disk)
        if (moved := answers.to_slash(asked, self.tree, self.dialect)) is not None:
            return moved
        if asked.method == "PROPFIND":
            return answers.propfind(
                asked, self.tree, self.dialect, faults, self.base_url, self.quota_bytes
            )
        return answers.read(asked, self.tree, self.dialect, faults)

    async def _control(self, request: web.BaseRequest, what: str) -> web.StreamResponse:
        match request.method, what:
            case "PUT", "faults":
                try:
                    faults = parse_faults(json.loads(await request.read()))
                    self._set(request.query.get("method"), request.query.get("path"), faults)
                except (UgrError, TypeError, ValueError) as error:
                    return web.Response(status=400, text=f"{error}\n")
            case "GET", "counts":
                return web.json_response([[*key, count] for key, count in self.counts.items()])
            case "POST", "refuse":
                seconds = float(request.query.get("seconds", "1"))
                self._away = spawn(self._go_away(seconds), name="storage element away")
            case _:
                return web.Response(status=404, text="faults, counts or refuse\n")
        return web.Response(status=204)

    def _set(self, method: str | None, path: str | None, faults: Faults) -> None:
        if method is not None and path is not None:
            self.faults_by[method, path] = faults
        elif path is not None:
            self.faults_at[path] = faults
        elif method is not None:
            self.faults_for[method] = faults
        else:
            self.faults = faults

    async def _go_away(self, seconds: float) -> None:
        await asyncio.sleep(0.05)  # the answer to the one who asked for it goes out first
        await self.refuse()
        await asyncio.sleep(seconds)
        await self.accept()

    def __repr__(self) -> str:
        door = "refusing" if self._listener is None else "listening"
        return f"<StorageElement {self.base_url} {door}, {self.tree!r}, {self.faults}>"


def _path_of(request: web.BaseRequest) -> str:
    path = decode_path(request.raw_path.partition("?")[0])
    return path.rstrip("/") or "/"


@contextmanager
def in_thread(element: StorageElement) -> Iterator[StorageElement]:
    """Serve from a thread of its own; ``faults`` may be set from outside, the rest through ``from_thread``."""
    started = threading.Event()
    stop: list[asyncio.Event] = []
    failure: list[BaseException] = []

    async def serve() -> None:
        async with element:
            stop.append(asyncio.Event())
            started.set()
            await stop[0].wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the starting thread
            failure.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name=f"storage element {element.host}", daemon=True)
    thread.start()
    started.wait(10)
    try:
        if failure:
            raise failure[0]
        yield element
    finally:
        if stop and element._loop is not None and thread.is_alive():
            element._loop.call_soon_threadsafe(stop[0].set)
        thread.join(10)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m ugrpy.testing.storage")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--tree", type=Path, metavar="FILE.json")
    parser.add_argument("--writable", action="store_true")
    parser.add_argument("--quota-bytes", type=int, metavar="N")
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    tree = parse_tree(json.loads(options.tree.read_text())) if options.tree else Tree()
    element = StorageElement(
        tree,
        listen=(host, int(port)),
        writable=options.writable,
        quota_bytes=options.quota_bytes,
    )
    asyncio.run(_serve(element))


async def _serve(element: StorageElement) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with element:
        sys.stdout.write(f"{element.base_url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()

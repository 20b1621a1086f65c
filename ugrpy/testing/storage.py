"""What does the gateway do with a real server that stalls, lies or breaks off? A WebDAV server on loopback.

::

    async with StorageElement(Tree({"/f": b"hello"})) as se:
        ...                                     # se.base_url, se.port
        se.faults = Faults(delay_s=2.0)         # from now on, every request
        se.faults_at["/f"] = Faults(status=503, retry_after_s=7)
        await se.refuse()                       # nobody at the door; open connections are cut
        await se.accept()                       # back, on the same port
        se.counts["PROPFIND", "/f"]

``with in_thread(StorageElement(tree)) as se:`` runs it beside a test that has no loop, or a blocked one. As a process of
its own, ``python -m ugrpy.testing.storage --listen 127.0.1.1:8001 --tree FILE.json`` (see ``ugrpy.testing.tree``; port
0 picks a free one; the first line on standard output is the base URL), steered over HTTP: ``PUT /.control/faults`` with
a JSON object, ``GET /.control/counts`` as ``[[method, path, count], ...]``, ``POST /.control/refuse?seconds=2``.

It serves OPTIONS, HEAD, GET with ranges, and PROPFIND with Depth 0 and 1.

What this fake cannot imitate: writing, locks, conditional requests, redirects to data servers (dCache, EOS, XRootD do
that), TLS and X.509, credentials, HTTP/2, compression, servers that send more than they announced, slow trickles of
bytes, packet loss and half-open connections (a peer that vanishes without a FIN), full accept queues, and the habits of
any real product: those are in captured replies and in the tests that start real servers.
"""

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import UgrError
from ugrpy.core.urls import decode_path
from ugrpy.testing import wire
from ugrpy.testing.answers import Answer, overridden, read_file, send
from ugrpy.testing.faults import NONE, Faults, parse_faults
from ugrpy.testing.tree import MTIME_S, Tree, parse_tree

T = TypeVar("T")

CONTROL = "/.control/"
_SHUTDOWN_S = 0.05  # handlers that hang are cancelled after this
_READ_METHODS = "GET, HEAD, OPTIONS"
_DAV_METHODS = "GET, HEAD, OPTIONS, PROPFIND"


class StorageElement:
    """A WebDAV server over a tree in memory. ``listen`` is (host, port), port 0 for a free one.

    ``counts`` by (method, decoded path) grows when a request arrives, whatever becomes of it; ``seen`` holds the last
    thousand requests as (method, decoded path, headers). ``faults_at`` goes before ``faults``.
    """

    def __init__(
        self, tree: Tree | None = None, *, listen: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.tree = tree or Tree()
        self.host, self.port = listen
        self.faults = NONE
        self.faults_at: dict[str, Faults] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seen: deque[tuple[str, str, dict[str, str]]] = deque(maxlen=1000)
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._away: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        """Without a trailing slash; the port is known once it listens."""
        return f"http://{self.host}:{self.port}"

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
        self._listener = await self._loop.create_server(self._server, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close the door and cut the connections: the kernel refuses new ones, until ``accept``."""
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        assert self._server is not None
        for connection in self._server.connections:
            connection.force_close()

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
        faults = self.faults_at.get(path, self.faults)
        if faults.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(faults.delay_s)
        answer = overridden(faults) or await self._answer(request, path, faults)
        return await send(request, answer, faults)

    async def _answer(self, request: web.BaseRequest, path: str, faults: Faults) -> Answer:
        match request.method:
            case "OPTIONS" if faults.no_dav:
                return Answer(200, headers={"Allow": _READ_METHODS})
            case "OPTIONS":
                return Answer(200, headers={"Allow": _DAV_METHODS, "DAV": "1"})
            case "GET" | "HEAD":
                return self._read(request, path, faults)
            case "PROPFIND" if not faults.no_dav:
                return self._propfind(request, await request.read(), path, faults)
            case _:
                allowed = _READ_METHODS if faults.no_dav else _DAV_METHODS
                return Answer(405, b"not offered here\n", {"Allow": allowed})

    def _read(self, request: web.BaseRequest, path: str, faults: Faults) -> Answer:
        node = self.tree.files.get(path)
        if node is not None:
            return read_file(request, node, faults)
        if not self.tree.is_collection(path):
            return Answer(404, b"no such name\n")
        children = [
            (child.rpartition("/")[2], self.tree.is_collection(child))
            for child in self.tree.children(path)
        ]
        page = wire.render_index(path, children)
        return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})

    def _propfind(self, request: web.BaseRequest, body: bytes, path: str, faults: Faults) -> Answer:
        depth = request.headers.get("Depth", "infinity")
        if depth not in {"0", "1"}:
            refusal = b'<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>'
            return Answer(403, refusal, {"Content-Type": "application/xml"})
        if path not in self.tree.files and not self.tree.is_collection(path):
            return Answer(404, b"no such name\n")
        try:
            wanted = wire.parse_propfind(body)
        except ValueError as error:
            return Answer(400, f"{error}\n".encode())
        paths = [path]
        if depth == "1" and self.tree.is_collection(path):
            paths += self.tree.children(path)
        resources = [self._describe(one, faults) for one in paths]
        base_url = self.base_url if faults.absolute_hrefs else ""
        xml = wire.render_multistatus(resources, wanted, base_url)
        if faults.truncate_xml:
            xml = xml[: len(xml) // 2]
        if faults.garbage:
            xml = b"\x00\xff<D:multistatus <<< this is not XML" * 3
        return Answer(207, xml, {"Content-Type": 'application/xml; charset="utf-8"'})

    def _describe(self, path: str, faults: Faults) -> wire.Resource:
        node = self.tree.files.get(path)
        if node is None:
            return wire.Resource(path, MTIME_S)
        size_bytes = len(node.content) + faults.size_off
        return wire.Resource(path, node.mtime_s, size_bytes, node.etag)

    async def _control(self, request: web.BaseRequest, what: str) -> web.StreamResponse:
        match request.method, what:
            case "PUT", "faults":
                try:
                    self.faults = parse_faults(json.loads(await request.read()))
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
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    tree = parse_tree(json.loads(options.tree.read_text())) if options.tree else Tree()
    asyncio.run(_serve(StorageElement(tree, listen=(host, int(port)))))


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

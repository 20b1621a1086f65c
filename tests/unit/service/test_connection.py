"""What a connection does with segments, with errors in them, and with clients that are slow. No socket, no waiting."""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from ugrpy.core.meter import Instrument
from ugrpy.service.patience import Patience
from ugrpy.service.protocol import GatewayProtocol, ProtocolServer
from ugrpy.service.refusal import MAX_HEAD_BYTES

HOST = b"Host: h\r\n"
PATIENCE = Patience(head_s=30.0, send_s=60.0)


def get(path: str, headers: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + headers + b"\r\n"


class Pipe(asyncio.Transport):
    """The client's end: what was sent to it, and whether it takes it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.7", 999)})
        self.sent = b""
        self.unread = 0
        self.closed = self.aborted = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return NoSocket() if name == "socket" and self.unread else super().get_extra_info(name)

    @property
    def answers(self) -> list[str]:
        """Statuses, and for 200 the body, in order."""
        found = []
        for part in re.split(rb"HTTP/1\.[01] (?=\d{3} )", self.sent)[1:]:
            head, _, body = part.partition(b"\r\n\r\n")
            status = head[:3].decode()
            found.append(body.decode() if status == "200" else status)
        return found


class NoSocket:
    def fileno(self) -> int:
        return 10**6


class Counts:
    """Counts faults by reason."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def instrument(self, name: str, **labels: str) -> Instrument:
        return _Count(self.seen, labels["reason"])


class _Count:
    def __init__(self, seen: dict[str, float], reason: str) -> None:
        self._seen, self._reason = seen, reason

    def add(self, value: float = 1.0) -> None:
        self._seen[self._reason] = self._seen.get(self._reason, 0) + value


class Connection:
    """A server with one client."""

    def __init__(self, server: ProtocolServer, counts: Counts) -> None:
        self.server, self.counts = server, counts
        self.pipe = Pipe()
        made = server()
        assert isinstance(made, GatewayProtocol)
        self.protocol = made
        made.connection_made(self.pipe)

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)

    async def settle(self) -> list[str]:
        for _ in range(50):
            await asyncio.sleep(0)
        return self.pipe.answers

    def look(self, after_s: float) -> None:
        """As the server looks, at another time."""
        now = asyncio.get_running_loop().time() + after_s
        self.protocol.look(PATIENCE, self.pipe, now)


async def told(request: web.BaseRequest) -> web.StreamResponse:
    """Tells what it was asked, with its content."""
    if request.path == "/refused":
        return web.Response(status=405)
    try:
        content = await request.content.read()
    except web.RequestPayloadError:
        response = web.Response(status=400)
        response.force_close()
        return response
    if request.path == "/late":
        await LATE[0].wait()
    return web.Response(text=f"{request.path}{content.decode()}")


LATE: list[asyncio.Event] = []


@contextlib.asynccontextmanager
async def serving(
    *, patience: Patience | None = None, handler: Callable[..., Any] = told, clients: int = 1
):
    LATE[:] = [asyncio.Event()]
    counts = Counts()
    server = ProtocolServer(handler, access_log=None, patience=patience, meter=counts)
    connections = [Connection(server, counts) for _ in range(clients)]
    yield connections
    for connection in connections:
        connection.protocol.connection_lost(None)
    await server.shutdown(0)


@contextlib.asynccontextmanager
async def connected(**settings: Any):
    async with serving(**settings) as (connection,):
        yield connection


# -- segments --------------------------------------------------------------------------------------


async def test_requests_in_one_segment():
    async with connected() as connection:
        connection.feed(get("/1") + get("/2") + get("/3"))
        assert await connection.settle() == ["/1", "/2", "/3"]
        assert not connection.pipe.closed


@pytest.mark.parametrize("size", [1, 2, 3, 7, 30])
async def test_requests_in_small_segments(size):
    body = b"POST /2 HTTP/1.1\r\n" + HOST + b"Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n"
    data = get("/1") + body + get("/3") + b"\r\n" + get("/4")
    async with connected() as connection:
        connection.feed(*(data[at : at + size] for at in range(0, len(data), size)))
        assert await connection.settle() == ["/1", "/2" + "\r\n" * 4, "/3", "/4"]


async def test_more_requests_than_the_queue_takes():
    async with connected() as connection:
        connection.feed(b"".join(get(f"/{number}") for number in range(200)))
        assert len(connection.protocol._messages) < 64
        assert not connection.pipe.reading
        for _ in range(20):
            await connection.settle()
        assert connection.pipe.answers == [f"/{number}" for number in range(200)]
        assert connection.pipe.reading


async def test_what_follows_an_upgrade_nobody_knows_is_answered():
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    async with connected() as connection:
        connection.feed(get("/1", upgrade) + get("/2"))
        assert await connection.settle() == ["/1", "/2"]


async def test_what_follows_an_upgrade_is_answered_wherever_the_segments_are_cut():
    head = b"GET /1 HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    data = head + get("/2")
    for cut in range(1, len(data)):
        async with connected() as connection:
            connection.feed(data[:cut], data[cut:])
            assert await connection.settle() == ["/1", "/2"], cut
    for cut in range(len(head) - 4, len(head)):
        async with connected() as connection:
            connection.feed(data[: cut - 1], data[cut - 1 : cut], data[cut:])
            assert await connection.settle() == ["/1", "/2"], cut


@pytest.mark.parametrize(
    "bad", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", get("/", b"A : 1\r\n")]
)
async def test_a_broken_request_costs_nobody_before_it_the_answer(bad):
    async with connected() as connection:
        connection.feed(get("/1") + get("/2") + bad + get("/4"), get("/5"))
        answers = await connection.settle()
        assert answers[:2] == ["/1", "/2"]
        assert answers[2:] in (["400"], ["501"])
        assert connection.pipe.closed


async def test_what_follows_a_last_request_is_ignored():
    async with connected() as connection:
        connection.feed(get("/1", b"Connection: close\r\n") + get("/2"))
        assert await connection.settle() == ["/1"]
        assert connection.pipe.closed


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", "505"),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\n\r\n", "400"),
    ],
)
async def test_requests_that_the_parser_alone_would_take(data, status):
    async with connected() as connection:
        connection.feed(data + get("/2"))
        assert await connection.settle() == [status]
        assert connection.pipe.closed
        problem = json.loads(connection.pipe.sent.partition(b"\r\n\r\n")[2])
        assert str(problem["status"]) == status
        assert connection.pipe.sent.count(b"\r\nConnection: close\r\n") == 1


async def test_chunks_in_http_1_0_end_the_connection():
    head = b"POST /1 HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected() as connection:
        connection.feed(head + b"1\r\nx\r\n0\r\n\r\n" + get("/2"))
        assert await connection.settle() == ["/1x"]
        assert connection.pipe.closed


# -- content that breaks off -----------------------------------------------------------------------

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize("good", [b"", b"1\r\nx\r\n"])
@pytest.mark.parametrize(("path", "answer"), [("/read", "400"), ("/refused", "405")])
async def test_chunks_that_are_none_get_one_answer(path, answer, good, pause):
    head = f"POST {path} HTTP/1.1\r\n".encode() + HOST + CHUNKED
    async with connected() as connection:
        connection.feed(get("/1") + head + good)
        if pause:
            await connection.settle()
        connection.feed(b"zz\r\n" + get("/3"), get("/4"))
        assert await connection.settle() == ["/1", answer]
        assert connection.pipe.closed


async def test_an_error_in_content_behind_a_slow_answer():
    head = b"POST /2 HTTP/1.1\r\n" + HOST + CHUNKED
    async with connected() as connection:
        connection.feed(get("/late") + head)
        await connection.settle()
        connection.feed(b"zz\r\n")
        assert await connection.settle() == []
        LATE[0].set()
        assert await connection.settle() == ["/late", "400"]
        assert connection.pipe.closed


# -- slow clients ----------------------------------------------------------------------------------


async def test_a_head_that_is_never_complete():
    async with connected() as connection:
        connection.feed(b"G", b"ET / HTTP/1.1\r\n")
        connection.look(29.0)
        assert await connection.settle() == []
        connection.feed(b"X: y\r\n")
        connection.look(31.0)
        assert await connection.settle() == ["408"]
        assert connection.pipe.closed
        assert connection.counts.seen == {"slow_head": 1}


async def test_a_head_begun_behind_a_request_that_is_still_being_answered():
    async with connected() as connection:
        connection.feed(get("/late") + b"GET /2")
        await connection.settle()
        connection.look(31.0)
        assert await connection.settle() == []
        LATE[0].set()
        assert await connection.settle() == ["/late", "408"]
        assert connection.pipe.closed


async def test_a_head_in_time_and_the_next_one():
    async with connected() as connection:
        connection.feed(b"GET /1 HTTP/1.1\r\n", HOST + b"\r\n")
        connection.look(1000.0)
        assert await connection.settle() == ["/1"]
        connection.feed(b"GET /2 HTTP/1.1\r\n")
        connection.look(29.0)
        connection.feed(HOST + b"\r\n")
        connection.look(1000.0)
        assert await connection.settle() == ["/1", "/2"]
        assert not connection.pipe.closed


async def test_empty_lines_begin_no_head():
    async with connected() as connection:
        connection.feed(get("/1"), b"\r\n", b"\r\n")
        connection.look(1000.0)
        assert await connection.settle() == ["/1"]
        assert not connection.pipe.closed


async def test_content_is_no_head():
    head = b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 30\r\n\r\n"
    async with connected() as connection:
        connection.feed(head, b"GET /2 HTTP/1.1\r\n")
        connection.look(1000.0)
        assert await connection.settle() == []
        assert not connection.pipe.closed


IN_CHUNKS = b"POST /1 HTTP/1.1\r\n" + HOST + CHUNKED


def shortened(answers: list[str]) -> list[str]:
    """Without the content that is told back, which begins behind the first two characters of these paths."""
    return [answer if answer.isdigit() else answer[:2] for answer in answers]


@pytest.mark.parametrize(
    "segments",
    [
        (b"x" * MAX_HEAD_BYTES, b"x" * (MAX_HEAD_BYTES + 1)),
        (b"x" * (2 * MAX_HEAD_BYTES + 1),),
        (b"x" * 2 * MAX_HEAD_BYTES, b"x"),
    ],
)
async def test_however_long_the_last_of_a_content_is_it_is_no_head(segments):
    length = sum(map(len, segments))
    head = b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % length
    async with connected() as connection:
        connection.feed(head, *segments)
        connection.look(1000.0)
        connection.feed(get("/2"))
        assert shortened(await connection.settle()) == ["/1", "/2"]


@pytest.mark.parametrize(
    "segments",
    [
        (b"%x\r\n" % MAX_HEAD_BYTES + b"x" * MAX_HEAD_BYTES + b"\r\n0\r\n\r\n",),
        (b"1\r\nx\r\n0\r\n", b"\r\n"),
        (b"1\r\nx\r\n0\r\n\r", b"\n"),
        (b"1\r\nx\r\n0\r\nA: b\r\n", b"\r\n"),
    ],
)
async def test_nor_is_the_last_of_chunks(segments):
    async with connected() as connection:
        connection.feed(IN_CHUNKS, *segments)
        connection.look(1000.0)
        connection.feed(get("/2"))
        assert shortened(await connection.settle()) == ["/1", "/2"]


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n", b"123456789"),
        (IN_CHUNKS, b"3\r\nabc\r\n0\r\n\r\n"),
    ],
)
async def test_a_head_begun_in_the_segment_that_ends_a_content_is_one(head, content):
    async with connected() as connection:
        connection.feed(head, content + b"GET /2 HTTP/1.1\r\n")
        connection.look(31.0)
        assert shortened(await connection.settle()) == ["/1", "408"]


async def test_a_head_we_do_not_read_on_is_waited_for():
    """With the queue full it may be complete in the kernel, and only we are in the way."""
    async with connected() as connection:
        connection.feed(get("/late"), get("/x") * 40 + b"GET /last")
        assert connection.protocol._buffer_paused
        connection.look(1000.0)
        LATE[0].set()
        for _ in range(5):
            await connection.settle()
        assert connection.pipe.answers == ["/late", *["/x"] * 40]
        assert not connection.pipe.closed


async def test_one_that_never_asks_is_left_without_a_word():
    async with connected() as connection:
        connection.look(29.0)
        assert not connection.pipe.closed
        connection.look(31.0)
        await connection.settle()
        assert connection.pipe.closed
        assert connection.pipe.sent == b""
        assert connection.counts.seen == {"silent": 1}


async def test_a_head_without_end_is_cut_by_size():
    async with connected() as connection:
        connection.feed(b"GET / HTTP/1.1\r\n" + HOST)
        for number in range(MAX_HEAD_BYTES // 4000 + 1):
            connection.feed(b"X%d: %s\r\n" % (number, b"x" * 4000))
        assert await connection.settle() == ["431"]
        assert connection.pipe.closed
        assert connection.counts.seen == {"too_long": 1}


async def test_a_connection_is_not_idle_in_the_middle_of_a_head():
    async with connected() as connection:
        protocol = connection.protocol
        connection.feed(get("/1"))
        await connection.settle()
        connection.feed(b"GET /2")
        protocol._next_keepalive_close_time = 0.0
        protocol._process_keepalive()
        connection.feed(b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert await connection.settle() == ["/1", "/2"]
        protocol._next_keepalive_close_time = 0.0
        protocol._process_keepalive()
        await connection.settle()
        assert connection.pipe.closed


async def test_a_client_that_does_not_read_is_cut_off():
    async with connected() as connection:
        connection.feed(get("/1"))
        await connection.settle()
        connection.pipe.unread = 1000
        for after_s in (0.0, 30.0, 59.0):
            connection.look(after_s)
        assert not connection.pipe.aborted
        connection.look(61.0)
        assert connection.pipe.aborted
        assert connection.counts.seen == {"stalled": 1}


async def test_a_client_that_reads_slowly_is_left_alone():
    async with connected() as connection:
        connection.feed(get("/1"))
        await connection.settle()
        for number in range(50):
            connection.pipe.unread = 1000 - number
            connection.look(50.0 * number)
        connection.protocol.pause_writing()
        connection.protocol.resume_writing()
        connection.look(50.0 * 50 + 20.0)
        connection.look(50.0 * 50 + 70.0)
        assert not connection.pipe.aborted


# -- the server ------------------------------------------------------------------------------------


async def test_one_connection_too_many():
    async with serving(patience=Patience(connections=2), clients=3) as (first, second, third):
        for connection in (first, second, third):
            connection.feed(get("/1"))
        assert await third.settle() == ["503"]
        assert b"\r\nRetry-After: 5\r\n" in third.pipe.sent
        assert third.pipe.closed
        assert first.pipe.answers == second.pipe.answers == ["/1"]
        assert third.counts.seen == {"crowded": 1}
        for gone in (second, third):
            gone.protocol.connection_lost(None)
        await third.settle()
        again = Connection(first.server, first.counts)
        again.feed(get("/2"))
        assert await again.settle() == ["/2"]
        again.protocol.connection_lost(None)


async def test_the_server_looks_by_itself():
    async with serving(patience=Patience(head_s=0.02, send_s=60.0), clients=2) as (first, second):
        first.feed(b"GET")
        async with asyncio.timeout(20):
            while not (first.pipe.closed and second.pipe.closed):
                await asyncio.sleep(0.005)
        assert first.pipe.answers == ["408"]
        assert second.pipe.answers == []


async def test_when_the_server_was_held_up_itself_clients_get_one_more_round():
    async with connected() as connection:
        server = connection.server
        connection.feed(b"GET")
        now = asyncio.get_running_loop().time()
        connection.protocol._head_since_s = now - 1000.0
        server._look(now - 100.0)
        assert await connection.settle() == []
        server._look(now - 100.0)
        assert await connection.settle() == ["408"]


async def test_it_stops_looking_when_nobody_is_there():
    async with connected() as connection:
        server = connection.server
        assert server._looking is not None
        connection.feed(get("/1"))
        await connection.settle()
        connection.protocol.connection_lost(None)
        await connection.settle()
        server._looking.cancel()
        server._look(asyncio.get_running_loop().time())
        assert server._looking is None


@pytest.mark.parametrize("grace_s", [0, 0.01])
async def test_a_server_that_stops_does_not_wait_for_ever(grace_s):
    async with serving(clients=2) as (busy, idle):
        busy.feed(get("/late"))
        await busy.settle()
        async with asyncio.timeout(20):
            await busy.server.shutdown(grace_s)
        assert busy.pipe.closed
        assert idle.pipe.closed
        assert busy.server._looking is None


async def test_a_mistake_of_a_handler_is_aiohttps_to_tell(caplog):
    async def broken(_request: web.BaseRequest) -> web.StreamResponse:
        raise ValueError("ours")

    async with connected(handler=broken) as connection:
        connection.feed(get("/1"))
        assert await connection.settle() == ["500"]
        assert connection.counts.seen == {}
    assert "ValueError: ours" in caplog.text

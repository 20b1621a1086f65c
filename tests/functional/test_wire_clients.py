"""Clients that are slow, idle, too many, or do not read: each is ended in time, and nobody else waits for it.

And request smuggling: whatever its shape, one request never becomes two.
"""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.functional.helpers.asking import Wire, ask_from, request, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter

pytestmark = pytest.mark.functional

HEAD_S = BODY_S = 1.0
SEND_S = 2.0
KEEPALIVE_S = 2.5
STRICT = {
    "head_timeout_s": HEAD_S,
    "body_timeout_s": BODY_S,
    "send_timeout_s": SEND_S,
    "keepalive_s": KEEPALIVE_S,
}
LIMIT_S = 15.0
LONG = 3000
FILES = ["/f", "/g", "/slow", *(f"/long/{number:04}-{'x' * 150}" for number in range(LONG))]


@pytest.fixture(scope="module")
def element():
    with elements({"one": tree_of(*FILES)}) as running:
        yield running["one"]


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Iterator[GatewayStarter]:
    with GatewayStarter(tmp_path_factory.mktemp("wire-clients")) as starter:
        yield starter


def settings(element, **service: object) -> str:
    return configuration(
        {"one": {"url": element.base_url, **QUIET}},
        service=service,
        health=NEVER_EJECT,
        cache={"ttl_s": 600},
    )


@pytest.fixture(scope="module")
def strict(element, start) -> Gateway:
    """Little patience; only for tests in which being cut off is the point."""
    gateway: Gateway = start(config=settings(element, **STRICT))
    return gateway


@pytest.fixture(scope="module")
def gateway(element, start) -> Gateway:
    """Patience as it comes."""
    running: Gateway = start(config=settings(element))
    return running


class Line:
    """A connection that is written to and read from as bytes."""

    def __init__(self, gateway: Gateway, *, window: int = 0) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect((gateway.process.address, gateway.process.port))
        self.opened_s = time.monotonic()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def rest(self) -> bytes:
        """All that comes until the gateway ends the connection."""
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def dribble(self, data: bytes, every_s: float = 0.1) -> bytes:
        """Send a byte now and then, until the gateway has ended the connection or all is sent; return what it said."""
        for byte in data:
            with contextlib.suppress(OSError):
                self.socket.sendall(bytes([byte]))
            self.socket.settimeout(every_s)
            try:
                said = self.socket.recv(65536)
            except TimeoutError:
                continue
            finally:
                self.socket.settimeout(LIMIT_S)
            return said + self.rest() if said else b""
        return self.rest()

    @property
    def lasted_s(self) -> float:
        return time.monotonic() - self.opened_s


def statuses(data: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)]


def faults(gateway: Gateway, reason: str) -> int:
    """How many connections the gateway has ended for this reason."""
    page = ask("GET", f"{gateway.admin_url}/metrics").text
    found = re.search(rf'^ugrpy_client_faults_total{{reason="{reason}"}} (\S+)$', page, re.M)
    assert found is not None
    return int(float(found[1]))


# -- slow requests ---------------------------------------------------------------------------------

HALF = b"GET /f HTTP/1.1\r\nHost: h\r\nX-More: "


def test_a_head_that_is_never_complete_is_408(strict):
    """Stopped anywhere, or dribbling in: being busy is no excuse, the whole head has the time and not each byte."""
    halves = [b"G", b"GET /f HTTP/1.1\r\n", HALF]
    known = faults(strict, "slow_head")
    with contextlib.ExitStack() as stack:
        lines = []
        for before in (b"", request("GET", "/f")):
            for half in halves:
                lines.append((before, stack.enter_context(Line(strict))))
                lines[-1][1].send(before + half)
        dribbling = stack.enter_context(Line(strict))
        assert statuses(dribbling.dribble(HALF + b"x" * 500, every_s=0.05)) == [408]
        assert HEAD_S * 0.9 <= dribbling.lasted_s < LIMIT_S
        for before, line in lines:
            data = line.rest()
            assert statuses(data) == ([302, 408] if before else [408])
            assert data.count(b"\r\nConnection: close\r\n") == 1
            assert data.count(b"\r\nContent-Type: application/problem+json\r\n") == 1
            assert HEAD_S * 0.9 <= line.lasted_s < LIMIT_S
    assert faults(strict, "slow_head") == known + 7


def test_a_connection_that_asks_nothing_is_closed_without_a_word(strict):
    """The one that never asked before the one that may ask again."""
    known = faults(strict, "silent")
    with Line(strict) as silent, Line(strict) as idle:
        idle.send(request("GET", "/f"))
        assert silent.rest() == b""
        assert HEAD_S * 0.9 <= silent.lasted_s < LIMIT_S
        assert statuses(idle.rest()) == [302]
        assert KEEPALIVE_S * 0.9 <= idle.lasted_s < LIMIT_S
    assert faults(strict, "silent") == known + 1


TE = b"Transfer-Encoding: chunked\r\n"
PROPFIND = b"PROPFIND /f HTTP/1.1\r\nHost: h\r\nDepth: 0\r\n"


SLOW_CONTENT = {
    "none": b"Content-Length: 500\r\n\r\n",
    "no chunks": TE + b"\r\n",
    "a chunk": TE + b"\r\n1\r\n ",
    "half a chunk": TE + b"\r\n10\r\n ",
    "asked for": b"Content-Length: 500\r\nExpect: 100-continue\r\n\r\n",
}


def test_content_that_does_not_come_is_408(strict):
    with contextlib.ExitStack() as stack:
        lines = {name: stack.enter_context(Line(strict)) for name in SLOW_CONTENT}
        for name, line in lines.items():
            line.send(PROPFIND + SLOW_CONTENT[name])
        dribbling = stack.enter_context(Line(strict))
        dribbling.send(PROPFIND + SLOW_CONTENT["none"])
        assert statuses(dribbling.dribble(b" " * 400, every_s=0.05)) == [408]
        assert BODY_S * 0.9 <= dribbling.lasted_s < LIMIT_S
        for name, line in lines.items():
            data = line.rest()
            assert statuses(data) == ([100, 408] if name == "asked for" else [408])
            assert data.count(b"\r\nConnection: close\r\n") == 1
            assert BODY_S * 0.9 <= line.lasted_s < LIMIT_S


def test_content_nobody_wants_is_not_waited_for_long(strict):
    """The answer is there at once; the connection goes when the rest does not come."""
    with Line(strict) as put, Line(strict) as get:
        for line, method in ((put, "PUT"), (get, "GET")):
            line.send(request(method, "/f", "Content-Length: 500") + b"x")
        for line, status in ((put, 405), (get, 302)):
            assert statuses(line.socket.recv(65536)) == [status]
            assert line.rest() == b""
            assert line.lasted_s < LIMIT_S


# -- clients that do not read ----------------------------------------------------------------------

LISTING = request("PROPFIND", "/long/", "Depth: 1")


def memory_bytes(gateway: Gateway) -> int:
    """Resident memory of the gateway's process."""
    match = re.search(
        r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid_of(gateway)}/status").read_text(), re.M
    )
    assert match is not None
    return int(match[1]) * 1024


def pid_of(gateway: Gateway) -> int:
    found = re.search(r"pid (\d+)", repr(gateway.process))
    assert found is not None
    return int(found[1])


def test_clients_that_do_not_read_are_cut_off_and_their_memory_is_freed(strict):
    assert ask("PROPFIND", f"{strict.url}/long/", headers={"Depth": "1"}).status == 207
    known, before = faults(strict, "stalled"), memory_bytes(strict)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(Line(strict, window=4096)) for _ in range(8)]
        for line in lines:
            line.send(LISTING * 6)  # 12 MB for each, far more than the kernel's buffers take
        until(lambda: faults(strict, "stalled") == known + 8, "all of them cut off")
        assert memory_bytes(strict) - before < 60e6
        for line in lines:
            got = 0
            with contextlib.suppress(ConnectionError):
                got = line.rest().count(b"</D:multistatus>")
            assert got < 6
    assert "client does not read" in strict.log_text()
    assert ask("GET", f"{strict.url}/f").status == 302


def test_a_client_that_reads_slowly_gets_all_of_it(strict):
    """For more than twice the time after which one is cut off that does not read at all."""
    whole = ask("PROPFIND", f"{strict.url}/long/", headers={"Depth": "1"}).body
    known = faults(strict, "stalled")
    copies = 1 + 6_000_000 // len(whole)  # more than the kernel's buffers take
    with Line(strict, window=16_384) as line:
        line.send(LISTING * copies)
        slow_until = time.monotonic() + 2.5 * SEND_S
        data = bytearray()
        while time.monotonic() < slow_until:
            data += line.socket.recv(4096)
            time.sleep(0.02)  # the slowness itself, not a synchronisation
        ended = data.count(b"</D:multistatus>")
        while ended < copies:
            piece = line.socket.recv(1 << 20)
            assert piece
            data += piece
            ended += (data[-len(piece) - 15 :]).count(b"</D:multistatus>")
    assert data.count(b"<D:href>") == copies * whole.count(b"<D:href>") == copies * (LONG + 1)
    assert faults(strict, "stalled") == known


# -- too many --------------------------------------------------------------------------------------


def test_one_connection_too_many_is_503_until_another_ends(element, start):
    few = start(config=settings(element, max_connections=5))
    url = f"{few.url}/f"
    until(lambda: ask("GET", url).status == 302, "nobody else is connected")
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(few)) for _ in range(5)]
        for wire in wires:
            wire.send(request("GET", "/f"))
            assert wire.receive().status == 302
        with Line(few) as line:
            data = line.rest()
        assert statuses(data) == [503]
        assert b"\r\nRetry-After: " in data
        assert b"\r\nConnection: close\r\n" in data
        for wire in wires:
            wire.send(request("GET", "/f"))
            assert wire.receive().status == 302
        wires[0].__exit__()
        until(lambda: ask("GET", url).status == 302, "there is room again")
    assert faults(few, "crowded") >= 1
    assert ask("GET", f"{few.admin_url}/livez").status == 200


# -- a crowd ---------------------------------------------------------------------------------------


@pytest.mark.row("K60")
def test_two_hundred_at_once_are_answered_right(gateway, element):
    def get(number: int) -> tuple[int, int, str]:
        name = FILES[3 + number]
        answer = ask("GET", f"{gateway.url}{name}", timeout_s=LIMIT_S * 2)
        return number, answer.status, answer.headers["location"]

    with ThreadPoolExecutor(200) as pool:
        gate = threading.Barrier(200)

        def together(number: int) -> tuple[int, int, str]:
            gate.wait(LIMIT_S)
            return get(number)

        answers = list(pool.map(together, range(200)))
    assert answers == [(n, 302, element.base_url + FILES[3 + n]) for n in range(200)]


@pytest.mark.row("K60")
def test_idle_and_slow_clients_block_nobody(gateway, element):
    """200 that say nothing and 50 that dribble; a warm HEAD beside them takes far less than half a second."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        stack.callback(stop.set)
        for _ in range(200):
            stack.enter_context(Line(gateway))
        dribbling = [stack.enter_context(Line(gateway)) for _ in range(50)]

        def dribble() -> None:
            while not stop.wait(0.05):
                for line in dribbling:
                    line.send(b"x")

        for line in dribbling:
            line.send(HALF)
        thread = threading.Thread(target=dribble)
        stack.callback(thread.join)
        stack.callback(stop.set)
        thread.start()
        assert ask("HEAD", f"{gateway.url}/f").status == 200
        with Wire(gateway) as wire:
            took_s = []
            for _ in range(50):
                began_s = time.monotonic()
                wire.send(request("HEAD", "/f"))
                answer = wire.receive(head_only=True)
                took_s.append(time.monotonic() - began_s)
                assert (answer.status, answer.headers["content-length"]) == (200, "10")
        # 0.1 s is the criterion; five-fold slack for a busy machine
        assert sorted(took_s)[len(took_s) // 2] < 0.5
        with ThreadPoolExecutor(20) as pool:
            answers = list(
                pool.map(
                    lambda n: ask_from(f"127.0.1.{n}", "GET", f"{gateway.url}/g"), range(1, 51)
                )
            )
        assert {answer.status for answer in answers} == {302}
        assert {answer.headers["location"] for answer in answers} == {element.base_url + "/g"}


# -- one request is never two ----------------------------------------------------------------------

INNER = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
HOST = b"Host: h\r\n"
CL = b"Content-Length: %d\r\n" % len(INNER)
EMPTY = b"0\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)

REFUSED = {
    "length and chunks": CL + TE + b"\r\n" + EMPTY + INNER,
    "chunks and length": TE + CL + b"\r\n" + EMPTY + INNER,
    "two lengths": CL + b"Content-Length: 0\r\n\r\n" + INNER,
    "the same length twice": CL + CL + b"\r\n" + INNER,
    "a list of lengths": b"Content-Length: 35, 35\r\n\r\n" + INNER,
    "a signed length": b"Content-Length: +35\r\n\r\n" + INNER,
    "a negative length": b"Content-Length: -1\r\n\r\n" + INNER,
    "a hexadecimal length": b"Content-Length: 0x23\r\n\r\n" + INNER,
    "an empty length": b"Content-Length:\r\n\r\n" + INNER,
    "a length beyond numbers": b"Content-Length: 99999999999999999999\r\n\r\n" + INNER,
    "a folded header": b"X: a\r\n Content-Length: 35\r\n\r\n" + INNER,
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n" + EMPTY + INNER,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n" + EMPTY + INNER,
    "a coding with another name": b"Transfer-Encoding: xchunked\r\n\r\n" + EMPTY + INNER,
    "a coding that is not the last": b"Transfer-Encoding: chunked, gzip\r\n\r\n" + EMPTY + INNER,
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n" + EMPTY + INNER,
    "two codings": TE + b"Transfer-Encoding: identity\r\n\r\n" + EMPTY + INNER,
    "a bare line feed": b"X: a\n" + TE + b"\r\n" + EMPTY + INNER,
    "a bare carriage return": b"X: a\r" + TE + b"\r\n" + EMPTY + INNER,
    "line feeds alone": b"\n" + INNER,
    "no colon": b"Nonsense\r\n\r\n" + INNER,
    "an empty name": b": x\r\n\r\n" + INNER,
    "a control character": b"X: a\x01\r\n\r\n" + INNER,
    "a NUL": b"X: a\x00\r\n\r\n" + INNER,
    "a name with a space": b"X Y: a\r\n\r\n" + INNER,
}


@pytest.mark.parametrize("method", ["GET", "PUT", "PROPFIND"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_request_with_two_readings_is_400_and_the_end(gateway, element, name, method):
    with Line(gateway) as line:
        line.send(method.encode() + b" /f HTTP/1.1\r\n" + HOST + REFUSED[name])
        assert statuses(line.rest()) == [400]
    assert not any("smuggled" in path for _method, path in element.counts)


BROKEN_CHUNKS = {
    "no number": b"zz\r\n",
    "a prefix": b"0x23\r\n" + INNER,
    "a sign": b"-1\r\n",
    "too large": b"fffffffffffffffff\r\n",
    "too short": b"1\r\n" + INNER,
    "a line feed": b"23\n" + INNER,
    "a line feed in an extension": b"23;a\nb\r\n" + INNER,
    "length in the trailer": b"0\r\nContent-Length: 35\r\n\r\n" + INNER,
}


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_chunks_that_are_none_end_the_connection_after_one_answer(gateway, element, name, pause):
    for method, status in ((b"PROPFIND", 400), (b"PUT", 405), (b"GET", 302)):
        with Line(gateway) as line:
            head = method + b" /f HTTP/1.1\r\nDepth: 0\r\n" + HOST + TE + b"\r\n"
            said = b""
            if pause:
                line.send(head)
                said = b"" if method == b"PROPFIND" else line.socket.recv(65536)
                line.send(BROKEN_CHUNKS[name] + INNER)
            else:
                line.send(head + BROKEN_CHUNKS[name] + INNER)
            assert statuses(said + line.rest()) == [status]
    assert not any("smuggled" in path for _method, path in element.counts)


RIGHT = {
    "chunks": TE + b"\r\n" + CHUNK,
    "chunks with extensions": TE + b'\r\n23;a=b;c="d"\r\n' + INNER + b"\r\n0;e\r\n\r\n",
    "chunks with a trailer": TE + b"\r\n23\r\n" + INNER + b"\r\n0\r\nX-Sum: 1\r\n\r\n",
    "chunks in capitals": b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + CHUNK,
    "zeros before the number": TE + b"\r\n00023\r\n" + INNER + b"\r\n000\r\n\r\n",
    "a length": CL + b"\r\n" + INNER,
    "a length with zeros": b"Content-Length: 0035\r\n\r\n" + INNER,
    "no content": b"Content-Length: 0\r\n\r\n",
    "an empty header": b"X:\r\nKeep-Alive:\r\n\r\n",
    "hop-by-hop headers": b"TE: trailers\r\nConnection: TE\r\nKeep-Alive:\r\n\r\n",
    "an upgrade": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
}


@pytest.mark.parametrize("name", RIGHT)
def test_content_that_looks_like_a_request_is_content(gateway, element, name):
    """Each is allowed, has one answer, and the request after it has its own."""
    for size in (1 << 20, 7, 1):
        for method, status in (("GET", 302), ("PUT", 405), ("OPTIONS", 200)):
            with Wire(gateway) as wire:
                data = f"{method} /f HTTP/1.1\r\n".encode() + HOST + RIGHT[name]
                data += request("GET", "/g")
                for at in range(0, len(data), size):
                    wire.send(data[at : at + size])
                assert wire.receive().status == status
                following = wire.receive()
                assert (following.status, following.headers["location"]) == (
                    302,
                    element.base_url + "/g",
                )
    assert not any("smuggled" in path for _method, path in element.counts)


def test_chunks_in_http_1_0_end_the_connection(gateway):
    with Line(gateway) as line:
        line.send(b"GET /f HTTP/1.0\r\nConnection: keep-alive\r\n" + TE + b"\r\n" + CHUNK + INNER)
        assert statuses(line.rest()) == [302]


def test_nothing_follows_a_request_that_says_it_is_the_last(gateway, element):
    with Line(gateway) as line:
        line.send(request("GET", "/f", "Connection: close") + INNER)
        assert statuses(line.rest()) == [302]
    assert not any("smuggled" in path for _method, path in element.counts)


# -- what is said of it ----------------------------------------------------------------------------


def test_what_is_refused_is_logged_in_a_line_without_what_was_sent(start, element):
    running = start(config=settings(element, workers=1))
    secret = b"Authorization: Bearer s3cret"
    sent = [
        b"GET /s3cret HTTP/1.1\r\n" + HOST + secret + b"\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + secret * 1000 + b"\r\n\r\n",
        b"GET /" + b"s3cret" * 5000 + b" HTTP/1.1\r\n",
        b"FROB /s3cret HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + secret + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01s3cret",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    ]
    answers = []
    for data in sent:
        with Line(running) as line:
            line.send(data)
            answers.append(line.rest())
    assert [statuses(data) for data in answers] == [
        [400],
        [431],
        [414],
        [501],
        [400],
        [400],
        [400],
        [505],
    ]
    assert not any(b"s3cret" in data for data in answers)
    log = running.log_text()
    assert "s3cret" not in log
    assert "Traceback" not in log
    refused = re.findall(
        r'event="request refused" client=127\.0\.0\.1 status=(\d+) why="?[^=]+$', log, re.M
    )
    assert refused == ["400", "431", "414", "501", "400", "400", "400", "505"]
    assert (faults(running, "malformed"), faults(running, "too_long")) == (4, 2)
    assert faults(running, "unsupported") == 2

"""A remembered redirect is written from prepared bytes: no client may see a difference, however it asks."""

import re
import socket
import struct
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.testing import StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

Headers = list[tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[Gateway]:
    """Two replicas whose order is fixed by a rule, so that answers can be compared."""
    tree = Tree({"/file": b"hello", "/odd/a b%41#é": b"x"})
    with (
        in_thread(StorageElement(tree)) as one,
        in_thread(StorageElement(tree)) as two,
        GatewayStarter(tmp_path_factory.mktemp("gateway")) as start,
    ):
        yield start(
            config=f'[endpoints.one]\nurl = "{one.base_url}"\n[endpoints.two]\nurl = "{two.base_url}"\n'
            '[[locality.rules]]\nnetworks = ["127.0.0.0/8"]\nprefer = ["two", "one"]\n'
        )


@pytest.fixture
def wire(gateway) -> Iterator[socket.socket]:
    with connect(gateway) as connection:
        yield connection


def connect(gateway: Gateway) -> socket.socket:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def exchange(wire: socket.socket, request: bytes) -> tuple[bytes, Headers]:
    """Status line and headers of an answer without a body."""
    wire.sendall(request)
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        piece = wire.recv(65536)
        assert piece, data
        data += piece
    status, *lines = data[:-4].split(b"\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    return status, headers


def plain(headers: Headers) -> Headers:
    """Without what may differ: the date, the numbers of what ages and takes time, and how the connection goes on."""
    unlike, counting = (b"date", b"connection"), (b"age", b"cache-status", b"server-timing")
    return sorted(
        (name, re.sub(rb"[0-9.]+", b"#", value) if name.lower() in counting else value)
        for name, value in headers
        if name.lower() not in unlike
    )


def named(headers: Headers, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


@pytest.mark.parametrize("target", [b"/file", b"/odd/a%20b%2541%23%C3%A9", b"/file?x=1"])
def test_every_way_to_ask_gets_the_same_redirect(gateway, target):
    ask = b"GET " + target.replace(b"%", b"%%") + b" HTTP/%s\r\nHost: h\r\n%s\r\n"
    with connect(gateway) as wire:
        exchange(wire, ask % (b"1.1", b""))  # asks the storage
        made = exchange(wire, ask % (b"1.1", b""))  # an ordinary response; its head is kept
        quick = exchange(wire, ask % (b"1.1", b""))
    assert made[0] == quick[0] == b"HTTP/1.1 302 Found"
    assert plain(made[1]) == plain(quick[1])
    assert named(quick[1], b"connection") == named(made[1], b"connection") == []
    for version, connection, goes_on in (
        (b"1.1", b"Connection: close\r\n", [b"close"]),
        (b"1.0", b"", []),
        (b"1.0", b"Connection: keep-alive\r\n", [b"keep-alive"]),
    ):
        with connect(gateway) as wire:
            status, headers = exchange(wire, ask % (version, connection))
            assert status == b"HTTP/%s 302 Found" % version
            assert plain(headers) == plain(quick[1])
            assert named(headers, b"connection") == goes_on
            if goes_on == [b"keep-alive"]:
                assert exchange(wire, ask % (version, connection))[0].endswith(b"302 Found")
            else:
                assert wire.recv(100) == b""


def test_what_it_says(gateway, wire):
    answers = [exchange(wire, b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(3)]
    headers = answers[-1][1]
    assert named(headers, b"server") == [b"ugrpy"]
    assert named(headers, b"content-length") == [b"0"]
    (cache_status,) = named(headers, b"cache-status")
    assert cache_status.startswith(b"ugrpy; hit;")
    (location,) = named(headers, b"location")
    (link,) = named(headers, b"link")
    assert location.endswith(b"/file")
    assert link.startswith(b"<%s>; rel=duplicate; pri=1, <http://" % location)
    assert link.count(b"rel=duplicate") == 2
    (date,) = named(headers, b"date")
    assert parsedate_to_datetime(date.decode()).utcoffset() is not None
    assert date.endswith(b" GMT")


def test_one_connection_takes_them_in_turn(wire):
    for _ in range(3):
        for request, status in (
            (b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 302 Found"),
            (b"HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200 OK"),
            (b"OPTIONS /file HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200 OK"),
        ):
            assert exchange(wire, request)[0] == status


def test_clients_that_leave_during_a_long_answer_are_no_mistake_of_ours(tmp_path):
    tree = Tree({f"/{number:05}-{'x' * 150}": b"" for number in range(4000)})
    access = tmp_path / "access"
    with in_thread(StorageElement(tree)) as storage, GatewayStarter(tmp_path) as start:
        running = start({"one": storage.base_url}, arguments=[f"--access-log={access}"])
        for number in range(6):
            with connect(running) as wire:
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                wire.sendall(b"PROPFIND / HTTP/1.1\r\nHost: h\r\nDepth: 1\r\n\r\n")
                assert wire.recv(100).startswith(b"HTTP/1.1 207 ")
                if number % 2:  # a reset instead of a polite end
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert ask("GET", f"{running.url}/nothing").status == 404
        running.stop()
        assert "request failed" not in running.log_text()
        assert "Traceback" not in running.log_text()
    statuses = re.findall(r" status=(\d+) ", access.read_text())
    assert sorted(statuses) == ["404"] + ["499"] * 6


def test_pipelined_they_keep_their_order(wire):
    targets = [b"/file?%d" % number for number in range(20)]
    wire.sendall(
        b"".join(
            b"HEAD %s HTTP/1.1\r\nHost: h\r\n\r\nGET %s HTTP/1.1\r\nHost: h\r\n\r\n" % (t, t)
            for t in targets
        )
    )
    data = b""
    while data.count(b"\r\n\r\n") < 40:
        piece = wire.recv(65536)
        assert piece
        data += piece
    statuses = [one.split(b" ")[1] for one in data.split(b"\r\n\r\n")[:-1]]
    assert statuses == [b"200", b"302"] * 20

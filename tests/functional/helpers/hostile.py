"""What must hold of the answer to any bytes, sent as if they were a request?"""

import contextlib
import re
import socket
from pathlib import Path

from tests.peers.gateway import Gateway

CORPUS = Path(__file__).parents[2] / "data" / "fuzz" / "requests"
_HEAD_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9] [ -~]*|[!-9;-~]+: [\t -~\x80-\xff]*")


def corpus() -> list[Path]:
    """Whole requests that once broke something, or nearly."""
    return sorted(CORPUS.glob("*.http"))


def exchange(gateway: Gateway, data: bytes, quiet_s: float = 0.25) -> bytes:
    """Send it all, and return what comes back until the end, a whole answer, or until it has been quiet for so long.

    Only then is the other end told that no more will come: for a client that closes its side the gateway need not answer.
    """
    address = (gateway.process.address, gateway.process.port)
    received = b""
    with (
        socket.create_connection(address, timeout=10) as connection,
        contextlib.suppress(TimeoutError, ConnectionError),
    ):
        connection.sendall(data)
        connection.settimeout(quiet_s)
        while not _is_whole(received) and (piece := connection.recv(65536)):
            received += piece
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            received += piece
    return received


def _is_whole(received: bytes) -> bool:
    """Whether an answer has come to its end, as far as its length tells."""
    head, ended, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: ([0-9]+)", head, re.IGNORECASE)
    return bool(ended) and length is not None and len(body) >= int(length[1])


def check_answer(request: bytes, received: bytes) -> None:
    """Nothing, or a well-formed head without what the client tried to put into it; never a mistake of ours."""
    if not received:
        return
    lines = received.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1."), (request, received)
    assert not lines[0].split()[1].startswith(b"500"), (request, received)
    for line in lines:
        assert _HEAD_LINE.fullmatch(line), (request, line)
        assert not line.lower().startswith(b"x-injected"), (request, received)

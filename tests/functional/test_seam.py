"""The seam before the parser, under the whole gateway: one path answered in ``data_received``, and nothing else changes.

The functional tests of reading and of the wire run once more, as they are, against gateways whose connections are
of that class.
"""

import os
import re
import socket
import subprocess
import sys

import pytest

from benchmarks.seam import FixedPathProtocol
from tests.peers.ask import ask
from tests.peers.gateway import PROTOCOL_VARIABLE
from ugrpy.testing import StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

NAME = f"{FixedPathProtocol.__module__}:{FixedPathProtocol.__qualname__}"
AGAIN = (
    "tests/functional/test_rows_wire.py",
    "tests/functional/test_rows_reading.py",
    "tests/functional/test_service_answers.py",
)
LIMIT_S = 300  # about 20 s on two idle cores, twice that beside another worker and with coverage


def test_one_path_is_answered_before_the_gateway_and_all_others_by_it(start_gateway, monkeypatch):
    monkeypatch.setenv(PROTOCOL_VARIABLE, NAME)
    with in_thread(StorageElement(Tree({"/hot": b"a file", "/file": b"hello"}))) as storage:
        gateway = start_gateway({"one": storage.base_url})
        with socket.create_connection((gateway.process.address, gateway.process.port), 10) as wire:
            for _ in range(3):
                # A client may have an answer before its connection is at rest, and then its next request goes to
                # the parser. Another connection is answered only after that.
                assert ask("GET", f"{gateway.url}/readyz").status == 200
                assert b"\r\nLocation: http://127.0.0.1/hot\r\n" in _head(wire, "/hot")
                expected = f"\r\nLocation: {storage.base_url}/file\r\n".encode()
                assert expected in _head(wire, "/file")
        assert ask("GET", f"{gateway.url}/hot?x").headers["location"] == f"{storage.base_url}/hot"
        assert ask("HEAD", f"{gateway.url}/hot").status == 200
        assert storage.counts["GET", "/hot"] == 0


def _head(wire: socket.socket, path: str) -> bytes:
    """The head of the answer to one request; there is no body."""
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = wire.recv(4096)
        assert piece, head
        head += piece
    return head


@pytest.mark.timeout(LIMIT_S + 20)
def test_the_functional_tests_do_not_notice(pytestconfig):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *AGAIN],
        check=False,
        cwd=pytestconfig.rootpath,
        env={**os.environ, PROTOCOL_VARIABLE: NAME},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    counted = re.search(r"^(\d+) passed in ", done.stdout, re.M)
    assert counted is not None, done.stdout[-500:]
    assert int(counted[1]) > 100

"""Long pages to many clients that hardly read: what the gateway holds for them does not grow with their number."""

import contextlib
import re
import socket
import time
from pathlib import Path

import pytest

from tests.functional.helpers.asking import request, until
from tests.functional.helpers.crowd import load_of
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import Gateway

pytestmark = pytest.mark.functional

NAMES = 8_000
READERS = 40
WAIT_S = 60.0
# Sorted rows of so many names take some 2 MB for each reader; five of these at a time are made, and the allocator keeps some.
MOST_MB = 32


def memory_mb(gateway: Gateway) -> float:
    found = re.search(r"pid (\d+)", repr(gateway.process))
    assert found is not None
    status = Path(f"/proc/{found[1]}/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB", status, re.M)
    return int(kilobytes) / 1024


def test_slow_readers_of_long_pages_cost_little_each(start_gateway):
    paths = [f"/long/{number:06}-{'x' * 60}" for number in range(NAMES)]
    with elements({"one": tree_of(*paths)}) as running, contextlib.ExitStack() as stack:
        gateway = start_gateway(
            config=configuration(
                {"one": {"url": running["one"].base_url, **QUIET}},
                health=NEVER_EJECT,
                cache={"listing_ttl_s": 600},
                federation={"deadline_s": 60.0},
            )
        )
        whole = ask("GET", f"{gateway.url}/long/", timeout_s=WAIT_S).body
        assert whole.count(b"<tr>") > NAMES
        before_mb = memory_mb(gateway)
        lines = []
        for number in range(READERS):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.settimeout(WAIT_S)
            line.connect((gateway.process.address, gateway.process.port))
            order = "desc" if number % 2 else "asc"
            line.sendall(request("GET", f"/long/?sort=size&order={order}"))
            lines.append(line)
        for line in lines:
            assert line.recv(1000)
        settled_by = time.monotonic() + WAIT_S
        while (pages := load_of(gateway)["pages"])["at_work"] or pages["waiting"]:
            assert time.monotonic() < settled_by
            time.sleep(0.1)
        assert memory_mb(gateway) - before_mb < MOST_MB
        # a reader in earnest gets all of it
        again = ask("GET", f"{gateway.url}/long/", timeout_s=WAIT_S).body
        assert again.count(b"<tr>") == whole.count(b"<tr>")
    until(lambda: load_of(gateway)["pages"]["at_work"] == 0, "nobody has a page made")

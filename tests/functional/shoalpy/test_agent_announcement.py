"""What a local network hears of a cache: one packet a minute while it works, at the port of its kind, signed if wished."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoalpy.agent.run import Agent
from shoalpy.agent.settings import load_agent
from shoalpy.announcement import BadAnnouncement, parse_announcement
from tests.functional.shoalpy.shoal import KEYS_FILE
from ugrpy.testing import FakeClock

pytestmark = pytest.mark.functional

SECRET = b"a secret of this network"


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket at this very port, which another program may hold for a moment."""
    deadline = time.monotonic() + 30
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        while True:
            try:
                ear.bind(("127.0.0.1", port))
                break
            except OSError:
                assert time.monotonic() < deadline, f"UDP port {port} is not to be had"
                time.sleep(0.1)
        ear.setblocking(False)
        yield ear


def heard(ear: socket.socket) -> list[bytes]:
    """All packets since the last look; on loopback they are there when they are sent."""
    packets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(ear.recv(2048))
    return packets


def packets_of(folder: Path, minutes: float, *, works: bool = True, **announce: str) -> list[bytes]:
    """What an agent broadcasts that takes its turn every 30 s."""
    return asyncio.run(_told(folder, minutes, works=works, announce=announce))


async def _told(
    folder: Path, minutes: float, *, works: bool, announce: dict[str, str]
) -> list[bytes]:
    (folder / "key").write_text(KEYS_FILE)
    kind = announce.pop("kind", "squid")
    upstream = announce.pop("upstream", "both")
    port = int(announce.pop("at"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and not listening: whoever tests the cache there is refused
        overrides = {
            "agent": {
                "server": f"http://127.0.0.1:{closed.getsockname()[1]}",
                "key_file": str(folder / "key"),
                "state_dir": "",
                "cache_type": kind,
                "upstream": upstream,
                "cache_port": closed.getsockname()[1] if not works else 3128,
                "private_ip": "10.1.2.3",
                "hostname": "cache1.example.org",
                "test": not works,
            },
            "announce": {"address": "127.0.0.1", **announce},
        }
        clock = FakeClock(wall_s=1_795_365_733.0)
        agent = Agent(
            load_agent(overrides=overrides, environ={}).tables, clock=clock, draw=lambda: 0.5
        )
        packets: list[bytes] = []
        with listening(port) as ear:
            try:
                for _ in range(int(minutes * 2)):
                    await agent.turn()
                    packets += heard(ear)
                    clock.advance(30.0)
            finally:
                await agent.close()
        return packets


@pytest.mark.row("S56")
@pytest.mark.parametrize(
    ("kind", "upstream", "port"),
    [
        ("squid", "both", 50000),
        ("squid", "cvmfs", 50000),
        ("varnish", "cvmfs", 50001),
        ("varnish", "frontier", 50002),
        ("varnish", "both", 50002),
    ],
)
def test_one_packet_a_minute_at_the_port_of_the_kind(tmp_path, kind, upstream, port):
    packets = packets_of(tmp_path, 5, kind=kind, upstream=upstream, at=str(port))
    assert packets == [f"fna349fn10.1.2.3:3128:{kind}:{upstream}".encode()] * 5


@pytest.mark.row("S56")
def test_a_cache_that_fails_is_not_announced(tmp_path):
    assert packets_of(tmp_path, 3, works=False, at="50000") == []


@pytest.mark.row("S56")
def test_packets_are_signed_where_there_is_a_secret(tmp_path):
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    first, second = packets_of(tmp_path, 2, at="50000", secret_file=str(tmp_path / "secret"))
    assert first.startswith(b"fna349fn10.1.2.3:3128:squid:both:1795365733:")
    assert second.startswith(b"fna349fn10.1.2.3:3128:squid:both:1795365793:")
    said = parse_announcement(first, secret=SECRET, now_s=1_795_365_740.0)
    assert (str(said.address), said.port) == ("10.1.2.3", 3128)
    with pytest.raises(BadAnnouncement):
        parse_announcement(first, secret=b"another secret here", now_s=1_795_365_740.0)

"""A cache that fails its test is not told of; its administrator hears once a day; it recovers. Time moves when the test moves it."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from shoalpy.agent import run
from shoalpy.agent.run import Agent
from shoalpy.agent.settings import load_agent
from tests.functional.shoalpy.shoal import KEYS_FILE
from ugrpy.locality import parse_address
from ugrpy.testing import FakeClock

pytestmark = pytest.mark.functional


class Around:
    """The server, the cache and the mail server."""

    def __init__(self) -> None:
        self.works = False
        self.beats: list[dict[str, object]] = []
        self.letters: list[str] = []

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, body = "200 OK", b"external_ip=192.0.2.77\n"
        if head.startswith("POST"):
            length = int(head.lower().partition("content-length:")[2].split()[0])
            self.beats.append(json.loads(await reader.readexactly(length)))
        elif head.startswith("GET http://"):
            status = "200 OK" if self.works else "503 No"
            body = b"20261122\nNatlas.cern.ch\n"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode())
        writer.write(b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go\r\n")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            leaves = line.upper().startswith(b"QUIT")
            writer.write(b"221 bye\r\n" if leaves else b"250 ok\r\n")
            if leaves:
                break
        writer.close()


@pytest.mark.row("S55")
def test_no_heartbeats_one_letter_a_day_and_recovery(tmp_path: Path):
    asyncio.run(_story(tmp_path))


async def _story(tmp_path: Path) -> None:
    world = Around()
    http = await asyncio.start_server(world.http, "127.0.0.1", 0)
    smtp = await asyncio.start_server(world.smtp, "127.0.0.1", 0)
    port, mail_port = (one.sockets[0].getsockname()[1] for one in (http, smtp))
    (tmp_path / "key").write_text(KEYS_FILE)
    settings = {
        "server": f"http://127.0.0.1:{port}",
        "key_file": str(tmp_path / "key"),
        "state_dir": "",
        "cache_port": port,
        "private_ip": "10.1.2.3",
        # an address that has no name
        "hostname": "cache1.example.org",
    }
    target = "http://stratum.test/cvmfs/atlas.cern.ch/.cvmfswhitelist"
    overrides = {
        "agent": settings,
        "verification": {"squid_cvmfs": [target]},
        "mail": {"port": mail_port, "to": "admin@example.org"},
        "announce": {"enabled": False},
    }
    tables = load_agent(overrides=overrides, environ={}).tables
    clock = FakeClock()
    agent = Agent(tables, clock=clock, draw=lambda: 0.5)
    try:
        for _ in range(49):  # a day and half an hour
            await agent.turn()
            clock.advance(1800)
        assert world.beats == []
        assert len(world.letters) == 2
        assert "admin@example.org" in world.letters[0]
        world.works = True
        await agent.turn()
        assert len(world.beats) == 1
        assert len(world.letters) == 2
    finally:
        await agent.close()
        http.close()
        smtp.close()


@pytest.mark.row("S54")
@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("10.9.8.7", {"private_ip": "10.9.8.7", "external_ip": "192.0.2.77"}),
        ("198.51.100.5", {"public_ip": "198.51.100.5"}),
        (None, {"external_ip": "192.0.2.77"}),
    ],
)
def test_the_server_says_how_the_world_sees_it_and_nobody_else_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: str | None, told: dict[str, str]
):
    """An address behind a NAT comes from the server's echo; the name of an address is not looked up, so it need not have one."""
    monkeypatch.setattr(run, "_own_address", lambda: parse_address(card) if card else None)
    monkeypatch.setattr(socket, "gethostbyaddr", _nobody)
    beat = asyncio.run(_first_beat(tmp_path))
    addresses = {name: beat[name] for name in beat if name.endswith("_ip") and beat[name]}
    assert addresses == told
    assert beat["hostname"] == socket.gethostname().lower()


def _nobody(*_question: object) -> None:
    raise AssertionError("a name was asked for")


async def _first_beat(folder: Path) -> dict[str, object]:
    world = Around()
    http = await asyncio.start_server(world.http, "127.0.0.1", 0)
    port = http.sockets[0].getsockname()[1]
    (folder / "key").write_text(KEYS_FILE)
    overrides = {
        "agent": {
            "server": f"http://127.0.0.1:{port}",
            "key_file": str(folder / "key"),
            "state_dir": "",
            "cache_port": port,
            "test": False,
        },
        "announce": {"enabled": False},
    }
    agent = Agent(
        load_agent(overrides=overrides, environ={}).tables, clock=FakeClock(), draw=lambda: 0.5
    )
    try:
        await agent.turn()
    finally:
        await agent.close()
        http.close()
    (beat,) = world.beats
    return beat

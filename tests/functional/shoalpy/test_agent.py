"""``shoalpy agent`` beside a real squid and a real varnish, telling a real server, which it asks for its address."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.publishing import until
from tests.functional.shoalpy.shoal import KEYS_FILE, Shoal
from tests.peers import caches
from tests.peers.process import ServerProcess, free_port
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx", "squid", "varnish")]

_LABEL = "/cvmfs/atlas.cern.ch/.cvmfswhitelist"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    server = caches.stratum_one(tmp_path_factory.mktemp("origin"))
    server.process.start()
    server.write(_LABEL.lstrip("/"), b"20261122\nNatlas.cern.ch\n")
    yield server
    server.process.stop()


def _only(folder: Path, word: str) -> Path:
    """The kernel's tables with no processes but those that have this on their command line: other tests run squids, too."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "net").symlink_to("/proc/net")
    for one in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if one.name.isdigit() and word in (one / "cmdline").read_text():
                (proc / one.name).symlink_to(one)
    return proc


def _config(folder: Path, origin: PeerServer, server: str, proc: Path, more: str = "") -> Path:
    (folder / "key").write_text(KEYS_FILE)
    file = folder / "agent.toml"
    file.write_text(
        f"""\
[agent]
server = "{server}"
key_file = "key"
state_dir = "state"
interval_s = 0.5
hostname = "cache1.example.org"
external_ip = "192.0.2.50"
failing_s = 0.5
proc_dir = "{proc}"
[verification]
squid_cvmfs = ["{origin.url}{_LABEL}"]
{more}
"""
    )
    return file


def _command(file: Path, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "shoalpy", "agent", "--config", str(file), *words)


def _said(file: Path) -> dict[str, object]:
    done = subprocess.run(
        _command(file, "--dry-run"), capture_output=True, text=True, timeout=60, check=True
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@contextlib.contextmanager
def _agent(file: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(
        lambda _port: _command(file),
        address="127.0.0.1",
        log=file.with_suffix(".log"),
        env=dict(os.environ),
        ready=lambda _address, _port: True,
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()


@pytest.mark.row("S31", "S32", "S52")
def test_a_squid_is_found_told_of_kept_over_a_restart_and_gone_with_its_agent(
    shoal: Shoal, origin: PeerServer, tmp_path: Path
):
    # squid drops to a user of its own, who may not enter the folders of pytest
    folder = Path(tempfile.mkdtemp(prefix="shoalpy-squid-"))
    squid = caches.squid(folder)
    squid.process.start()
    lan = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        lan.bind(("127.0.0.1", 0))
        lan.settimeout(30)
        proc = _only(tmp_path, str(folder))
        more = f'[announce]\naddress = "127.0.0.1"\nport = {lan.getsockname()[1]}\n'
        file = _config(tmp_path, origin, shoal.url, proc, 'private_ip = "10.1.2.3"\n')
        text = file.read_text().replace('private_ip = "10.1.2.3"\n', "")
        file.write_text(text.replace("[agent]\n", '[agent]\nprivate_ip = "10.1.2.3"\n') + more)
        assert _said(file)["cache_port"] == squid.process.port
        with _agent(file) as process:
            until(lambda: "cache1" in shoal.hosts("/all"), what=process.log_text())
            packet = lan.recv(1024)
            assert packet == f"fna349fn10.1.2.3:{squid.process.port}:squid:both".encode()
        until(lambda: "cache1" not in shoal.hosts("/all"), limit_s=2, what=process.log_text())
        identity = (tmp_path / "state/identity").read_text()
        with _agent(file) as process:
            until(lambda: "cache1" in shoal.hosts("/all"), what=process.log_text())
        assert (tmp_path / "state/identity").read_text() == identity
    finally:
        lan.close()
        squid.process.stop()
        shutil.rmtree(folder)


@pytest.mark.row("S52")
def test_a_varnish_is_found(origin: PeerServer, tmp_path: Path):
    folder = tmp_path / "varnish"
    folder.mkdir()
    varnish = caches.varnish(folder, origin)
    varnish.process.start()
    try:
        file = _config(tmp_path, origin, "http://127.0.0.1:9", _only(tmp_path, str(folder)))
        said = _said(file)
        assert (said["cache_type"], said["cache_port"]) == ("varnish", varnish.process.port)
        assert said["upstream"] == "both"  # it fronts nothing that can be asked for
        origin.write(
            "cvmfs/oasis.opensciencegrid.org/.cvmfspublished", b"Noasis.opensciencegrid.org\n"
        )
        assert _said(file)["upstream"] == "cvmfs"
        origin.write("atlr", b"OK")
        assert _said(file)["upstream"] == "both"
    finally:
        varnish.process.stop()


def test_nothing_is_said_of_a_squid_that_is_not_there(
    shoal: Shoal, origin: PeerServer, tmp_path: Path
):
    (tmp_path / "proc").mkdir()
    file = _config(tmp_path, origin, shoal.url, tmp_path / "proc", '[mail]\nto = ""\n')
    port = free_port("127.0.0.1")
    file.write_text(file.read_text().replace("[agent]\n", f"[agent]\ncache_port = {port}\n"))
    done = subprocess.run(
        _command(file, "--once"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 69, done.stderr
    assert "cache1" not in shoal.hosts("/all")

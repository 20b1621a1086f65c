"""The client of shoal, unmodified, asks us and tests what it is told through real squids (row S18).

It fetches whitelists from four stratum-1 servers by name, a list that stands in its source. Here each squid sends everything to an
origin of ours that has these files, as a squid at a site sends everything to its parent, so no name is looked up and nobody
outside is asked.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.shoal import Shoal, ShoalStarter
from tests.peers.bench import Bench
from tests.peers.legacy import installed
from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx", "squid")]

REPOSITORIES = ("atlas-condb", "sft", "atlas", "grid")
HOSTS = {
    "cvmfs-stratum-one.cern.ch",
    "cernvmfs.gridpp.rl.ac.uk",
    "cvmfs.racf.bnl.gov",
    "cvmfs.fnal.gov",
}
_SQUID = """\
http_port {address}:{port}
visible_hostname squid.test
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log squid
cache_store_log none
coredump_dir {folder}
{user}
cache_mem 8 MB
cache deny all
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pinger_enable off
cache_peer {parent} parent {parent_port} 0 no-query no-digest originserver default
never_direct allow all
http_access allow all
"""


def squid_before(folder: Path, origin: PeerServer, address: str) -> PeerServer:
    """A squid that asks this origin for everything."""
    program = require("squid")
    folder.chmod(0o777)

    def command(port: int) -> tuple[str, ...]:
        text = _SQUID.format(
            address=address,
            port=port,
            folder=folder,
            user="cache_effective_user proxy" if os.geteuid() == 0 else "",
            parent=origin.process.address,
            parent_port=origin.process.port,
        )
        (folder / "squid.conf").write_text(text)
        return program.path, "-N", "-f", str(folder / "squid.conf")

    process = ServerProcess(command, address=address, log=folder / "output.log")
    return PeerServer("squid", program.version, folder, process, folder / "access.log")


@pytest.fixture(scope="module")
def squids() -> Iterator[list[PeerServer]]:
    """Two in front of an origin with the whitelists."""
    with Bench() as bench:
        origin = bench.stratum_one()
        for name in REPOSITORIES:
            file = origin.root / "cvmfs" / f"{name}.cern.ch" / ".cvmfswhitelist"
            file.parent.mkdir(parents=True)
            file.write_text(f"20260101000000\nE20270101000000\nN{name}.cern.ch\n--\nsignature\n")
        running: list[PeerServer] = []
        try:
            for address in ("127.0.21.1", "127.0.22.1"):
                running.append(squid_before(bench.folder("squid"), origin, address))
                running[-1].start()
            yield running
        finally:
            for one in running:
                one.stop()


@pytest.fixture(scope="module")
def verifying(start_shoal: ShoalStarter, squids: list[PeerServer]) -> Shoal:
    """A server that has found both squids to work, and a third to be dead."""
    whitelists = [
        f"http://cvmfs.fnal.gov/cvmfs/{name}.cern.ch/.cvmfswhitelist" for name in REPOSITORIES
    ]
    shoal = start_shoal(
        "[verification]\nallow_networks = ['127.0.0.0/8']\nports = ['1-65535']\n"
        f"squid_cvmfs = {whitelists}\n",
        verifies=True,
    )
    for number, one in enumerate(squids):
        shoal.beat(f"squid{number}", public_ip=one.process.address, cache_port=one.process.port)
    shoal.beat("dead", public_ip="127.0.23.1", cache_port=9)
    return shoal


def test_both_are_verified(verifying):
    verifying.until(lambda: sorted(verifying.hosts("/nearest")) == ["squid0", "squid1"])
    assert sorted(verifying.hosts("/all")) == ["dead", "squid0", "squid1"]


@pytest.mark.row("S18")
def test_the_old_client_lists_verified_caches(verifying, squids, tmp_path):
    verifying.until(lambda: len(verifying.hosts("/nearest")) == 2)
    commands = installed("shoal-client==1.0.4")
    (tmp_path / ".shoal").mkdir()
    (tmp_path / ".shoal" / "shoal_client.conf").write_text(
        f"[general]\nshoal_server_url = {verifying.url}/nearest\n"
        "default_squid_proxy = http://default.example:3128;DIRECT\n"
    )

    done = subprocess.run(
        [str(commands / "shoal-client"), "-k", "-d"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = [one for one in done.stdout.strip().strip('"').split(";") if one]
    assert set(told[:2]) == {one.url for one in squids}
    assert "dead" not in done.stdout
    assert "127.0.23.1" not in done.stdout
    # it has really used them for each of its four targets
    for one in squids:
        log = (one.root / "access.log").read_text()
        assert all(host in log for host in HOSTS)

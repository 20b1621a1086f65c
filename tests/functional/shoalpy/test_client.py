"""``shoalpy client`` as a cron job runs it: it asks a running server, and tests what it is told through real squids.

There is no CVMFS here: a script in the place of ``cvmfs_talk`` writes down how it was called.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shoalpy.announcement import Announcement, render_announcement
from shoalpy.cli import app
from shoalpy.client.command import Use, run_client
from shoalpy.client.run import Wanted
from shoalpy.client.settings import load_client
from shoalpy.frontier import Key, parse_connect_string
from shoalpy.proxylist import parse_proxy_list
from tests.functional.shoalpy.shoal import Shoal, ShoalStarter
from tests.peers.bench import Bench
from tests.peers.caches import seen
from tests.peers.process import free_port
from tests.peers.server import PeerServer
from ugrpy.locality import parse_address

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx", "squid")]

# A squid behind this is slower than any other, however busy the machine is.
DELAY_S = 1.5
HERE = '[[geo.networks]]\nnetworks = ["127.0.0.0/24", "127.0.35.0/24"]\nsite = "here"\n'
SECRET = b"what agents and clients of this site know"


class SlowDoor:
    """TCP to a server, each connection opened late. It listens at one port of several addresses."""

    def __init__(self, behind: tuple[str, int], *addresses: str) -> None:
        self._behind = behind
        self._open = [socket.create_server((addresses[0], 0))]
        self.port = self._open[0].getsockname()[1]
        self._open += [socket.create_server((one, self.port)) for one in addresses[1:]]
        for listening in self._open:
            threading.Thread(target=self._serve, args=(listening,), daemon=True).start()

    def close(self) -> None:
        for listening in self._open:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _serve(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listening.accept()
                threading.Thread(target=self._join, args=(caller,), daemon=True).start()

    def _join(self, caller: socket.socket) -> None:
        time.sleep(DELAY_S)
        with caller, contextlib.suppress(OSError), socket.create_connection(self._behind) as server:
            back = threading.Thread(target=_pour, args=(server, caller), daemon=True)
            back.start()
            _pour(caller, server)
            back.join()


def _pour(source: socket.socket, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            into.sendall(piece)
        into.shutdown(socket.SHUT_WR)


@dataclass
class Site:
    """Squids, what stands behind them, and a server that names them."""

    origin: PeerServer
    squids: list[PeerServer]
    door: SlowDoor
    shoal: Shoal
    empty: Shoal

    @property
    def fast(self) -> list[str]:
        return sorted(one.url for one in self.squids)

    @property
    def slow(self) -> str:
        return f"http://127.0.36.1:{self.door.port}"


@pytest.fixture(scope="module")
def site(start_shoal: ShoalStarter) -> Iterator[Site]:
    with Bench() as bench:
        origin = bench.stratum_one()
        origin.write("cvmfs/atlas.cern.ch/.cvmfswhitelist", b"2026\nE2027\nNatlas.cern.ch\n--\n")
        origin.write("atlr", b"frontier")
        squids = [bench.squid("127.0.31.1"), bench.squid("127.0.32.1")]
        shoal = start_shoal(HERE)
        behind = squids[0].process.address, squids[0].process.port
        door = SlowDoor(behind, "127.0.35.1", "127.0.36.1")
        yield Site(origin, squids, door, shoal, start_shoal())
        door.close()


@dataclass(frozen=True)
class Done:
    """What a run left."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Client:
    """The command in a folder of its own."""

    folder: Path
    site: Site

    def configure(self, client: str = "", lan: str = "") -> None:
        url = f"{self.site.shoal.url}/nearestcvmfs"
        frontier = f"{self.site.shoal.url}/nearestconditions"
        lines = [
            "[client]",
            *(
                []
                if "cvmfs_url" in client
                else [f'cvmfs_url = "{url}"', f'frontier_url = "{frontier}"']
            ),
            'default_local = "default.local"\nstate_file = "state.json"\nbalance_ratio = 0.0',
            *([] if "balance_margin_s" in client else ["balance_margin_s = 0.0"]),
            client,
            "[tests]",
            f'cvmfs = ["{self.site.origin.url}/cvmfs/atlas.cern.ch/.cvmfswhitelist"]',
            f'frontier = ["{self.site.origin.url}/atlr"]',
            # time enough on a busy machine: none of these tests waits for it, but for the one silent cache
            "timeout_s = 3.0\ntotal_s = 4.0",
            f'[lan]\naddress = "127.0.0.1"\n{lan}',
        ]
        (self.folder / "client.toml").write_text("\n".join(lines))

    def __call__(self, *flags: str, **environ: str) -> "Done":
        """The command as its own process would run it, in this one."""
        bare = {name: None for name in os.environ if name.lower().endswith("_proxy")}
        done = CliRunner().invoke(app, self._words(flags), env={**bare, **environ})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    def process(self, *flags: str, **environ: str) -> "Done":
        """The same in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "shoalpy", *self._words(flags)],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)} | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def _words(self, flags: tuple[str, ...]) -> list[str]:
        return ["client", f"--config={self.folder}/client.toml", *flags]

    def dump(self, *flags: str, **environ: str) -> str:
        """What ``-d`` prints between its quotes."""
        done = self("-d", *flags, **environ)
        assert done.returncode == 0, done.stderr
        line = done.stdout.removesuffix("\n")
        assert line[0] == line[-1] == '"', line
        return line[1:-1]

    def default_local(self, text: str) -> Path:
        file = self.folder / "default.local"
        file.write_text(text)
        return file

    def talk(self, status: int) -> Path:
        """Puts a ``cvmfs_talk`` into the folder, which leaves with this status."""
        tool = self.folder / "cvmfs_talk"
        log = self.folder / "talked"
        tool.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"open({str(log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\nsys.exit({status})\n"
        )
        tool.chmod(0o755)
        return log


@pytest.fixture
def client(tmp_path: Path, site: Site) -> Client:
    for number, one in enumerate(site.squids):  # anew, as agents do
        site.shoal.beat(f"s{number}", public_ip=one.process.address, cache_port=one.process.port)
    site.shoal.beat("refused", public_ip="127.0.34.1", cache_port=free_port("127.0.34.1"))
    made = Client(tmp_path, site)
    made.configure()
    return made


@pytest.mark.row("S58")
def test_the_dump_is_a_quoted_list(client, site):
    both = client.dump("-k", "-n", "2")
    assert sorted(both.split(";")) == site.fast
    (one,) = client.dump("-k", "--caches=1").split(";")
    assert one in site.fast
    assert not (client.folder / "default.local").exists()


@pytest.mark.row("S58", "S62")
def test_nothing_found_prints_the_default_and_another_server_can_be_asked(client, site):
    client.configure(f'cvmfs_url = "{site.empty.url}/nearest"')
    client.default_local("CVMFS_HTTP_PROXY='http://default.example.invalid:3128;DIRECT'\n")
    assert client.dump("-k") == "http://default.example.invalid:3128;DIRECT"
    # -s wins over the settings: as they are written, and as a bare server
    for server in (f"{site.shoal.url}/nearestcvmfs", site.shoal.url):
        told = client.dump("-k", "-s", server).split(";")
        assert sorted(told[:2]) == site.fast
        assert told[2:] == ["DIRECT"]  # the default does not work, and others do


@pytest.mark.row("S59")
def test_cvmfs_talk_is_called_with_three_arguments(client, site):
    log = client.talk(status=7)
    client.configure(f'cvmfs_talk = "{client.folder}/cvmfs_talk"')
    done = client.process("-k")
    assert done.returncode == 7
    (called,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert called[:2] == ["proxy", "set"]
    assert len(called) == 3
    assert sorted(called[2].split(";")) == site.fast  # no quotes, and no ; at the end

    client.talk(status=0)
    assert client("-k").returncode == 0

    client.configure('cvmfs_talk = "cvmfs_talk-that-is-not-there"')
    done = client("-k")
    assert done.returncode == 2
    assert "there is no cvmfs_talk-that-is-not-there here" in done.stderr
    assert done.stdout == ""


def test_cvmfs_is_told_nothing_when_there_is_no_proxy(client, site):
    log = client.talk(status=0)
    client.configure(
        f'cvmfs_talk = "{client.folder}/cvmfs_talk"\ncvmfs_url = "{site.empty.url}/nearest"'
    )
    done = client.process("-k")
    assert done.returncode == 75
    assert "there is no default" in done.stderr
    assert not log.exists()
    assert client.dump("-k") == ""


@pytest.mark.row("S60")
def test_default_local_is_edited_and_nothing_else_in_it(client, site):
    client.configure("balance_margin_s = 1.0")
    text = (
        "# ours\nCVMFS_REPOSITORIES=atlas.cern.ch   # one\n"
        '  CVMFS_HTTP_PROXY="http://old.example.invalid:3128;DIRECT"  # by hand\n'
        "#CVMFS_HTTP_PROXY=http://commented:1\nCVMFS_QUOTA_LIMIT=20000\n"
    )
    file = client.default_local(text)
    file.chmod(0o640)
    assert client.process("-k", "--edit").returncode == 0
    wanted = "|".join(site.fast) + ";DIRECT"
    expected = text.replace("http://old.example.invalid:3128;DIRECT", wanted)
    assert file.read_text() == expected
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in client.folder.iterdir()) == [
        *("client.toml", "default.local", "state.json"),
    ]
    # a second time there is nothing to do, so nothing is done
    before = file.stat()
    assert client("-k", "--edit").returncode == 0
    assert file.read_text() == expected
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    # what stood there at first comes back when nothing is found
    (client.folder / "client.toml").write_text(
        (client.folder / "client.toml").read_text().replace(site.shoal.url, site.empty.url)
    )
    assert client("-k", "--edit").returncode == 0
    assert file.read_text() == text


@pytest.mark.row("S61")
def test_the_frontier_string_gets_proxies_before_its_own(client, site):
    old = "(serverurl=http://one.example:8000/atlr)(proxyurl=http://old.example:3128)(retrieve-ziplevel=5)"
    done = client.process("-k", "-f", FRONTIER_SERVER=old)
    assert done.returncode == 0
    told = parse_connect_string(done.stdout.strip())
    proxies = told.values(Key.PROXY)
    assert sorted(proxies[:2]) == site.fast
    assert proxies[2:] == ("http://old.example:3128",)
    new = "".join(f"(proxyurl={one})" for one in proxies[:2])
    assert done.stdout.strip() == old.replace("(proxyurl=", new + "(proxyurl=", 1)

    none = "(serverurl=http://one.example:8000/atlr)"
    done = client("-k", "--frontier", FRONTIER_SERVER=none)
    assert done.stdout.startswith(none + "(proxyurl=")
    assert sorted(parse_connect_string(done.stdout.strip()).values(Key.PROXY)) == site.fast
    # they were tested with what Frontier asks for
    assert "shoal-client" in {one.frontier_id for one in seen(site.origin) if one.path == "/atlr"}

    broken = client("-k", "-f", FRONTIER_SERVER="(serverurl=http://one.example")
    assert (broken.returncode, broken.stdout) == (65, "")


@contextlib.contextmanager
def announced(port: int, *packets: bytes) -> Iterator[None]:
    """These packets, over and over."""
    over = threading.Event()

    def speak() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not over.wait(0.05):
                for one in packets:
                    sender.sendto(one, ("127.0.0.1", port))

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()


def _of(url: str) -> Announcement:
    host, _, port = url.removeprefix("http://").rpartition(":")
    address = parse_address(host)
    assert address is not None
    return Announcement(address, int(port))


@pytest.mark.row("S62")
def test_a_cache_nearby_comes_first_unless_it_is_not_waited_for(client, site):
    squid, cvmfs = free_port("127.0.0.1"), free_port("127.0.0.1")
    client.configure(lan=f"squid_port = {squid}\ncvmfs_port = {cvmfs}\nwait_s = 30")
    with announced(squid, b"something else", render_announcement(_of(site.slow))):
        # -k: nobody listens
        assert sorted(client.dump("-k").split(";")) == site.fast
        # it is enough, and the server is not asked: this one could not be
        assert client.dump("-s", f"http://127.0.0.1:{free_port('127.0.0.1')}") == site.slow
        # -o: the server is asked, too
        first, *others = client.dump("-o", "-n", "3").split(";")
        assert first == site.slow
        assert sorted(others) == site.fast
        first, *others = client.dump("-o").split(";")
        assert first == site.slow
        assert len(others) == 1


@pytest.mark.row("S56")
def test_only_signed_announcements_are_taken_where_there_is_a_secret(client, site):
    squid, cvmfs = free_port("127.0.0.1"), free_port("127.0.0.1")
    (client.folder / "secret").write_bytes(SECRET + b"\n")
    lan = f'squid_port = {squid}\ncvmfs_port = {cvmfs}\nsecret_file = "secret"\n'
    first, second = (_of(one) for one in site.fast)
    bad = (
        render_announcement(first),
        render_announcement(first, secret=b"another", now_s=time.time()),
        render_announcement(first, secret=SECRET, now_s=time.time() - 3600),
    )
    down = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    client.configure(lan=f"{lan}wait_s = 1")
    with announced(squid, *bad):
        done = client("-d", "-s", down)
    assert done.stdout == '""\n'
    assert "it is not signed" in done.stderr
    assert "signed with another secret" in done.stderr
    assert "too long ago" in done.stderr

    client.configure(lan=f"{lan}wait_s = 30")
    with announced(squid, *bad, render_announcement(second, secret=SECRET, now_s=time.time())):
        assert client.dump("-s", down) == site.fast[1]


@pytest.mark.row("S63", "S65")
def test_caches_are_tested_together_and_ordered_by_their_time(client, site):
    beat = {"cache_port": site.door.port, "public_ip": "127.0.35.1"}
    # equal ones share the load; the slow one is there for when they fail
    site.shoal.beat("slow", **beat)
    client.configure("balance_margin_s = 0.7")
    told = client.dump("-k", "-n", "9")
    assert told == "|".join(site.fast) + f";http://127.0.35.1:{site.door.port}"
    # in our own network its private address is taken, and it comes first, slow as it is
    site.shoal.beat("slow", **beat, private_ip="127.0.36.1")
    assert client.dump("-k", "-n", "9") == f"{site.slow};" + "|".join(site.fast)
    site.shoal.post(json.dumps({"uuid": "slow", "goodbye": True}).encode())


@pytest.mark.row("S63")
def test_dead_ones_cost_little_time(client, site, capsys):
    """With the times as they are by default, and among others a cache that takes connections and never answers."""
    client.configure()
    file = client.folder / "client.toml"
    file.write_text(file.read_text().replace("timeout_s = 3.0\ntotal_s = 4.0", ""))
    tables = load_client([file], environ={}).tables
    with socket.create_server(("127.0.33.1", 0)) as silent:
        port = silent.getsockname()[1]
        for number in range(5):
            address = f"127.0.{33 if number == 0 else 34}.{number + 1}"
            site.shoal.beat(f"dead{number}", public_ip=address, cache_port=port)
        assert len(site.shoal.hosts("/nearestcvmfs/20")) == 8
        began = time.monotonic()
        assert run_client(tables, Wanted(count=9, listen=False), Use(dump=True), {}) == 0
        took_s = time.monotonic() - began
    assert sorted(capsys.readouterr().out.strip().strip('"').split(";")) == site.fast
    assert took_s < 5
    for number in range(5):
        site.shoal.post(json.dumps({"uuid": f"dead{number}", "goodbye": True}).encode())


@pytest.mark.row("S64", "S66")
def test_with_the_server_down_there_is_always_something(client, site):
    down = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    works, other = site.fast
    client.default_local(f"CVMFS_HTTP_PROXY='{other};http://dead.example.invalid:1;DIRECT'\n")
    done = client.process("-k", "-d", "-s", down, HTTP_PROXY=works)
    assert (done.returncode, done.stdout) == (0, f'"{works};{other};DIRECT"\n')
    assert down in done.stderr
    assert client.dump("-k", "-s", down) == f"{other};DIRECT"
    # answers that are none
    for server in (f"{site.shoal.url}/no/such", f"{site.origin.url}/atlr", "http://[", "ftp://x"):
        assert client.dump("-k", "-s", server) == f"{other};DIRECT"
    # without DIRECT in the list nobody goes direct
    client.default_local(f'CVMFS_HTTP_PROXY="{other}"\n')
    assert client.dump("-k", "-s", down, HTTP_PROXY="not a proxy") == other

    # once something was found, it is what comes first
    client.default_local("")
    found = client.dump("-k")
    assert sorted(found.split(";")) == site.fast
    done = client("-k", "-d", "-s", down)
    assert done.stdout == f'"{found}"\n'
    assert "the list that was found last time" in done.stderr
    # a server that answers that there is none is no failure
    assert client.dump("-k", "-s", site.empty.url) == ""


def test_a_pac_file_stands_in_for_auto(client, site):
    works, other = site.fast
    script = client.folder / "proxy.pac"
    script.write_text(
        f'function FindProxyForURL(url, host) {{ return "PROXY {works}; SOCKS s:1; DIRECT"; }}\n'
    )
    client.configure(f'cvmfs_url = "{site.empty.url}/nearest"\npac_urls = ["{script.as_uri()}"]')
    client.default_local(f"CVMFS_HTTP_PROXY='auto;{other};DIRECT'\n")
    told = parse_proxy_list(client.dump("-k"))
    assert str(told) == f"{works};DIRECT;{other}"


def test_the_settings_of_the_old_client_are_read(client, site):
    folder = client.folder / ".shoal"
    folder.mkdir()
    (folder / "shoal_client.conf").write_text(
        f"[general]\ncvmfs_url = {site.empty.url}/nearestcvmfs\n"
        "default_cache_proxy = http://default.example.invalid:3128\nnobody_knows = 1\n"
    )
    environ = {"HOME": str(client.folder), "SHOAL_CLIENT_CLIENT__STATE_FILE": ""}
    done = CliRunner().invoke(app, ["client", "-k", "-d"], env=environ)
    assert done.stdout == '"http://default.example.invalid:3128"\n', done.stderr
    assert "nobody_knows" in done.stderr

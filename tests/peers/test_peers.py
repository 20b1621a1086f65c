"""Do the real servers and clients work here, as the other tests expect them to?"""

import importlib.metadata
import os
import subprocess
import sys
import time

import pytest

from tests.peers import process, programs
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.clients import Client, read_root_branch
from tests.peers.process import ServerFailed, ServerProcess, free_port
from tests.peers.server import PeerServer

pytestmark = pytest.mark.functional

DATA = b"the quick brown fox\n" * 50
DAV_SERVERS = ["nginx_dav", "apache_dav", "xrootd_http", "wsgidav_server"]


@pytest.fixture
def dav_server(request: pytest.FixtureRequest) -> PeerServer:
    server = request.getfixturevalue(request.param)
    assert isinstance(server, PeerServer)
    return server


@pytest.mark.parametrize("dav_server", DAV_SERVERS, indirect=True)
def test_a_dav_server_lists_takes_and_gives(dav_server):
    dav_server.write("tour/one.txt", DATA)
    listing = ask("PROPFIND", f"{dav_server.url}/tour/", headers={"Depth": "1"})
    assert listing.status == 207
    assert "one.txt" in listing.text
    put = ask("PUT", f"{dav_server.url}/tour/two.txt", body=b"two")
    assert put.status in (200, 201)
    assert (dav_server.root / "tour" / "two.txt").read_bytes() == b"two"
    assert ask("GET", f"{dav_server.url}/tour/one.txt").body == DATA
    assert ask("PUT", f"{dav_server.url}/tour/one.txt", body=b"new").status in (200, 201, 204)
    assert ask("DELETE", f"{dav_server.url}/tour/one.txt").status in (200, 204)
    assert not (dav_server.root / "tour" / "one.txt").exists()
    if dav_server.access_log is not None:
        assert "PUT /tour/two.txt 201" in dav_server.requests()


def test_plain_nginx_serves_files_and_knows_no_dav(nginx_plain):
    nginx_plain.write("plain.txt", DATA)
    head = ask("HEAD", f"{nginx_plain.url}/plain.txt")
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(DATA)), b"")
    assert ask("PROPFIND", nginx_plain.url).status == 405


def test_nginx_redirects_to_a_target(bench):
    server = bench.nginx_redirect("http://192.0.2.1/data")
    answer = ask("GET", f"{server.url}/a%20b")
    assert (answer.status, answer.headers["location"]) == (302, "http://192.0.2.1/data/a%20b")


@pytest.mark.parametrize("kind", [*DAV_SERVERS, "nginx_plain"])
def test_a_server_can_hang_end_and_come_back_on_its_port(bench, kind):
    server = getattr(bench, kind)("127.0.0.3")
    url = server.url
    assert url.startswith("http://127.0.0.3:")
    server.pause()
    with pytest.raises(TimeoutError):
        ask("GET", url, timeout_s=0.1)
    server.resume()
    assert ask("OPTIONS", url).status > 0
    server.pause()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        ask("GET", url)
    server.start()
    assert server.url == url
    assert ask("OPTIONS", url).status > 0


def test_a_server_that_cannot_start_shows_its_log(tmp_path):
    server = ServerProcess(
        lambda port: ("/bin/sh", "-c", f"echo no luck with {port}; exit 3"),
        address="127.0.0.1",
        log=tmp_path / "log",
    )
    with pytest.raises(ServerFailed, match=r"(?s)status 3.*no luck with"):
        server.start()
    assert server.log_text().count("no luck") == 2  # a second port was tried
    assert repr(server).endswith("stopped>")


def test_a_server_that_ignores_the_polite_signal_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.peers.process.STOP_S", 0.2)
    server = ServerProcess(
        lambda port: ("/bin/sh", "-c", "trap '' TERM; sleep 30 & wait; wait"),
        address="127.0.0.1",
        log=tmp_path / "log",
        ready=lambda address, port: True,
    )
    server.start()
    begun = time.monotonic()
    server.stop()
    server.stop()
    assert time.monotonic() - begun < 5


def test_a_server_that_never_listens_is_given_up(tmp_path):
    server = ServerProcess(
        lambda port: ("/bin/sleep", "30"), address="127.0.0.1", log=tmp_path / "log", limit_s=0.05
    )
    with pytest.raises(ServerFailed, match="not ready"):
        server.start()


def test_a_bench_leaves_nothing_behind():
    with Bench() as mine:
        server = mine.nginx_plain()
        base = mine.base
    assert not base.exists()
    with pytest.raises(ConnectionRefusedError):
        ask("GET", server.url)


def test_free_ports_belong_to_the_address():
    assert 1024 < free_port("127.0.0.9") < 65536


def test_a_port_is_given_to_one_process_only(monkeypatch):
    first = 10_000 + os.getpid() % 1000 * 3  # where no other test looks
    asked = (
        f"from tests.peers import process; process._PORTS = range({first}, {first + 3})\n"
        "print(process.free_port('127.0.0.9'), flush=True); input()"
    )
    monkeypatch.setattr(process, "_PORTS", range(first, first + 3))

    def another() -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", asked]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with another() as one, another() as two:
        assert one.stdout is not None
        assert two.stdout is not None
        given = [int(one.stdout.readline()), int(two.stdout.readline())]
        given.append(process.free_port("127.0.0.9"))
        assert sorted(given) == [first, first + 1, first + 2]
        one.communicate("\n", timeout=30)
        two.communicate("\n", timeout=30)


def test_curl_follows_a_redirect_and_resumes(bench, nginx_plain, curl):
    nginx_plain.write("curl/file", DATA)
    front = bench.nginx_redirect(nginx_plain.url)
    done = curl("-sSL", "-r", "0-9", f"{front.url}/curl/file").check()
    assert done.stdout == DATA[:10]


def test_davix_lists_gets_and_puts(nginx_dav, davix, tmp_path):
    nginx_dav.write("davix/file", DATA)
    assert davix("get", f"{nginx_dav.url}/davix/file").check().stdout == DATA
    assert davix("ls", f"{nginx_dav.url}/davix/").check().text.split() == ["file"]
    (tmp_path / "local").write_bytes(b"up")
    davix("put", str(tmp_path / "local"), f"{nginx_dav.url}/davix/up").check()
    assert (nginx_dav.root / "davix" / "up").read_bytes() == b"up"


def test_gfal_stats_copies_and_sums(xrootd_http, gfal, tmp_path):
    xrootd_http.write("gfal/file", b"abc")
    assert "Size: 3" in gfal("stat", f"{xrootd_http.url}/gfal/file").check().text
    gfal("copy", f"{xrootd_http.url}/gfal/file", f"file://{tmp_path}/copy").check()
    assert (tmp_path / "copy").read_bytes() == b"abc"
    assert "024d0127" in gfal("sum", f"{xrootd_http.url}/gfal/file", "ADLER32").check().text


def test_xrdcp_and_xrdfs_speak_http(xrootd_http, xrd, tmp_path):
    xrootd_http.write("xrd/file", DATA)
    xrd("cp", "--nopbar", f"{xrootd_http.url}/xrd/file", str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == DATA
    assert str(len(DATA)) in xrd("fs", xrootd_http.url, "stat", "/xrd/file").check().text


def test_xrootd_copies_from_another_server(xrootd_http, nginx_plain):
    nginx_plain.write("tpc/source", DATA)
    xrootd_http.make_directory("tpc")
    answer = ask(
        "COPY",
        f"{xrootd_http.url}/tpc/target",
        headers={"Source": f"{nginx_plain.url}/tpc/source", "Credential": "none"},
    )
    assert answer.status in (200, 201)
    assert answer.text.strip().splitlines()[-1].startswith("success")
    assert (xrootd_http.root / "tpc" / "target").read_bytes() == DATA


def test_aria2_downloads(nginx_plain, aria2, tmp_path):
    nginx_plain.write("aria2/file", DATA)
    aria2("-q", "-d", str(tmp_path), "-o", "copy", f"{nginx_plain.url}/aria2/file").check()
    assert (tmp_path / "copy").read_bytes() == DATA


def test_wget2_downloads(nginx_plain, wget2, tmp_path):
    nginx_plain.write("wget2/file", DATA)
    wget2("-q", "-O", str(tmp_path / "copy"), f"{nginx_plain.url}/wget2/file").check()
    assert (tmp_path / "copy").read_bytes() == DATA


def test_cadaver_lists_and_reads(nginx_dav, cadaver):
    nginx_dav.write("cadaver/file", DATA)
    done = cadaver(f"{nginx_dav.url}/cadaver/", stdin=b"ls\ncat file\nquit\n").check()
    assert " file " in done.text
    assert DATA in done.stdout


def test_a_slow_nginx_takes_its_time(bench, curl):
    server = bench.nginx_dav(bytes_per_s=1000)
    server.write("slow", b"s" * 1_000_000)
    done = curl("-sS", "-o", "copy", "--max-time", "0.5", f"{server.url}/slow")
    assert done.code == 28  # curl's own limit
    assert 0 < (curl.home / "copy").stat().st_size < 1_000_000


def test_rclone_lists_and_uploads(nginx_dav, rclone, tmp_path):
    nginx_dav.write("rclone/file", DATA)
    env = {"RCLONE_WEBDAV_URL": nginx_dav.url}
    assert rclone("lsf", ":webdav:rclone", env=env).check().text.split() == ["file"]
    (tmp_path / "local").write_bytes(b"up")
    rclone("copyto", str(tmp_path / "local"), ":webdav:rclone/up", env=env).check()
    assert (nginx_dav.root / "rclone" / "up").read_bytes() == b"up"


def test_uproot_reads_a_branch(nginx_plain):
    import numpy as np
    import uproot

    path = nginx_plain.root / "sample.root"
    with uproot.recreate(path) as file:
        file["events"] = {"pt": np.arange(100.0)}
    path.chmod(0o644)
    values = read_root_branch(f"{nginx_plain.url}/sample.root", "events", "pt")
    assert values == [float(number) for number in range(100)]


def test_a_client_that_takes_too_long_is_ended(bench, curl):
    server = bench.nginx_plain()
    server.pause()
    done = curl("-sS", server.url, timeout_s=0.3)
    assert done.timed_out
    with pytest.raises(AssertionError, match="timed out"):
        done.check()


def test_a_client_that_fails_says_why(curl):
    done = curl("-sS", f"http://127.0.0.1:{free_port('127.0.0.1')}/")
    assert done.code == 7
    with pytest.raises(AssertionError, match=r"(?s)status 7.*connect"):
        done.check()


def test_a_client_reads_standard_input_in_a_clean_environment(curl, nginx_dav, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    curl("-sS", "-T", "-", f"{nginx_dav.url}/stdin", stdin=b"piped").check()
    assert (nginx_dav.root / "stdin").read_bytes() == b"piped"


@pytest.mark.parametrize(
    ("ci", "outcome", "words"),
    [("true", pytest.fail.Exception, "install"), ("", pytest.skip.Exception, "apt-get install")],
)
def test_a_missing_program_is_never_passed_over_in_ci(monkeypatch, tmp_path, ci, outcome, words):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(programs, "find", lambda name: None)
    monkeypatch.setattr("tests.peers.clients.require", programs.require)
    with pytest.raises(outcome, match=words):
        Client("davix", tmp_path, "davix-")("get", "http://127.0.0.1/")


@pytest.mark.peer("curl")
def test_every_installed_program_tells_its_version():
    found = {name: programs.find(name) for name in programs.PROGRAMS}
    versions = {name: one.version for name, one in found.items() if one is not None}
    assert "curl" in versions
    assert all(version[0].isdigit() for version in versions.values()), versions
    assert importlib.metadata.version("wsgidav")

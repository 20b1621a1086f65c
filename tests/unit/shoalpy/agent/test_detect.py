"""Ports of squid and varnish, from kernel tables as Debian and RHEL machines have them."""

from pathlib import Path

import pytest

from shoalpy.agent.detect import find_caches, parse_squid_ports, parse_varnish_ports
from shoalpy.model import CacheType

_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _row(address: str, port: int, uid: int, inode: int, state: str = "0A") -> str:
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 1\n"


def _machine(tmp_path: Path, rows: list[str], rows6: list[str] | None = None) -> Path:
    proc = tmp_path / "proc"
    (proc / "net").mkdir(parents=True)
    (proc / "net/tcp").write_text(_HEAD + "".join(rows))
    (proc / "net/tcp6").write_text(_HEAD + "".join(rows6 or []))
    return proc


def _process(proc: Path, pid: int, name: str, uid: int, *words: str, inode: int = 0) -> None:
    folder = proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "comm").write_text(name + "\n")
    (folder / "cmdline").write_text("\0".join(words) + "\0")
    (folder / "status").write_text(f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    if inode:
        (folder / "fd/9").symlink_to(f"socket:[{inode}]")


@pytest.mark.row("S52")
@pytest.mark.parametrize("uid", [13, 23, 990])  # proxy on Debian, squid on RHEL, anybody
def test_a_squid_by_its_user_where_its_files_cannot_be_seen(tmp_path, uid):
    rows = [
        _row("00000000", 22, 0, 5),
        _row("00000000", 8111, uid, 6),
        _row("00000000", 9, uid, 7, "01"),
    ]
    proc = _machine(tmp_path, rows)
    _process(proc, 10, "squid", uid, "/usr/sbin/squid", "-sYC")

    [found] = find_caches(proc, tmp_path)

    assert (found.cache_type, found.port, found.address) == (CacheType.SQUID, 8111, None)
    assert type(found.port) is int


def test_a_squid_by_the_sockets_it_holds(tmp_path):
    rows = [_row("0100007F", 7001, 13, 5), _row("0100007F", 7002, 13, 6)]
    proc = _machine(tmp_path, rows)
    _process(proc, 10, "squid", 13, "squid", inode=6)

    [found] = find_caches(proc, tmp_path)

    assert (found.port, str(found.address)) == (7002, "127.0.0.1")


@pytest.mark.parametrize("file", ["etc/squid/squid.conf", "etc/squid3/squid.conf"])
def test_the_configuration_decides_among_many_sockets(tmp_path, file):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("# http_port 1\nhttp_port 127.0.0.1:4444 accel\n")
    rows6 = [_row("0" * 32, port, 13, port) for port in (3128, 4444, 5555)]
    proc = _machine(tmp_path, [], rows6)
    _process(proc, 10, "squid", 13, "squid")

    assert [one.port for one in find_caches(proc, tmp_path)] == [4444]


def test_nothing_to_see_gives_the_usual_port(tmp_path):
    proc = _machine(tmp_path, [])
    _process(proc, 10, "varnishd", 990, "/usr/sbin/varnishd", "-F")
    _process(proc, 11, "squid", 990, "squid")
    _process(proc, 12, "bash", 990, "bash", "-c", "squid")

    found = find_caches(proc, tmp_path)

    assert [(one.cache_type, one.port) for one in found] == [("squid", 3128), ("varnish", 6081)]


@pytest.mark.row("S52")
def test_a_varnish_says_its_port_and_not_that_of_its_administrator(tmp_path):
    proc = _machine(tmp_path, [_row("0100007F", 6082, 990, 5), _row("00000000", 6111, 990, 6)])
    words = ("/usr/sbin/varnishd", "-j", "unix", "-a", ":6111", "-T", "localhost:6082")
    _process(proc, 10, "varnishd", 990, *words, inode=5)

    assert [one.port for one in find_caches(proc, tmp_path)] == [6111]


def test_forms_of_listening():
    assert [
        port for _, port in parse_varnish_ports(["-a", "a=[::1]:81,PROXY", "-a:82", "-a", "host"])
    ] == [81, 82, 80]
    assert parse_varnish_ports(["-a", "/run/varnish.sock,mode=600", "-a"]) == []
    assert parse_squid_ports(
        "http_port 3128\n http_port [::1]:3129 intercept\nhttps_port 1\nhttp_port 0\n"
    ) == [3128, 3129]

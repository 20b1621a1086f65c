"""Which caches run on this machine, and where do they listen? Read from the kernel's tables below ``/proc``, nothing is started (row S52).

A squid or varnish is known by the name of its process, whoever runs it. Its ports are the listening sockets that it holds; another user's may
not be looked at, and then those count that belong to the user it runs as. A varnish says them on its command line and has one more for its
administrator, so the command line comes first. A squid listens where its configuration says; where several sockets
are its own, the configuration decides, then the usual port, then the lowest. Nothing of this differs between Debian and RHEL but
the names of users and files, which are not needed.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from shoalpy.model import Address, CacheType
from ugrpy.locality import parse_address

USUAL_PORT = {CacheType.SQUID: 3128, CacheType.VARNISH: 6081}
# A squid comes first, as with shoal: on a machine with both, the varnish is often behind it.
_PROGRAMS = {
    "squid": CacheType.SQUID,
    "squid3": CacheType.SQUID,
    "varnishd": CacheType.VARNISH,
    "varnish": CacheType.VARNISH,
}
_SQUID_FILES = ("/etc/squid/squid.conf", "/etc/squid3/squid.conf")
_HTTP_PORT = re.compile(r"^\s*http_port\s+(?:\S*:)?([0-9]{1,5})(?:\s|$)", re.MULTILINE)
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")
_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Found:
    """A cache that runs here. ``address`` is where it listens, ``None`` for everywhere or not known."""

    cache_type: CacheType
    port: int
    address: Address | None = None
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening TCP socket, as ``/proc/net/tcp`` tells it."""

    address: Address
    port: int
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    cache_type: CacheType
    uid: int
    arguments: Sequence[str]
    inodes: frozenset[int]


def find_caches(proc: Path = Path("/proc"), root: Path = Path("/")) -> list[Found]:
    """The caches, squids first, each kind by process; one that runs as several processes is told once.

    ``proc`` is where the kernel's tables are; the configuration of a squid is looked for below ``root``.
    """
    sockets = parse_sockets(_text(proc / "net/tcp")) + parse_sockets(_text(proc / "net/tcp6"))
    found: dict[tuple[CacheType, int], Found] = {}
    for process in sorted(_processes(proc), key=lambda one: (one.cache_type, one.pid)):
        cache = _where(process, sockets, root)
        if cache is not None:
            found.setdefault((cache.cache_type, cache.port), cache)
    return list(found.values())


def parse_sockets(table: str) -> list[Socket]:
    """Those that listen. The format is that of proc_pid_net(5): an address in hexadecimal, in words of the machine's byte order."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != _LISTENING:
            continue
        address, _, port = words[1].partition(":")
        with contextlib.suppress(ValueError):
            found.append(Socket(_address(address), int(port, 16), int(words[7]), int(words[9])))
    return found


def parse_varnish_ports(arguments: Sequence[str]) -> list[tuple[Address | None, int]]:
    """Where ``varnishd`` was told to listen: ``-a [name=][address][:port][,PROTO]``, joined or apart; sockets in files are left out."""
    listening = []
    for at, word in enumerate(arguments):
        if not word.startswith("-a"):
            continue
        value = word[2:] or (arguments[at + 1] if at + 1 < len(arguments) else "")
        where = value.partition(",")[0].rpartition("=")[2]
        host, colon, port = where.rpartition(":")
        if not where or where.startswith("/") or (colon and not port.isdigit()):
            continue
        number = int(port) if colon else 80
        listening.append((_bound(parse_address(host.strip("[]"))), number))
    return listening


def parse_squid_ports(configuration: str) -> list[int]:
    """The ports of ``http_port`` lines."""
    return [int(port) for port in _HTTP_PORT.findall(configuration) if 0 < int(port) < 65536]


def _where(process: _Process, sockets: Iterable[Socket], root: Path) -> Found | None:
    held = [one for one in sockets if one.inode in process.inodes]
    held = held or [one for one in sockets if one.uid == process.uid != 0]
    usual = USUAL_PORT[process.cache_type]
    if process.cache_type is CacheType.VARNISH:
        told = parse_varnish_ports(process.arguments)
        told.sort(key=lambda one: one[1] != usual)  # otherwise in their order
        if told:
            return Found(CacheType.VARNISH, told[0][1], told[0][0], process.pid)
        wanted = [usual]
    else:
        wanted = [*parse_squid_ports(_squid_configuration(process, root)), usual]
    order = {port: at for at, port in reversed(list(enumerate(wanted)))}
    held.sort(key=lambda one: (order.get(one.port, len(wanted)), one.port, one.address.version))
    if held:
        return Found(process.cache_type, held[0].port, _bound(held[0].address), process.pid)
    # it runs, and its sockets cannot be seen
    return Found(process.cache_type, wanted[0], None, process.pid)


def _squid_configuration(process: _Process, root: Path) -> str:
    files: list[str] = []
    for at, word in enumerate(process.arguments):
        if word.startswith("-f"):
            files += [word[2:]] if word[2:] else process.arguments[at + 1 : at + 2]
    for file in files or _SQUID_FILES:
        if text := _text(root / file.lstrip("/")):
            return text
    return ""


def _processes(proc: Path) -> Iterator[_Process]:
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        cache_type = _PROGRAMS.get(_text(folder / "comm").strip())
        if cache_type is not None:
            arguments = _text(folder / "cmdline").split("\0")
            yield _Process(
                int(folder.name), cache_type, _uid(folder), arguments, frozenset(_inodes(folder))
            )


def _uid(folder: Path) -> int:
    found = re.search(r"^Uid:\s+[0-9]+\s+([0-9]+)", _text(folder / "status"), re.MULTILINE)
    return int(found[1]) if found else 0


def _inodes(folder: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for link in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                if found := _SOCKET.fullmatch(str(link.readlink())):
                    yield int(found[1])


def _text(file: Path) -> str:
    """Empty for what is not there, not ours to read, or gone meanwhile."""
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def _address(digits: str) -> Address:
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    packed = b"".join(words)
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def _bound(address: Address | None) -> Address | None:
    return None if address is None or address.is_unspecified else address

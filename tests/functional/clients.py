"""Where do the tests with real clients play? Three real storages with a common tree behind one gateway.

A test file that writes ``grid = clients.grid`` has the gateway and its storages as a fixture for all its tests, which only
read. Each storage has a place of its own, and clients stand at one
of them by their loopback address, so that which replica is nearest is known beforehand: whoever comes from 127.0.0.1,
as most clients must, stands at nginx.
"""

import http.client
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import etree

from tests.functional.helpers.asking import until
from tests.peers.ask import Answer
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.core.urls import decode_path, encode_path
from ugrpy.demo.rootfile import write_root_file

MTIME_S = 1_715_940_000
"""2024-05-17 10:00:00 UTC, for every file: replicas then agree, as those of a real file do."""
HTTP_DATE = "Fri, 17 May 2024 10:00:00 GMT"

NAMES = ("nginx", "apache", "xrootd")
PLACES: Mapping[str, tuple[float, float]] = {
    "nginx": (48.5, -123.4),
    "apache": (46.2, 6.1),
    "xrootd": (35.7, 139.8),
    "annex": (48.4, -123.3),
}
ADDRESSES: Mapping[str, str] = {
    "nginx": "127.0.0.11",
    "apache": "127.0.1.11",
    "xrootd": "127.0.2.11",
    "annex": "127.0.0.12",
}
CLIENT_AT: Mapping[str, str] = {
    "nginx": "127.0.0.1",
    "apache": "127.0.1.1",
    "xrootd": "127.0.2.1",
}
"""An address to ask from, by the storage that is nearest to it."""
ORDER_FROM: Mapping[str, tuple[str, ...]] = {
    "nginx": ("nginx", "xrootd", "apache"),
    "apache": ("apache", "nginx", "xrootd"),
    "xrootd": ("xrootd", "nginx", "apache"),
}
"""The storages by distance from that place: 7560, 8480 and 9710 km lie between them."""

SHARED = "/data/shared.bin"
EMPTY = "/data/empty.dat"
ROOT_FILE = "/data/dimuons.root"
MISS = "/data/not-there"
HOLLOW = "/hollow"
WIDE = "/wide"
MOUNT = "/annex/inner"
SHARED_BYTES = bytes(range(256)) * (16 * 1024)  # 4 MiB: aria2 splits in pieces of 1 MiB


def only(name: str) -> str:
    """The file that this storage alone holds."""
    return f"/data/only-{name}.txt"


def only_bytes(name: str) -> bytes:
    """What is in it."""
    return f"held by {name} alone\n".encode() * 20


def root_file_on(name: str) -> str:
    """The ROOT file that this storage alone holds."""
    return f"/roots/{name}.root"


def wide_names() -> dict[str, int]:
    """The 1000 files of ``WIDE`` with their sizes; each storage holds some, neighbours share some."""
    return {f"run-{number:04}.dat": number % 97 for number in range(1000)}


@dataclass(frozen=True, slots=True)
class Grid:
    """The gateway and the storages behind it, by name. ``annex`` is mounted at ``MOUNT``, the others at the root."""

    gateway: Gateway
    storages: Mapping[str, PeerServer]

    @property
    def url(self) -> str:
        """The gateway."""
        return self.gateway.url

    def at(self, path: str) -> str:
        """The gateway's URL of a decoded path."""
        return self.url + encode_path(path)

    def replica(self, name: str, path: str) -> str:
        """The URL of a decoded path on a storage."""
        return self.storages[name].url + encode_path(path)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        near: str = "nginx",
    ) -> Answer:
        """One request for a raw (percent-encoded) path, from the place of a storage."""
        return ask_from(CLIENT_AT[near], method, self.url + path, headers or {}, body)

    def follow(self, path: str, *, near: str = "nginx") -> tuple[str, bytes]:
        """GET, one redirect: the Location and the bytes found there."""
        answer = self.ask("GET", path, near=near)
        assert answer.status == 302, (path, answer)
        there = ask_from(CLIENT_AT[near], "GET", answer.headers["location"], {})
        assert there.status == 200, (path, answer.headers["location"], there)
        return answer.headers["location"], there.body


def ask_from(
    address: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Answer:
    """One request from a loopback address of our choice; nothing is followed, nothing added."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=20, source_address=(address, 0)
    )
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body, headers=dict(headers))
        response = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Told:
    """One response of a multistatus as a client reads it. ``props``: of status 200, by local name; ``missing``: of 404."""

    href: str
    props: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    collection: bool = False

    @property
    def path(self) -> str:
        """The decoded path, a collection's slash included."""
        return decode_path(self.href)

    @property
    def size(self) -> int | None:
        """getcontentlength."""
        text = self.props.get("getcontentlength")
        return None if text is None else int(text)


def multistatus(answer: Answer) -> list[Told]:
    """The responses in document order; every rule a strict reader would insist on is asserted."""
    assert answer.status == 207, answer
    assert answer.headers["content-type"].replace('"', "") == "application/xml; charset=utf-8"
    root = etree.fromstring(answer.body)
    assert root.tag == "{DAV:}multistatus"
    return [_told(response) for response in root.findall("{DAV:}response")]


def _told(response: etree._Element) -> Told:
    props: dict[str, str] = {}
    missing: list[str] = []
    collection = False
    for propstat in response.findall("{DAV:}propstat"):
        status = propstat.findtext("{DAV:}status") or ""
        for prop in propstat.iterfind("{DAV:}prop/*"):
            name = etree.QName(prop).localname
            if status.startswith("HTTP/1.1 200"):
                props[name] = prop.text or ""
                collection = collection or prop.find("{DAV:}collection") is not None
            else:
                assert status.startswith("HTTP/1.1 404"), status
                missing.append(name)
    href = response.findtext("{DAV:}href") or ""
    assert href.startswith("/"), href
    assert href.isascii(), href
    return Told(href, props, tuple(missing), collection)


def propfind(grid: Grid, path: str, depth: str = "1", body: bytes | None = None) -> list[Told]:
    """The responses for a decoded path; a slash at its end goes out as it is."""
    return multistatus(grid.ask("PROPFIND", encode_path(path), headers={"Depth": depth}, body=body))


def html_links(grid: Grid, path: str) -> dict[str, str]:
    """The children that the page of a collection links, as a browser resolves them: decoded path to link text."""
    answer = grid.ask("GET", encode_path(path), headers={"Accept": "text/html"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = etree.fromstring(answer.body, etree.HTMLParser(encoding="utf-8"))
    base = grid.at(path)
    links: dict[str, str] = {}
    for anchor in page.iterfind(".//td/a"):
        target = urlsplit(urljoin(base, anchor.get("href") or ""))
        if not target.query and target.geturl() != base:
            links[decode_path(target.path)] = "".join(str(text) for text in anchor.itertext())
    return links


def replica_urls(document: bytes) -> list[str]:
    """The URLs of a metalink of either version, in document order."""
    root = etree.fromstring(document)
    return [element.text or "" for element in root.iter("{*}url")]


def storages_of(grid: Grid, urls: list[str]) -> list[str]:
    """The names of the storages that the URLs lead to."""
    by_url = {server.url: name for name, server in grid.storages.items()}
    return [by_url[re.match(r"https?://[^/]+", url)[0]] for url in urls]  # type: ignore[index]


LOGGED = re.compile(r'method=(\S+) path="([^"]*)" status=(\d+)')
_marks = itertools.count()


@contextmanager
def requests_to(gateway: Gateway) -> Iterator[list[tuple[str, str, int]]]:
    """What the gateway is asked inside the block: method, path with query, status; the list is filled at its end.

    By the access log, which is written with a delay: a request of our own at either end says how far to read.
    """
    seen: list[tuple[str, str, int]] = []
    marks = [f"/mark-{next(_marks)}" for _ in range(2)]
    ask_from("127.0.0.1", "OPTIONS", gateway.url + marks[0], {})
    yield seen
    ask_from("127.0.0.1", "OPTIONS", gateway.url + marks[1], {})
    until(lambda: f'path="{marks[1]}"' in gateway.log_text(), "the access log is written")
    lines = LOGGED.findall(gateway.log_text())
    paths = [path for _, path, _ in lines]
    between = lines[paths.index(marks[0]) + 1 : paths.index(marks[1])]
    seen += [(method, path, int(status)) for method, path, status in between]


def write(server: PeerServer, path: str, data: bytes) -> None:
    """Put a file on a storage, dated ``MTIME_S``."""
    set_date(server.write(path, data))


def set_date(path: Path) -> None:
    """Date a file ``MTIME_S``."""
    os.utime(path, (MTIME_S, MTIME_S))


def lay_out(storages: Mapping[str, PeerServer], scratch: Path) -> None:
    """The common tree: files on all and on one, an empty file, empty collections, a wide one, a deep one."""
    write_root_file(scratch / "dimuons.root")
    root_file = (scratch / "dimuons.root").read_bytes()
    for position, name in enumerate(NAMES):
        server = storages[name]
        write(server, SHARED, SHARED_BYTES)
        write(server, EMPTY, b"")
        write(server, ROOT_FILE, root_file)
        write(server, only(name), only_bytes(name))
        write(server, root_file_on(name), root_file)
        write(server, f"/nested/one/two/three/{name}.txt", name.encode())
        server.make_directory(HOLLOW)
        for number, (child, size) in enumerate(wide_names().items()):
            if position in (number % 3, (number // 3) % 3):
                write(server, f"{WIDE}/{child}", b"w" * size)
    storages["apache"].make_directory("/hollow-on-one")
    write(storages["annex"], "/inside.txt", b"inside the annex")


ODD = "/odd names %é"
ODD_NAMES = (
    *("two words", "a+b", "100%", "%41", "a#b", "a?b=c", "a&b", "a;b", "it's", 'say "so"', "[1]"),
    *("<b>bold", "žluťoučký kůň", "東京.txt", "😀", "a\\b", "~a"),
)
"""Names with which clients and servers have had trouble, and which nginx and Apache can hold."""


def odd_bytes(name: str) -> bytes:
    """What is in the file of that name."""
    return f"in {name}\n".encode()


@pytest.fixture(scope="module")
def odd(grid: Grid) -> Grid:
    """The grid with ``ODD`` in it, on two storages."""
    for storage in ("nginx", "apache"):
        for name in ODD_NAMES:
            write(grid.storages[storage], f"{ODD}/{name}", odd_bytes(name))
    return grid


def configuration(storages: Mapping[str, PeerServer], *settings: str) -> str:
    """The gateway's configuration file; ``settings`` are lines put before it."""
    lines = [*settings, "[locality]", "fuzz_km = 10.0"]
    for name, address in CLIENT_AT.items():
        network = address.rpartition(".")[0] + ".0/24"
        lines += [
            "[[locality.networks]]",
            f'networks = ["{network}"]',
            f"position = {list(PLACES[name])}",
        ]
    for name, server in storages.items():
        mounts = f'["{MOUNT}"]' if name == "annex" else '["/"]'
        lines += [
            f"[endpoints.{name}]",
            f'url = "{server.url}"',
            f"mounts = {mounts}",
            f"location = {list(PLACES[name])}",
        ]
    return "\n".join(lines) + "\n"


def start_storages(bench: Bench) -> dict[str, PeerServer]:
    """The four servers, empty, each on an address of its own: to aria2 two ports of one host are one source."""
    return {
        "nginx": bench.nginx_dav(ADDRESSES["nginx"]),
        "apache": bench.apache_dav(ADDRESSES["apache"]),
        "xrootd": bench.xrootd_http(ADDRESSES["xrootd"]),
        "annex": bench.nginx_dav(ADDRESSES["annex"]),
    }


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """The gateway over nginx, Apache and XRootD with the common tree. Read only."""
    folder = tmp_path_factory.mktemp("grid")
    with Bench() as bench, GatewayStarter(folder) as start:
        storages = start_storages(bench)
        lay_out(storages, folder)
        yield Grid(start(config=configuration(storages)), storages)

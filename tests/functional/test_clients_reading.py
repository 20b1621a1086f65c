"""Do clients that read files get what the storages hold: redirects, lengths, misses, ranges, odd requests?"""

import re
import socket
from collections.abc import Mapping, Sequence

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    HOLLOW,
    HTTP_DATE,
    MISS,
    NAMES,
    ROOT_FILE,
    SHARED,
    SHARED_BYTES,
    Grid,
    ask_from,
    html_links,
    multistatus,
    only,
    only_bytes,
    propfind,
    replica_urls,
)

grid = clients.grid
pytestmark = pytest.mark.functional

FILES = [SHARED, EMPTY, ROOT_FILE, *(only(name) for name in NAMES)]


def raw_exchange(grid: Grid, head: str) -> bytes:
    """Every byte that comes back until the gateway closes; ``head`` without its last empty line."""
    process = grid.gateway.process
    with socket.create_connection((process.address, process.port), timeout=10) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    return answer


@pytest.mark.row("K1")
@pytest.mark.parametrize("near", NAMES)
@pytest.mark.parametrize("path", FILES)
def test_get_redirects_to_an_absolute_ascii_url_of_a_real_replica(grid, path, near):
    holders = [name for name in NAMES if (grid.storages[name].root / path[1:]).exists()]
    location, body = grid.follow(path, near=near)
    assert location in [grid.replica(name, path) for name in holders]
    assert location.isascii()
    assert re.match(r"http://127\.0\.[012]\.11:\d+/", location)
    assert body == (grid.storages[holders[0]].root / path[1:]).read_bytes()
    if near in holders:
        # the nearest storage holds it, and nothing speaks against it
        assert location == grid.replica(near, path)


@pytest.mark.row("K2")
@pytest.mark.parametrize("near", NAMES)
@pytest.mark.parametrize("holder", NAMES)
def test_a_file_with_one_replica_leads_to_its_holder_from_everywhere(grid, holder, near):
    location, body = grid.follow(only(holder), near=near)
    assert location == grid.replica(holder, only(holder))
    assert body == only_bytes(holder)


@pytest.mark.row("K3")
@pytest.mark.parametrize("path", FILES)
def test_head_tells_the_exact_length(grid, path):
    sizes = {
        (server.root / path[1:]).stat().st_size
        for server in grid.storages.values()
        if (server.root / path[1:]).exists()
    }
    head = grid.ask("HEAD", path)
    assert head.status == 200
    assert {int(head.headers["content-length"])} == sizes
    assert head.headers["last-modified"] == HTTP_DATE


@pytest.mark.row("K3")
@pytest.mark.parametrize(
    ("path", "status", "accept"),
    [
        (SHARED, 200, "*/*"),
        (EMPTY, 200, "*/*"),
        ("/data/", 200, "*/*"),
        ("/data", 302, "*/*"),
        (MISS, 404, "*/*"),
        (MISS, 404, "text/html"),
        (SHARED, 200, "application/metalink4+xml"),
        ("/%2e%2e/x", 400, "*/*"),
    ],
)
def test_head_never_has_a_body(grid, path, status, accept):
    answer = raw_exchange(
        grid, f"HEAD {path} HTTP/1.1\nHost: gateway\nAccept: {accept}\nConnection: close"
    )
    head, separator, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert separator
    assert rest == b""


@pytest.mark.row("K4")
@pytest.mark.parametrize("path", [MISS, "/not/there/at/all", f"{only('nginx')}/below-a-file"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND"])
def test_a_miss_is_404(grid, method, path):
    for depth in ("0", "1"):
        answer = grid.ask(method, path, headers={"Depth": depth})
        assert answer.status == 404
        assert "location" not in answer.headers


@pytest.mark.row("K6")
def test_escapes_are_equivalent_however_they_are_spelt(grid):
    spellings = [
        "/data/shared.bin",
        "/%64%61%74%61/shared.bin",
        "/data/shared%2ebin",
        "/data/shared%2Ebin",
        "/d%61ta/%73hared.bin",
    ]
    for spelling in spellings:
        answer = grid.ask("GET", spelling)
        assert (answer.status, answer.headers["location"]) == (302, grid.replica("nginx", SHARED))
        assert grid.ask("HEAD", spelling).headers["content-length"] == str(len(SHARED_BYTES))
        told = propfind_raw(grid, spelling)
        assert told == SHARED


def propfind_raw(grid: Grid, raw: str) -> str:
    answer = grid.ask("PROPFIND", raw, headers={"Depth": "0"})
    (told,) = multistatus(answer)
    return told.path


@pytest.mark.row("K7")
@pytest.mark.parametrize("near", NAMES)
def test_an_empty_file_has_size_0_everywhere(grid, near):
    assert grid.ask("HEAD", EMPTY, near=near).headers["content-length"] == "0"
    assert grid.follow(EMPTY, near=near)[1] == b""
    assert [told.size for told in propfind(grid, EMPTY, "0")] == [0]
    assert [told.size for told in propfind(grid, "/data/", "1") if told.path == EMPTY] == [0]
    for version in (3, 4):
        metalink = grid.ask("GET", f"{EMPTY}?metalink={version}", near=near)
        assert b"<size>0</size>" in metalink.body
        assert len(replica_urls(metalink.body)) == 3
    assert EMPTY in html_links(grid, "/data/")
    page = grid.ask("GET", "/data/").text
    row = next(line for line in page.splitlines() if ">empty.dat<" in line)
    assert ">0 B</td>" in row


@pytest.mark.row("K7")
def test_clients_see_an_empty_file_as_empty(grid, curl, davix, gfal, rclone, xrd, tmp_path):
    url = grid.at(EMPTY)
    assert curl("-sSL", url).check().stdout == b""
    assert davix("get", url).check().stdout == b""
    assert "Size: 0\tregular file" in gfal("stat", url).check().text
    assert re.search(r"Size: +0\b", xrd("fs", grid.url, "stat", EMPTY).check().text)
    listed = rclone("lsjson", ":webdav:data/empty.dat", env={"RCLONE_WEBDAV_URL": grid.url})
    assert '"Size":0,' in listed.check().text
    xrd("cp", "--nopbar", url, str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == b""


RANGES: Mapping[str, Sequence[slice]] = {
    "bytes=0-9": [slice(0, 10)],
    "bytes=100-100": [slice(100, 101)],
    "bytes=390-": [slice(390, None)],
    "bytes=-7": [slice(-7, None)],
    "bytes=0-4,100-109": [slice(0, 5), slice(100, 110)],
    "bytes=0-0,50-59,300-304": [slice(0, 1), slice(50, 60), slice(300, 305)],
    "bytes=100000-": [],
}
# XRootD 5.5.3 answers a range without an end by 206 and "bytes 390--1/420" without a byte, and sends the whole file for
# a suffix. The redirect must not make it better or worse.
XROOTD_CANNOT = {
    "bytes=390-": (206, b""),
    "bytes=-7": (200, only_bytes("xrootd")),
    "bytes=100000-": (206, b""),
}


def expected_part(holder: str, wanted: str) -> tuple[int, bytes]:
    """Status and body when at most one range is asked for."""
    if holder == "xrootd" and wanted in XROOTD_CANNOT:
        return XROOTD_CANNOT[wanted]
    parts = RANGES[wanted]
    return (206, only_bytes(holder)[parts[0]]) if parts else (416, b"")


@pytest.mark.row("K8")
@pytest.mark.parametrize("wanted", RANGES)
@pytest.mark.parametrize("holder", NAMES)
def test_ranges_pass_through_the_redirect_unchanged(grid, curl, holder, wanted):
    path, data = only(holder), only_bytes(holder)
    first = grid.ask("GET", path, headers={"Range": wanted})
    assert (first.status, first.headers["location"]) == (302, grid.replica(holder, path))
    assert "content-range" not in first.headers
    direct = ask_from("127.0.0.1", "GET", grid.replica(holder, path), {"Range": wanted})
    done = curl("-sSL", "-H", f"Range: {wanted}", "-D", "-", "-o", "body", grid.at(path)).check()
    head = Message(done.text.strip().split("\r\n\r\n")[-1])
    body = (curl.home / "body").read_bytes()
    assert head.status == direct.status
    assert head.fields.get("content-range") == direct.headers.get("content-range")
    if len(RANGES[wanted]) < 2:
        status, part = expected_part(holder, wanted)
        assert head.status == status
        assert body == direct.body
        assert status == 416 or body == part
        return
    assert head.status == 206
    # each answer has a boundary of its own; all else is equal
    boundary = boundary_in(head.fields["content-type"])
    own_boundary = boundary_in(direct.headers["content-type"])
    assert body.replace(boundary, b"B") == direct.body.replace(own_boundary, b"B")
    assert body.count(b"--" + boundary) == len(RANGES[wanted]) + 1
    for piece in RANGES[wanted]:
        assert b"\r\n\r\n" + data[piece] + b"\r\n" in body


class Message:
    """The head of a response as curl wrote it down."""

    def __init__(self, text: str) -> None:
        first, *lines = text.splitlines()
        self.status = int(first.split()[1])
        pairs = (line.partition(":") for line in lines)
        self.fields = {name.lower(): value.strip() for name, _, value in pairs}


def boundary_in(content_type: str) -> bytes:
    """What separates the parts of a multipart body."""
    match = re.fullmatch(r'multipart/byteranges; *boundary="?([^\s";]+)"?', content_type)
    assert match is not None, content_type
    return match[1].encode()


@pytest.mark.row("K8")
def test_an_interrupted_download_resumes(grid, curl, tmp_path):
    copy = tmp_path / "copy"
    copy.write_bytes(SHARED_BYTES[:1_000_000])
    curl("-sSL", "-C", "-", "-o", str(copy), grid.at(SHARED)).check()
    assert copy.read_bytes() == SHARED_BYTES


@pytest.mark.row("K16")
@pytest.mark.parametrize(
    "query",
    ["oss.asize=1", "authz=Bearer%20abc", "a", "a=b&c=%2F..%2F", "x?y=/z", "metalinks=4", "=", "&"],
)
def test_unknown_queries_do_not_change_the_look_up(grid, query):
    plain = grid.ask("GET", SHARED)
    asked = grid.ask("GET", f"{SHARED}?{query}")
    assert (asked.status, asked.headers["location"]) == (302, plain.headers["location"])
    head = grid.ask("HEAD", f"{SHARED}?{query}")
    assert (head.status, head.headers["content-length"]) == (200, str(len(SHARED_BYTES)))
    told = grid.ask("PROPFIND", f"{SHARED}?{query}", headers={"Depth": "0"})
    assert told.status == 207
    assert f"<D:href>{SHARED}</D:href>" in told.text
    assert grid.ask("GET", f"{MISS}?{query}").status == 404
    assert grid.ask("GET", f"/data/?{query}").status == 200


DAVIX_HEAD = "Host: gateway\nUser-Agent: libdavix/0.8.4 neon/0.0.29\nKeep-Alive:\nTE: trailers"
TOLERATED = {
    "davix": f"{DAVIX_HEAD}\nConnection: close",
    "cadaver": "Host: gateway\nUser-Agent: cadaver/0.24 neon/0.32\nConnection: TE, close\nTE: trailers",
    "empty values": "Host: gateway\nAccept:\nAccept-Encoding:\nUser-Agent:\nRange:\nIf-None-Match:\n"
    "If-Modified-Since:\nAuthorization:\nWant-Digest:\nX-Forwarded-For:\nConnection: close",
    "nothing": "Host: gateway\nConnection: close",
}


@pytest.mark.row("K17")
@pytest.mark.parametrize("kind", TOLERATED)
def test_empty_headers_te_and_a_missing_accept_are_tolerated(grid, kind):
    head = TOLERATED[kind]
    got = raw_exchange(grid, f"GET {SHARED} HTTP/1.1\n{head}")
    assert got.startswith(b"HTTP/1.1 302 ")
    assert f"Location: {grid.replica('nginx', SHARED)}\r\n".encode() in got
    assert raw_exchange(grid, f"HEAD {SHARED} HTTP/1.1\n{head}").startswith(b"HTTP/1.1 200 ")
    assert raw_exchange(grid, f"GET {MISS} HTTP/1.1\n{head}").startswith(b"HTTP/1.1 404 ")
    listing = raw_exchange(grid, f"PROPFIND /data/ HTTP/1.1\nDepth: 1\nContent-Length: 0\n{head}")
    assert listing.startswith(b"HTTP/1.1 207 ")
    assert b"<D:href>/data/shared.bin</D:href>" in listing
    assert raw_exchange(grid, f"OPTIONS / HTTP/1.1\n{head}").startswith(b"HTTP/1.1 200 ")


def test_davix_get_of_a_miss_fails_cleanly(grid, davix):
    done = davix("get", grid.at(MISS), timeout_s=20)
    assert done.code != 0
    assert not done.timed_out
    assert "404" in done.errors + done.text
    assert done.stdout == b""


def test_a_collection_without_slash_leads_to_its_page(grid, curl):
    answer = grid.ask("GET", HOLLOW)
    assert (answer.status, answer.headers["location"]) == (302, f"{HOLLOW}/")
    done = curl("-sSL", "-w", "%{http_code} %{url_effective}", "-o", "x", grid.at(HOLLOW))
    assert done.check().text == f"200 {grid.at(HOLLOW)}/"

"""Each quirk at the real server that has it: it is met by name, and made equal.

``tests/unit/endpoints/test_quirks.py`` has the captured reply of each. Quirks of servers that cannot be run here are in
``NOWHERE``, with the reason; their replies are written by hand (``tests/data/constructed``).
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.relay import Relay
from tests.peers.apache import apache_dav
from tests.peers.bench import Bench
from tests.peers.nginx import nginx_headless
from tests.peers.server import PeerServer
from ugrpy.core.urls import encode_path, join_url
from ugrpy.endpoints.base import Endpoint, Quirk
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind, Observation
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.testing import Faults, StorageElement, Tree
from ugrpy.transport.options import TransportOptions

pytestmark = [pytest.mark.functional, pytest.mark.peer("apache", "nginx", "xrootd")]

MTIME_S = 1_709_210_096
SIZE = 5
NAMES = ("a", "plain.txt", "é & ü.txt")
RAW_NAMES = ("latin-1 \udce9.txt", "control \x01.txt", "no character \uffff.txt")
PATIENT = TransportOptions(connect_timeout_s=20, first_byte_timeout_s=20, total_timeout_s=40)


def file(name: str, *, dated: bool = True) -> Entry:
    """A planted file as it should be described."""
    return Entry(name, Kind.FILE, SIZE, MTIME_S if dated else None)


@dataclass(frozen=True, slots=True)
class Said:
    """What an endpoint said in the survey, dates of collections left out."""

    listing: Observation
    children: tuple[Entry, ...]
    file: Observation
    file_listed: Observation
    below_file: Observation
    too_long: Observation
    question: Observation


def all_is_well(*names: str, lists: bool = True, dated: bool = True) -> Said:
    """What everybody should say."""
    children = [*(file(name) for name in sorted(names)), Entry("sub", Kind.COLLECTION)]
    plain = Found(file("plain.txt", dated=dated))
    absent = Absent()
    return Said(
        Found(Entry("quirks", Kind.COLLECTION)),
        tuple(children) if lists else (),
        plain,
        plain,
        absent,
        absent,
        absent,
    )


def undated(entry: Entry) -> Entry:
    """Without the date of a collection, which is when the test was run."""
    return entry if entry.kind is Kind.FILE else Entry(entry.name, entry.kind)


async def survey(endpoint: Endpoint) -> Said:
    """Ask all that shows a quirk."""
    children: list[Entry] = []
    listing = await endpoint.list("/quirks", children.extend)
    if isinstance(listing, Found):
        listing = Found(undated(listing.entry))
    return Said(
        listing,
        _ordered(children),
        await endpoint.stat("/quirks/plain.txt"),
        await endpoint.list("/quirks/plain.txt", lambda _: None),
        await endpoint.stat("/quirks/plain.txt/below"),
        await endpoint.stat("/quirks/" + "n" * 256),
        await endpoint.stat("/quirks/a?b"),
    )


def _ordered(children: list[Entry]) -> tuple[Entry, ...]:
    files = sorted((one for one in children if one.kind is Kind.FILE), key=lambda one: one.name)
    return (*files, *(undated(one) for one in children if one.kind is Kind.COLLECTION))


def plant(root: Path, *names: str) -> None:
    """The tree, below ``quirks``."""
    folder = root / "quirks"
    (folder / "sub").mkdir(parents=True)
    for place in (folder, folder / "sub"):
        place.chmod(0o777)
    for name in names:
        path = folder / os.fsdecode(name.encode("utf-8", "surrogateescape"))
        path.write_bytes(b"12345")
        os.utime(path, (MTIME_S, MTIME_S))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as servers:
        yield servers


def started(make: Callable[[], PeerServer], *names: str) -> Iterator[str]:
    server = make()
    server.start()
    try:
        plant(server.root, *names)
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def apache(bench: Bench) -> str:
    server = bench.apache_dav()
    plant(server.root, *NAMES)
    return server.url


@pytest.fixture(scope="module")
def apache_with_mod_dir(bench: Bench) -> Iterator[str]:
    folder = bench.folder("apache-dir")
    yield from started(lambda: apache_dav(folder, redirects_to_slash=True), *NAMES)


@pytest.fixture(scope="module")
def nginx(bench: Bench) -> str:
    server = bench.nginx_dav()
    plant(server.root, *NAMES, *RAW_NAMES)
    return server.url


@pytest.fixture(scope="module")
def nginx_plain(bench: Bench) -> str:
    server = bench.nginx_plain()
    plant(server.root, *NAMES)
    return server.url


@pytest.fixture(scope="module")
def nginx_without_head(bench: Bench) -> Iterator[str]:
    folder = bench.folder("nginx-headless")
    yield from started(lambda: nginx_headless(folder), *NAMES)


@pytest.fixture(scope="module")
def xrootd(bench: Bench) -> str:
    server = bench.xrootd_http()
    plant(server.root, *NAMES, *RAW_NAMES)
    return server.url


@asynccontextmanager
async def at(kind: str, url: str) -> AsyncIterator[Endpoint]:
    endpoint = make_endpoint(kind, EndpointId("quirky"), url, PATIENT)
    try:
        yield endpoint
    finally:
        await endpoint.close()


class Proxy(Relay):
    """Shows the server's root as ``/front``, and does not touch what comes back."""

    def pass_up(self, data: bytes) -> bytes:
        """The request line with the server's own path."""
        return data.replace(b"PROPFIND /front/", b"PROPFIND /", 1)


APACHE = frozenset(
    {
        Quirk.LOWER_CASE_ESCAPES,
        Quirk.MARKUP_IN_HREFS,
        Quirk.FAULT_BELOW_FILE,
        Quirk.LONG_NAMES_REFUSED,
    }
)
LIVE: dict[str, tuple[str, str, Said, frozenset[Quirk]]] = {
    "apache": ("apache", "dav", all_is_well(*NAMES), APACHE),
    "apache with mod_dir": (
        "apache_with_mod_dir",
        "dav",
        all_is_well(*NAMES),
        APACHE | {Quirk.SLASH_REDIRECT},
    ),
    "nginx": (
        "nginx",
        "dav",
        all_is_well(*NAMES, *RAW_NAMES),
        frozenset({Quirk.MARKUP_IN_HREFS, Quirk.COLLECTION_WITHOUT_SLASH}),
    ),
    "nginx, files only": ("nginx_plain", "http", all_is_well(lists=False), frozenset()),
    "nginx without HEAD": (
        "nginx_without_head",
        "http",
        all_is_well(lists=False),
        frozenset({Quirk.NO_HEAD}),
    ),
    "xrootd": (
        "xrootd",
        "dav",
        all_is_well(*NAMES, *RAW_NAMES),
        frozenset(
            {
                Quirk.NO_RESOURCETYPE,
                Quirk.COLLECTION_SIZE,
                Quirk.COLLECTION_WITHOUT_SLASH,
                Quirk.VERBATIM_HREFS,
                Quirk.MARKUP_IN_HREFS,
                Quirk.RAW_NAMES,
                Quirk.FAULT_BELOW_FILE,
                Quirk.LONG_NAMES_REFUSED,
                Quirk.QUESTION_MARK_ENDS,
            }
        ),
    ),
}
ELSEWHERE = {
    Quirk.FOREIGN_PREFIX: "test_a_server_behind_a_proxy",
    Quirk.NO_DATE: "test_xrootd_without_webdav",
    Quirk.ABSOLUTE_HREFS: "test_whole_urls_for_hrefs",
    Quirk.RANGES_AS_ASKED: "test_what_xrootd_does_when_it_is_changed",
    Quirk.ONLY_EMPTY_DELETED: "test_what_xrootd_does_when_it_is_changed",
    Quirk.MADE_AGAIN: "test_what_xrootd_does_when_it_is_changed",
    Quirk.OVERWRITE_IGNORED: "test_what_xrootd_does_when_it_is_changed",
    Quirk.VERBATIM_DESTINATION: "test_what_xrootd_does_when_it_is_changed",
    Quirk.THIRD_PARTY_COPY_ONLY: "test_what_xrootd_does_when_it_is_changed",
    Quirk.CUT_DESTINATION: "test_what_wsgidav_does_when_it_is_changed",
}
NOWHERE = {
    Quirk.DOUBLED_SLASHES: "seen in reports about servers that join their root and a path with a slash each",
    Quirk.ISO_DATES: "seen in reports about appliances",
    Quirk.CHILD_REFUSED: "needs a server that checks rights for each child of a listing; mod_dav and dav-ext do not",
}


def test_every_quirk_is_met_at_a_real_server_or_says_why_not():
    met = frozenset[Quirk]().union(*(quirks for *_, quirks in LIVE.values()))
    assert met | set(ELSEWHERE) | set(NOWHERE) == set(Quirk)
    assert not (met | set(ELSEWHERE)) & set(NOWHERE)
    assert set(ELSEWHERE.values()) <= set(globals())


@pytest.mark.parametrize("server", LIVE)
async def test_a_real_server_and_its_quirks(server, request):
    fixture, kind, said, quirks = LIVE[server]
    async with at(kind, request.getfixturevalue(fixture)) as endpoint:
        assert await survey(endpoint) == said
        assert endpoint.features.quirks == quirks
        # what was learnt changes how it is asked, and nothing in what it says
        assert await survey(endpoint) == said
        assert endpoint.features.quirks == quirks


async def test_a_server_behind_a_proxy(apache):
    async with Proxy(apache) as proxy, at("dav", join_url(proxy.url, "front")) as endpoint:
        children: list[Entry] = []
        said = await endpoint.list("/quirks", children.extend)
        assert isinstance(said, Found)
        assert _ordered(children) == all_is_well(*NAMES).children
        assert await endpoint.stat("/quirks/plain.txt") == Found(file("plain.txt"))
        assert Quirk.FOREIGN_PREFIX in endpoint.features.quirks


async def test_xrootd_without_webdav(xrootd):
    """Its heads have no date. A collection has a page, and is not told from a file."""
    async with at("http", xrootd) as endpoint:
        assert await endpoint.stat("/quirks/plain.txt") == Found(file("plain.txt", dated=False))
        assert await endpoint.stat("/quirks/absent") == Absent()
        assert await endpoint.stat("/quirks/plain.txt/below") == Absent()
        assert await endpoint.stat("/quirks/sub/absent/too") == Absent()
        assert endpoint.features.quirks == {Quirk.NO_DATE, Quirk.FAULT_BELOW_FILE}


async def test_what_xrootd_does_when_it_is_changed(bench):
    server = bench.xrootd_http()
    server.write("c/f", b"12345")
    server.write("g")
    async with at("dav", server.url) as endpoint:
        async with endpoint.open("/c/f", {"Range": "bytes=3-"}, idle_s=20) as opened:
            assert [piece async for piece in opened.pieces] == [b"45"]
        assert _status(await endpoint.make_collection("/c")) == 405
        assert _status(await endpoint.move("/c/f", "/g", Kind.FILE, overwrite=False)) == 412
        assert _status(await endpoint.copy("/c/f", "/h", Kind.FILE, overwrite=False)) == 501
        moved = await endpoint.move("/g", "/c/100% new", Kind.FILE, overwrite=False)
        assert moved == Done(created=True)
        assert (server.root / "c" / "100% new").exists()
        assert await endpoint.delete("/c", Kind.COLLECTION) == Done()
        assert not (server.root / "c").exists()
        assert endpoint.features.quirks >= {
            Quirk.RANGES_AS_ASKED,
            Quirk.ONLY_EMPTY_DELETED,
            Quirk.MADE_AGAIN,
            Quirk.OVERWRITE_IGNORED,
            Quirk.VERBATIM_DESTINATION,
            Quirk.THIRD_PARTY_COPY_ONLY,
        }


async def test_what_wsgidav_does_when_it_is_changed(bench):
    server = bench.wsgidav_server()
    server.write("f")
    async with at("dav", server.url) as endpoint:
        assert _status(await endpoint.move("/f", "/a;b", Kind.FILE, overwrite=True)) == 409
        assert await endpoint.move("/f", "/a b", Kind.FILE, overwrite=True) == Done(created=True)
        assert [path.name for path in server.root.iterdir()] == ["a b"]
        assert endpoint.features.quirks == {Quirk.CUT_DESTINATION}


def _status(said: Outcome) -> int | None:
    return said.status if isinstance(said, Conflict) else None


async def test_whole_urls_for_hrefs():
    async with StorageElement(Tree({"/quirks/f": b"12345"})) as element:
        element.faults = Faults(absolute_hrefs=True)
        async with at("dav", element.base_url) as endpoint:
            children: list[Entry] = []
            assert isinstance(await endpoint.list("/quirks", children.extend), Found)
            assert [(one.name, one.size_bytes) for one in children] == [("f", SIZE)]
            assert endpoint.features.quirks == {Quirk.ABSOLUTE_HREFS}


@pytest.mark.parametrize("name", RAW_NAMES)
async def test_a_name_that_xml_cannot_carry_can_be_asked_for(xrootd, nginx, name):
    """It is listed under its own bytes, and those lead back to it."""
    for url in (xrootd, nginx):
        async with at("dav", url) as endpoint:
            assert await endpoint.stat(f"/quirks/{name}") == Found(file(name))
            assert endpoint.url(f"/quirks/{name}").endswith(encode_path(name))

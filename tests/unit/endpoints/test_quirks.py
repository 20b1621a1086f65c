"""Each quirk by its captured reply: it is met by name, and what comes of it is what everybody else would have said.

``tests/conformance/test_quirks.py`` meets them at the real servers. Both tables hold every quirk.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.raw_server import RawServer, Wire, http
from ugrpy.core.urls import encode_path
from ugrpy.endpoints.base import Endpoint, Features, Quirk
from ugrpy.endpoints.registry import make_endpoint
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind, Observation
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.transport.options import TransportOptions

pytestmark = pytest.mark.functional

DATA = Path(__file__).parents[2] / "data"
DATE_S = 1_709_210_096  # 2024-02-29T12:34:56Z, the date of everything in the captured trees
LONG = "/data/" + "n" * 256

COLLECTION = Found(Entry("data", Kind.COLLECTION, None, DATE_S))
A_TXT = Entry("a.txt", Kind.FILE, 12, DATE_S)
SUB = Entry("sub", Kind.COLLECTION, None, DATE_S)
ODD = "sp ace & <b>+100%#?.dat"
WHOLE = (
    Entry(".hidden", Kind.FILE, 1, DATE_S),
    A_TXT,
    Entry("empty.bin", Kind.FILE, 0, DATE_S),
    Entry(ODD, Kind.FILE, 100, DATE_S),
    SUB,
    Entry("é中.txt", Kind.FILE, 1, DATE_S),
)
TINY = 5  # bytes in the files of the whole replies


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked, by which replies it is answered (by method and target), and what must come of it.

    Of several replies each is given once, in their order, and the last one for ever. ``do`` is what is done instead of asking about ``path``.
    """

    replies: Mapping[str, str | tuple[str, ...]]
    said: Observation | Outcome = COLLECTION
    children: tuple[Entry, ...] | None = None
    path: str = "/data"
    base: str = ""
    kind: str = "dav"
    also: frozenset[Quirk] = field(default_factory=frozenset)
    do: Callable[[Endpoint], Awaitable[Observation | Outcome]] | None = None


def listed(capture: str, *children: Entry, also: frozenset[Quirk] = frozenset()) -> Case:
    return Case({"PROPFIND /data": capture}, children=children, also=also)


XROOTD_LISTING = "xrootd/propfind-depth1-dir-davix.xml"
XROOTD = frozenset(
    {
        Quirk.NO_RESOURCETYPE,
        Quirk.COLLECTION_SIZE,
        Quirk.COLLECTION_WITHOUT_SLASH,
        Quirk.VERBATIM_HREFS,
        Quirk.MARKUP_IN_HREFS,
    }
)
APACHE = frozenset({Quirk.LOWER_CASE_ESCAPES, Quirk.MARKUP_IN_HREFS})

NOTHING = ""  # 404
FACTS = "xrootd/propfind-depth1-file-davix.xml"  # of /data/a.txt
ABOUT_DATA = "xrootd/propfind-depth0-dir-davix.xml"
# What XRootD's answer to OPTIONS gives away, and what the description of one name shows
BY_OPTIONS = frozenset(
    {
        Quirk.MADE_AGAIN,
        Quirk.OVERWRITE_IGNORED,
        Quirk.QUESTION_MARK_ENDS,
        Quirk.THIRD_PARTY_COPY_ONLY,
        Quirk.VERBATIM_DESTINATION,
    }
)
BY_FILE = frozenset({Quirk.NO_RESOURCETYPE, Quirk.VERBATIM_HREFS})
BY_COLLECTION = frozenset({Quirk.COLLECTION_SIZE, Quirk.VERBATIM_HREFS})


async def read_on(endpoint: Endpoint) -> Observation | Outcome:
    """A file from its second byte on, as an entry: so that it is said like everything else here."""
    async with endpoint.open("/data/a.txt", {"Range": "bytes=1-"}, idle_s=20) as opened:
        content = b"".join([piece async for piece in opened.pieces])
        return Found(Entry(f"{opened.status} {content.decode()}", Kind.FILE))


CASES: dict[Quirk, Case] = {
    Quirk.SLASH_REDIRECT: Case(
        {
            "PROPFIND /data": "apache/propfind-collection-without-slash.http",
            "PROPFIND /data/": "apache/propfind-collection.http",
        },
        children=(Entry("a.txt", Kind.FILE, TINY, DATE_S),),
    ),
    Quirk.FAULT_BELOW_FILE: Case(
        {
            "PROPFIND /data": "apache/propfind-collection.http",
            "PROPFIND /data/a.txt": "apache/propfind-file.http",
            "PROPFIND /data/a.txt/x": "apache/propfind-below-file.http",
        },
        said=Absent(),
        path="/data/a.txt/x",
    ),
    Quirk.LONG_NAMES_REFUSED: Case(
        {
            f"PROPFIND {LONG}": "apache/propfind-long-name.http",
            "PROPFIND /": "apache/propfind-root.http",
        },
        said=Absent(),
        path=LONG,
    ),
    Quirk.QUESTION_MARK_ENDS: Case(
        {"PROPFIND /data/a%3Fb": "xrootd/propfind-question-mark.http"},
        said=Absent(),
        path="/data/a?b",
        also=frozenset({Quirk.NO_RESOURCETYPE, Quirk.VERBATIM_HREFS}),
    ),
    Quirk.NO_RESOURCETYPE: listed(XROOTD_LISTING, *WHOLE, also=XROOTD),
    Quirk.COLLECTION_SIZE: listed(XROOTD_LISTING, *WHOLE, also=XROOTD),
    Quirk.COLLECTION_WITHOUT_SLASH: listed(XROOTD_LISTING, *WHOLE, also=XROOTD),
    Quirk.VERBATIM_HREFS: listed(XROOTD_LISTING, *WHOLE, also=XROOTD),
    Quirk.RAW_NAMES: listed(
        "xrootd/propfind-raw-names.http",
        Entry("a", Kind.FILE, TINY, DATE_S),
        Entry("a.txt", Kind.FILE, TINY, DATE_S),
        Entry("ctl\x01.txt", Kind.FILE, TINY, DATE_S),
        Entry("latin-1 \udce9.txt", Kind.FILE, TINY, DATE_S),
        Entry("nonchar\uffff.txt", Kind.FILE, TINY, DATE_S),
        Entry("é中.txt", Kind.FILE, TINY, DATE_S),
        also=XROOTD - {Quirk.COLLECTION_WITHOUT_SLASH, Quirk.MARKUP_IN_HREFS},
    ),
    Quirk.LOWER_CASE_ESCAPES: listed("apache/propfind-depth1-dir-davix.xml", *WHOLE, also=APACHE),
    Quirk.MARKUP_IN_HREFS: listed(
        "nginx/propfind-depth1-dir-davix.xml", *(one for one in WHOLE if one.name != ".hidden")
    ),
    Quirk.ABSOLUTE_HREFS: listed("constructed/absolute-hrefs.xml", A_TXT, SUB),
    Quirk.DOUBLED_SLASHES: listed("constructed/doubled-slashes.xml", A_TXT, SUB),
    Quirk.FOREIGN_PREFIX: Case(
        {"PROPFIND /front/data": "apache/propfind-depth1-dir-davix.xml"},
        said=Found(Entry("data", Kind.COLLECTION, None, DATE_S)),
        children=WHOLE,
        path="/data",
        base="/front",
        also=APACHE,
    ),
    Quirk.ISO_DATES: listed("constructed/iso-dates.xml", A_TXT, SUB),
    Quirk.NO_DATE: Case(
        {"HEAD /data/a.txt": "xrootd/head-file.http"},
        said=Found(Entry("a.txt", Kind.FILE, TINY)),
        path="/data/a.txt",
        kind="http",
    ),
    Quirk.CHILD_REFUSED: listed(
        "constructed/child-refused.xml",
        A_TXT,
        Entry("broken.bin", Kind.FILE),
        Entry("private", Kind.COLLECTION),
        Entry("secret.txt", Kind.FILE),
    ),
    Quirk.NO_HEAD: Case(
        {
            "HEAD /data/a.txt": "constructed/head-refused.http",
            "GET /data/a.txt": "constructed/get-first-byte.http",
        },
        said=Found(A_TXT),
        path="/data/a.txt",
        kind="http",
    ),
    Quirk.RANGES_AS_ASKED: Case(
        {
            "GET /data/a.txt": (
                "xrootd/get-from-second-byte.http",
                "xrootd/get-second-to-fifth-byte.http",
            )
        },
        said=Found(Entry("206 2345", Kind.FILE)),
        kind="http",
        do=read_on,
    ),
    Quirk.ONLY_EMPTY_DELETED: Case(
        {
            "DELETE /data/": ("xrootd/delete-full-collection.http", "xrootd/delete-file.http"),
            "PROPFIND /data": "xrootd/propfind-depth1-dir-davix.xml",
            **{
                f"DELETE {encode_path(f'/data/{one.name}')}{'/' * (one.kind is Kind.COLLECTION)}": (
                    "xrootd/delete-file.http"
                )
                for one in WHOLE
            },
        },
        said=Done(),
        do=lambda endpoint: endpoint.delete("/data", Kind.COLLECTION),
        also=XROOTD,
    ),
    Quirk.MADE_AGAIN: Case(
        {"OPTIONS /": "xrootd/options.http", "PROPFIND /data": ABOUT_DATA},
        said=Conflict(405, "there is something of that name"),
        do=lambda endpoint: endpoint.make_collection("/data"),
        also=BY_OPTIONS | BY_COLLECTION,
    ),
    Quirk.OVERWRITE_IGNORED: Case(
        {
            "OPTIONS /": "xrootd/options.http",
            "PROPFIND /data/a.txt": FACTS,
            "PROPFIND /sub/a.txt": FACTS,
        },
        said=Conflict(412, "there is something of the target's name"),
        do=lambda endpoint: endpoint.move("/data/a.txt", "/sub/a.txt", Kind.FILE, overwrite=False),
        also=BY_OPTIONS | BY_FILE | {Quirk.FOREIGN_PREFIX},
    ),
    Quirk.VERBATIM_DESTINATION: Case(
        {
            "OPTIONS /": "xrootd/options.http",
            "PROPFIND /data/a.txt": FACTS,
            "PROPFIND /b%20b/a.txt": (NOTHING, FACTS),
            "MOVE /data/a.txt to /b b/a.txt?": "xrootd/move.http",
        },
        said=Done(created=True),
        do=lambda endpoint: endpoint.move("/data/a.txt", "/b b/a.txt", Kind.FILE, overwrite=False),
        also=BY_OPTIONS | BY_FILE | {Quirk.FOREIGN_PREFIX},
    ),
    Quirk.CUT_DESTINATION: Case(
        {"OPTIONS /": "wsgidav/options.http"},
        said=Conflict(409, "this storage cannot be told that name for a target"),
        do=lambda endpoint: endpoint.move("/data/a.txt", "/a;b", Kind.FILE, overwrite=True),
    ),
    Quirk.THIRD_PARTY_COPY_ONLY: Case(
        {"OPTIONS /": "xrootd/options.http"},
        said=Conflict(501, "this storage copies only from and to others"),
        do=lambda endpoint: endpoint.copy("/data/a.txt", "/b", Kind.FILE, overwrite=True),
        also=BY_OPTIONS,
    ),
}


def reply_of(name: str) -> bytes:
    """The captured bytes; a body alone is sent as a multistatus."""
    if name == NOTHING:
        return http(404)
    data = (DATA / name).read_bytes()
    return data if name.endswith(".http") else http(207, data)


async def answer(case: Case) -> tuple[Observation | Outcome, list[Entry], Features]:
    """What the endpoint makes of the replies. An unforeseen question is answered by 599."""

    left = {
        key: [names] if isinstance(names, str) else list(names)
        for key, names in case.replies.items()
    }

    async def script(wire: Wire) -> None:
        while (asked := await wire.asked()) is not None:
            to = asked.headers.get("destination", "").removeprefix(server.url)
            names = left.get(f"{asked.method} {asked.target}" + (to and f" to {to}"))
            if not names:
                await wire.send(http(599))
            else:
                await wire.send(reply_of(names.pop(0) if len(names) > 1 else names[0]))

    children: list[Entry] = []
    said: Observation | Outcome
    async with RawServer(script) as server:
        endpoint = make_endpoint(
            case.kind, EndpointId("uvic"), server.url + case.base, TransportOptions()
        )
        if case.do is not None:
            said = await case.do(endpoint)
        elif case.children is None:
            said = await endpoint.stat(case.path)
        else:
            said = await endpoint.list(case.path, children.extend)
        await endpoint.close()
        return said, children, endpoint.features


def test_every_quirk_has_its_captured_reply():
    assert set(CASES) == set(Quirk)


def test_every_quirk_is_on_the_page_for_operators():
    page = (DATA.parents[1] / "docs/howto/storages.md").read_text()
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(Quirk)


@pytest.mark.parametrize("quirk", CASES)
async def test_the_captured_reply_shows_the_quirk_and_is_made_equal(quirk):
    case = CASES[quirk]
    said, children, features = await answer(case)
    assert said == case.said
    assert sorted(children, key=lambda one: one.name) == sorted(
        case.children or (), key=lambda one: one.name
    )
    assert features.quirks == {quirk} | case.also


async def test_what_is_met_stays_with_the_endpoint_that_met_it():
    await answer(CASES[Quirk.NO_DATE])
    _, _, features = await answer(CASES[Quirk.NO_HEAD])
    assert features.quirks == {Quirk.NO_HEAD}
    assert (features.listable, features.dialect) == (False, "http")


async def test_a_plain_collection_is_told_by_the_redirect_to_its_slash():
    """The captured heads of an nginx that only serves files."""
    case = Case({"HEAD /data": "nginx/head-collection.http"}, kind="http")
    said, _, features = await answer(case)
    assert said == Found(Entry("data", Kind.COLLECTION))
    case = Case({"HEAD /data/a.txt": "nginx/head-file.http"}, path="/data/a.txt", kind="http")
    said, _, features = await answer(case)
    assert said == Found(Entry("a.txt", Kind.FILE, TINY, DATE_S))
    assert features.quirks == frozenset()


async def test_a_file_asked_for_with_a_slash_is_found_by_its_plain_form():
    """Apache with mod_dir answers 400 then, and 404 without; the slash was learnt from another collection."""
    replies = {
        "PROPFIND /data": reply_of("apache/propfind-collection-without-slash.http"),
        "PROPFIND /data/": reply_of("apache/propfind-collection.http"),
        "PROPFIND /data/a.txt": reply_of("apache/propfind-file.http"),
        "PROPFIND /data/a.txt/": reply_of("apache/propfind-below-file.http"),
    }

    async def script(wire: Wire) -> None:
        while (asked := await wire.asked()) is not None:
            await wire.send(replies[f"{asked.method} {asked.target}"])

    children: list[Entry] = []
    async with RawServer(script) as server:
        endpoint = make_endpoint("dav", EndpointId("uvic"), server.url, TransportOptions())
        await endpoint.list("/data", lambda _: None)
        said = await endpoint.list("/data/a.txt", children.extend)
        await endpoint.close()
    assert said == Found(Entry("a.txt", Kind.FILE, TINY, DATE_S))
    assert children == []

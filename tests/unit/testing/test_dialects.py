"""The habits of products, against what was captured of the real ones (tests/data)."""

from pathlib import Path

import aiohttp
import pytest
from lxml import etree

from ugrpy.testing import StorageElement, Tree
from ugrpy.testing.dialects import APACHE, DCACHE, DIALECTS, NGINX, PLAIN, XROOTD, Dialect
from ugrpy.testing.tree import MTIME_S

pytestmark = pytest.mark.functional

DATA = Path(__file__).parents[2] / "data"
TREE = Tree({"/c/f \u00e9.txt": b"0123456789", "/c/sub/g": b""})
# what every endpoint of ours asks for
ASKED = (
    b'<D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/>'
    b"<D:getlastmodified/><D:iscollection/></D:prop></D:propfind>"
)


async def listing(element: StorageElement, path: str = "/c/") -> list[etree._Element]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
        session.request(
            "PROPFIND", element.base_url + path, headers={"Depth": "1"}, data=ASKED
        ) as answer,
    ):
        assert answer.status == 207
        return list(etree.fromstring(await answer.read()).iter("{DAV:}response"))


def hrefs(responses: list[etree._Element]) -> list[str]:
    return [response.findtext("{DAV:}href") or "" for response in responses]


def properties(response: etree._Element) -> dict[str, str]:
    """Name to text, of those that are there."""
    propstat = response.find("{DAV:}propstat")
    assert propstat is not None
    assert propstat.findtext("{DAV:}status") == "HTTP/1.1 200 OK"
    return {str(one.tag).removeprefix("{DAV:}"): one.text or "" for one in propstat.iterfind("*/*")}


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (NGINX, ["/c/", "/c/f%20%C3%A9.txt", "/c/sub/"]),
        (APACHE, ["/c/", "/c/f%20%c3%a9.txt", "/c/sub/"]),
        (XROOTD, ["/c", "/c/f \u00e9.txt", "/c/sub"]),
        (DCACHE, ["BASE/c/", "BASE/c/f%20%C3%A9.txt", "BASE/c/sub/"]),
    ],
)
async def test_hrefs(dialect, expected):
    async with StorageElement(TREE, dialect=dialect) as element:
        told = hrefs(await listing(element))
        assert told == [href.replace("BASE", element.base_url) for href in expected]


async def test_xrootd_tells_kinds_in_its_own_way():
    async with StorageElement(TREE, dialect=XROOTD) as element:
        itself, file, _sub = await listing(element)
        collection = properties(itself)
        assert collection["getcontentlength"] == "4096"
        assert (collection["iscollection"], "resourcetype" in collection) == ("1", True)
        assert "resourcetype" not in properties(file)
        assert properties(file)["iscollection"] == "0"
        async with (
            aiohttp.ClientSession() as session,
            session.head(f"{element.base_url}/c/f%20%C3%A9.txt") as answer,
        ):
            assert "Last-Modified" not in answer.headers


def real(product: str) -> list[etree._Element]:
    text = (DATA / product / "propfind-depth1-dir-davix.xml").read_bytes()
    return list(etree.fromstring(text).iter("{DAV:}response"))


@pytest.mark.parametrize("dialect", [NGINX, APACHE, XROOTD])
async def test_the_real_ones_do_so_too(dialect):
    """What differs between products is in the captured reply as it is in the imitation."""
    async with StorageElement(TREE, dialect=dialect) as element:
        ours = await listing(element)
    theirs = real(dialect.name)
    for responses in (ours, theirs):
        told = hrefs(responses)
        assert any("%c3%a9" in href.lower() for href in told) is not dialect.verbatim_hrefs
        files = [properties(one) for one in responses if "txt" in hrefs([one])[0]]
        assert files
        for file in files:
            assert ("resourcetype" in file) is not dialect.private_kind
            assert ("iscollection" in file) is dialect.private_kind
        sub = next(one for one in responses if hrefs([one])[0].rstrip("/").endswith("/sub"))
        assert hrefs([sub])[0].endswith("/") is dialect.child_slash
        assert (properties(sub).get("getcontentlength") == "4096") is bool(dialect.directory_bytes)
        assert any("%c3%a9" in href for href in told) is dialect.lower_case


@pytest.mark.parametrize("dialect", [APACHE, PLAIN])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND"])
async def test_a_collection_without_its_slash_is_moved(dialect, method):
    async with (
        StorageElement(TREE, dialect=dialect) as element,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
        session.request(
            method, f"{element.base_url}/c", headers={"Depth": "1"}, allow_redirects=False
        ) as answer,
    ):
        expected = 301 if dialect.dav or method != "PROPFIND" else 405
        assert answer.status == expected
        if expected == 301:
            assert answer.headers["Location"] == f"{element.base_url}/c/"


async def test_a_plain_server_knows_no_propfind():
    async with (
        StorageElement(TREE, dialect=PLAIN) as element,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        async with session.options(element.base_url) as answer:
            assert ("DAV" in answer.headers, answer.headers["Allow"]) == (
                False,
                "GET, HEAD, OPTIONS",
            )
        async with session.head(f"{element.base_url}/c/f%20%C3%A9.txt") as answer:
            assert answer.headers["Content-Length"] == "10"
            assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert MTIME_S == 1_700_000_000


def test_names_are_their_own():
    names = [dialect.name for dialect in DIALECTS]
    assert len(set(names)) == len(names) == 5
    assert all(isinstance(dialect, Dialect) for dialect in DIALECTS)

"""Third-party copy between two storage elements."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from ugrpy.testing import CopyFault, FakeClock, Faults, StorageElement, Tree
from ugrpy.testing.dialects import APACHE, XROOTD
from ugrpy.testing.thirdparty import is_third_party
from ugrpy.webdav.markers import NOT_SAID, Ended, MarkerReader

pytestmark = pytest.mark.functional

CONTENT = bytes(range(256)) * 1000


@asynccontextmanager
async def pair(
    marker_s: float = 5.0,
) -> AsyncIterator[tuple[StorageElement, StorageElement, aiohttp.ClientSession]]:
    """One that is asked, with a file, and another one, with a file."""
    async with (
        StorageElement(
            Tree({"/f": CONTENT}), writable=True, marker_s=marker_s, clock=FakeClock()
        ) as here,
        StorageElement(Tree({"/g": CONTENT}), writable=True) as there,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as client,
    ):
        yield here, there, client


async def copy(
    client: aiohttp.ClientSession, url: str, headers: dict[str, str]
) -> tuple[int, MarkerReader, int]:
    """(status, the stream read to its end, number of blocks)."""
    reader, blocks = MarkerReader(), 0
    async with client.request("COPY", url, headers=headers) as answer:
        async for piece in answer.content.iter_any():
            blocks += len(reader.feed(piece))
        reader.close()
        return answer.status, reader, blocks


async def test_pull_follows_redirects_with_what_it_was_given():
    async with pair() as (here, there, client):
        there.faults_at["/name"] = Faults(location=f"{there.base_url}/g")
        status, stream, blocks = await copy(
            client,
            f"{here.base_url}/new",
            {"Source": f"{there.base_url}/name", "TransferHeaderAuthorization": "Bearer x"},
        )
        assert (status, stream.ended, blocks) == (201, Ended(True), 1)
        assert here.tree.files["/new"].content == CONTENT
        assert [headers["Authorization"] for _, _, headers in there.seen] == ["Bearer x"] * 2


async def test_push_follows_redirects_before_the_body():
    async with pair() as (here, there, client):
        there.faults_at["/name"] = Faults(status=307, location=f"{there.base_url}/new")
        status, stream, _ = await copy(
            client,
            f"{here.base_url}/f",
            {"Destination": f"{there.base_url}/name", "TransferHeaderX-Thing": "1"},
        )
        assert (status, stream.ended) == (201, Ended(True))
        assert there.tree.files["/new"].content == CONTENT
        assert [(path, headers["X-Thing"]) for _, path, headers in there.seen] == [
            ("/name", "1"),
            ("/new", "1"),
        ]


async def test_progress_is_told_while_it_lasts():
    async with pair(marker_s=0.05) as (here, there, client):
        there.faults = Faults(delay_s=0.3)
        _, stream, blocks = await copy(
            client, f"{here.base_url}/new", {"Source": f"{there.base_url}/g"}
        )
        assert stream.ended == Ended(True)
        assert blocks > 1


@pytest.mark.parametrize("pulls", [True, False])
@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        (CopyFault.FAILS, Ended(False, "as the test wishes")),
        (CopyFault.UNENDED, NOT_SAID),
        (CopyFault.LIES, Ended(True)),
    ],
)
async def test_faults(pulls, fault, ended):
    async with pair() as (here, there, client):
        here.faults_for["COPY"] = Faults(copy=fault)
        path = "/new" if pulls else "/f"
        headers = (
            {"Source": f"{there.base_url}/g"} if pulls else {"Destination": f"{there.base_url}/new"}
        )
        status, stream, _ = await copy(client, here.base_url + path, headers)
        assert (status, stream.ended) == (201, ended)
        assert "/new" not in (here if pulls else there).tree.files


@pytest.mark.parametrize("pulls", [True, False])
async def test_a_copy_that_hangs(pulls):
    async with pair(marker_s=0.02) as (here, there, client):
        here.faults_for["COPY"] = Faults(copy=CopyFault.HANGS)
        path, headers = "/f", {"Destination": f"{there.base_url}/new"}
        if pulls:
            path, headers = "/new", {"Source": f"{there.base_url}/g"}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await copy(client, here.base_url + path, headers)
        assert "/new" not in (here if pulls else there).tree.files


async def test_what_the_other_side_refuses():
    async with pair() as (here, there, client):
        source = {"Source": f"{there.base_url}/none"}
        _, stream, _ = await copy(client, f"{here.base_url}/new", source)
        assert stream.ended == Ended(False, "Remote side failed with status code 404")
        there.faults_at["/g"] = Faults(location="{self}")
        _, stream, _ = await copy(client, f"{here.base_url}/new", {"Source": f"{there.base_url}/g"})
        assert stream.ended == Ended(False, "Remote side redirects without end")
        there.faults_at["/g"] = Faults(reset_after_bytes=1000)
        _, stream, _ = await copy(client, f"{here.base_url}/new", {"Source": f"{there.base_url}/g"})
        assert stream.ended is not None
        assert not stream.ended.succeeded
        await there.refuse()
        _, stream, _ = await copy(client, f"{here.base_url}/new", {"Source": f"{there.base_url}/g"})
        assert stream.ended == Ended(False, "ClientConnectorError at the remote side")
        here.quota_bytes = len(CONTENT) + 10
        await there.accept()
        there.faults_at.clear()
        _, stream, _ = await copy(client, f"{here.base_url}/new", {"Source": f"{there.base_url}/g"})
        assert stream.ended == Ended(False, "no room")
        assert "/new" not in here.tree.files


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/f", {"Source": "http://h/f", "Destination": "http://h/g"}, 400),
        ("/f", {"Credential": "none"}, 400),
        ("/f", {"Source": "ftp://h/f"}, 400),
        ("/none", {"Destination": "http://h/f"}, 404),
        ("/f", {"Source": "http://h/f", "Overwrite": "F"}, 412),
        ("/no/parent", {"Source": "http://h/f"}, 409),
    ],
)
async def test_what_is_refused_before_anything_moves(path, headers, expected):
    async with pair() as (here, _, client):
        assert (await copy(client, here.base_url + path, headers))[0] == expected


async def test_a_pull_grows_visibly_where_the_dialect_has_it():
    async with pair() as (here, there, client):
        here.dialect = XROOTD
        here.faults_for["COPY"] = Faults(copy=CopyFault.FAILS)
        await copy(client, f"{here.base_url}/new/f", {"Source": f"{there.base_url}/g"})
        assert here.tree.files["/new/f"].content == CONTENT[: len(CONTENT) // 2]


async def test_a_dialect_without_third_party_copy():
    async with pair() as (here, there, client):
        here.dialect = APACHE
        headers = {"Destination": f"{there.base_url}/new"}
        assert (await copy(client, f"{here.base_url}/f", headers))[0] == 502


def test_what_is_about_another_server():
    assert not is_third_party({"Destination": "/a"}, "h:1")
    assert not is_third_party({"Destination": "http://h:1/a"}, "h:1")
    assert is_third_party({"Destination": "http://h:2/a"}, "h:1")
    assert is_third_party({"Destination": "/a", "transferheaderX": "1"}, "h:1")
    assert is_third_party({"SOURCE": "/a"}, "h:1")

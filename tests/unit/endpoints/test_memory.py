"""What the tree in memory does beyond the contract: how it is filled, and when it is full."""

from collections.abc import AsyncIterator

import pytest

from ugrpy.core.errors import Failed
from ugrpy.endpoints.memory import MemoryEndpoint
from ugrpy.endpoints.memory.content import read
from ugrpy.namespace.model import Absent, Digest, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.namespace.outcomes import Done, Full, Outcome, Space, Told


async def test_parents_come_into_being_with_a_file():
    endpoint = MemoryEndpoint(EndpointId("uvic"))
    endpoint.put_files([("/a/b/f", 3), ("/a/g", 0)])
    assert await endpoint.stat("/a/b") == Found(Entry("b", Kind.COLLECTION))
    assert await endpoint.stat("/a/b/f") == Found(Entry("f", Kind.FILE, 3))
    assert repr(endpoint) == "MemoryEndpoint(uvic, 5 names)"


async def test_a_name_can_be_replaced():
    endpoint = MemoryEndpoint(EndpointId("uvic"), "http://se.example/")
    dated = Entry("a", Kind.COLLECTION, mtime_s=7)
    endpoint.put("/a", dated)
    endpoint.put("/a/f", Entry("f", Kind.FILE, 1))
    endpoint.put("/a/f", Entry("f", Kind.FILE, 2))
    assert await endpoint.stat("/a") == Found(dated)
    assert await endpoint.stat("/a/f") == Found(Entry("f", Kind.FILE, 2))
    assert await endpoint.stat("/a/f/x") == Absent()
    assert endpoint.url("/a b") == "http://se.example/a%20b"


async def body_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_what_does_not_fit_is_not_taken():
    endpoint = MemoryEndpoint(EndpointId("uvic"), capacity_bytes=10)

    async def write(path: str, content: bytes) -> Outcome:
        return await endpoint.write(path, body_of(content), size_bytes=None, idle_s=1)

    assert await endpoint.space() == Space(10, 0)
    assert await write("/a", b"x" * 6) == Done(created=True)
    assert isinstance(await write("/b", b"x" * 5), Full)
    assert await endpoint.stat("/b") == Absent()
    # the old content makes room for the new one
    assert await write("/a", b"y" * 10) == Done()
    assert await endpoint.space() == Space(0, 10)
    assert await endpoint.delete("/a", Kind.FILE) == Done()
    assert await endpoint.space() == Space(10, 0)


async def test_another_length_than_announced_is_not_taken():
    endpoint = MemoryEndpoint(EndpointId("uvic"))
    said = await endpoint.write("/a", body_of(b"xyz"), size_bytes=4, idle_s=1)
    assert isinstance(said, Unknown)
    assert await endpoint.stat("/a") == Absent()


async def test_a_file_of_which_only_the_description_is_known():
    endpoint = MemoryEndpoint(EndpointId("uvic"))
    endpoint.put_files([("/a", 3)])
    endpoint.put("/b", Entry("b", Kind.FILE, 3), b"abc")
    assert await endpoint.digest("/a", ("md5",)) == Told()
    assert await endpoint.digest("/b", ("whirlpool", "adler32")) == Told(
        (Digest("adler32", "024d0127"),)
    )
    with pytest.raises(Failed):
        async with endpoint.open("/a", {}, idle_s=1):
            pass


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("", 200, b"abcdef"),
        ("bytes=1-2", 206, b"bc"),
        ("bytes=4-", 206, b"ef"),
        ("bytes=-2", 206, b"ef"),
        ("bytes=-20", 206, b"abcdef"),
        ("bytes=5-99", 206, b"f"),
        ("bytes=6-", 416, b""),
        ("bytes=3-2", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=0-0,2-2", 200, b"abcdef"),
        ("lines=1-2", 200, b"abcdef"),
        ("bytes=-", 200, b"abcdef"),
    ],
)
async def test_ranges(wanted, status, part):
    opened = read(b"abcdef", {"RANGE": wanted})
    assert (opened.status, b"".join([piece async for piece in opened.pieces])) == (status, part)

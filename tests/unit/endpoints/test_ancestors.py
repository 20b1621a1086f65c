"""Bisection for the file that a name lies below."""

import pytest

from ugrpy.core.errors import Failed, Malformed, TimedOut
from ugrpy.endpoints.ancestors import lies_below_a_file
from ugrpy.namespace.model import Absent, Denied, Entry, Found, Kind

COLLECTION = Found(Entry("", Kind.COLLECTION))
FILE = Found(Entry("", Kind.FILE, 1))


class Storage:
    """Answers by path; what it does not know is a fault of the given kind."""

    def __init__(self, known, fault=Failed):
        self.known = known
        self.fault = fault
        self.asked = []

    async def ask(self, path):
        self.asked.append(path)
        if path not in self.known:
            raise self.fault(path)
        return self.known[path]


@pytest.mark.parametrize("fault", [Failed, Malformed])
@pytest.mark.parametrize("depth", range(6))
@pytest.mark.parametrize("below", range(1, 6))
async def test_the_file_is_found_at_every_depth(depth, below, fault):
    folders = ["/" + "/".join("abcdef"[: n + 1]) for n in range(depth)]
    file = (folders[-1] if folders else "") + "/file"
    storage = Storage({**dict.fromkeys(folders, COLLECTION), file: FILE}, fault)
    assert await lies_below_a_file(file + "/x" * below, storage.ask)


@pytest.mark.parametrize("depth", range(6))
async def test_below_collections_alone_a_failure_is_a_failure(depth):
    folders = ["/" + "/".join("abcdef"[: n + 1]) for n in range(depth)]
    storage = Storage(dict.fromkeys(folders, COLLECTION))
    assert not await lies_below_a_file((folders[-1] if folders else "") + "/x", storage.ask)


async def test_below_what_is_absent_nothing_is():
    assert await lies_below_a_file("/a/b", Storage({"/a": Absent()}).ask)


async def test_a_storage_that_is_broken_is_asked_little():
    storage = Storage({})
    assert not await lies_below_a_file("/" + "/".join("x" * 64), storage.ask)
    assert len(storage.asked) <= 6


@pytest.mark.parametrize("known", [{"/a": Denied()}, {}])
async def test_who_will_not_say_leaves_it_open(known):
    storage = Storage(known, fault=TimedOut)
    assert not await lies_below_a_file("/a/b", storage.ask)
    assert storage.asked == ["/a"]


async def test_the_root_is_never_asked():
    storage = Storage({})
    assert not await lies_below_a_file("/x", storage.ask)
    assert not await lies_below_a_file("/", storage.ask)
    assert storage.asked == []

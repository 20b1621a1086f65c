"""What must every kind that takes changes do? The second half of the contract of ``ugrpy.endpoints.base``.

A subclass gives the fixture ``endpoint``: an empty endpoint of its own for each test. What a storage does otherwise, and may, is
said in ``changes``: facts about a storage are data, so that no test is left out.
"""

import hashlib
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from tests.conformance.corpus import ODD_NAMES, SIZES
from ugrpy.endpoints.base import Endpoint
from ugrpy.namespace.model import Absent, Digest, Entry, Found, Kind, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Outcome, Told
from ugrpy.namespace.paths import join, name_of
from ugrpy.testing.tree import bytes_for

FILE, COLLECTION = Kind.FILE, Kind.COLLECTION
IDLE_S = 30.0
NO_PARENT = Conflict(409)
ALGORITHMS = ("adler32", "md5")


@dataclass(frozen=True, slots=True)
class Changes:
    """Facts about one storage.

    ``tells_created``: it says whether something new came of a change. ``makes_parents_for``: the verbs for which it makes the
    collections above. ``refused_names`` are names it could not keep; the reason stands beside them, and
    ``unlisted_names`` those that it keeps and does not list, ``unmoved_names`` those that no MOVE may lead to. ``copies``: it can copy
    within itself. ``digests`` are the checksums it tells when all are asked for. ``keeps_broken``: after an upload that broke
    off its part is there, under the name. Without ``serves_suffixes`` it sends the whole for a range from the end.
    """

    tells_created: frozenset[str] = frozenset({"write", "move", "copy"})
    makes_parents_for: frozenset[str] = frozenset()
    refused_names: frozenset[str] = frozenset()
    unlisted_names: frozenset[str] = frozenset()
    unmoved_names: frozenset[str] = frozenset()
    copies: bool = True
    digests: frozenset[str] = frozenset()
    tells_space: bool = False
    keeps_broken: bool = False
    serves_suffixes: bool = True


async def body_of(*pieces: bytes, breaks: bool = False) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if breaks:
        raise ConnectionResetError("the client left")


def pieces_of(content: bytes, size_bytes: int = 50_000) -> list[bytes]:
    return [content[start : start + size_bytes] for start in range(0, len(content), size_bytes)]


async def put(endpoint: Endpoint, path: str, content: bytes) -> Outcome:
    return await endpoint.write(
        path, body_of(*pieces_of(content)), size_bytes=len(content), idle_s=IDLE_S
    )


async def get(
    endpoint: Endpoint, path: str, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    async with endpoint.open(path, headers or {}, idle_s=IDLE_S) as opened:
        return opened.status, b"".join([piece async for piece in opened.pieces])


async def plant(endpoint: Endpoint, *paths: str) -> None:
    """Files that hold their own path, and empty collections; a path that ends in a slash is one."""
    for path in paths:
        if path.endswith("/"):
            assert await endpoint.make_collection(path.rstrip("/")) == Done(created=True)
        else:
            assert isinstance(await put(endpoint, path, path.encode()), Done)


async def names(endpoint: Endpoint, path: str = "/") -> list[str]:
    """All that lies below, collections with a slash."""
    children: list[Entry] = []
    said = await endpoint.list(path, children.extend)
    assert isinstance(said, Found), said
    found: list[str] = []
    for child in sorted(children, key=lambda one: one.name):
        inside = join(path, child.name)
        if child.kind is COLLECTION:
            found += [inside + "/", *await names(endpoint, inside)]
        else:
            found.append(inside)
    return found


class ChangingSuite:
    """Subclass it as ``Test...Changes`` with an ``endpoint`` fixture."""

    changes = Changes()

    def done(self, verb: str, said: Outcome, *, created: bool) -> bool:
        """Whether it was done, and said as much about it as the storage tells."""
        if verb in self.changes.tells_created:
            return said == Done(created=created)
        return isinstance(said, Done)

    # -- collections ------------------------------------------------------------------------------

    async def test_it_is_said_to_take_changes(self, endpoint: Endpoint):
        assert endpoint.features.writable

    async def test_making_a_collection(self, endpoint: Endpoint):
        assert await endpoint.make_collection("/c") == Done(created=True)
        assert await endpoint.make_collection("/c/d") == Done(created=True)
        assert await names(endpoint) == ["/c/", "/c/d/"]

    async def test_making_what_is_there(self, endpoint: Endpoint):
        await plant(endpoint, "/c/", "/c/f", "/f")
        for path in ("/c", "/f", "/"):
            assert _status(await endpoint.make_collection(path)) == 405, path
        assert await names(endpoint) == ["/c/", "/c/f", "/f"]
        assert await get(endpoint, "/f") == (200, b"/f")

    async def test_making_a_collection_without_its_parent(self, endpoint: Endpoint):
        said = await endpoint.make_collection("/absent/c")
        if "make" in self.changes.makes_parents_for:
            assert said == Done(created=True)
            assert await names(endpoint) == ["/absent/", "/absent/c/"]
        else:
            assert _status(said) == 409
            assert await names(endpoint) == []

    async def test_nothing_can_be_made_below_a_file(self, endpoint: Endpoint):
        await plant(endpoint, "/f")
        assert _status(await endpoint.make_collection("/f/c")) == 409
        assert _status(await put(endpoint, "/f/g", b"x")) == 409
        assert await get(endpoint, "/f") == (200, b"/f")

    # -- deleting ---------------------------------------------------------------------------------

    async def test_deleting_a_file(self, endpoint: Endpoint):
        await plant(endpoint, "/f", "/g")
        assert await endpoint.delete("/f", FILE) == Done()
        assert await endpoint.stat("/f") == Absent()
        assert await names(endpoint) == ["/g"]

    @pytest.mark.parametrize("kind", list(Kind))
    async def test_deleting_what_is_not_there(self, endpoint: Endpoint, kind: Kind):
        await plant(endpoint, "/f")
        for path in ("/absent", "/absent/far/below"):
            assert await endpoint.delete(path, kind) == Absent(), path
        assert await endpoint.delete("/f/below", FILE) == Absent()

    async def test_deleting_an_empty_collection(self, endpoint: Endpoint):
        await plant(endpoint, "/c/", "/d/")
        assert await endpoint.delete("/c", COLLECTION) == Done()
        assert await names(endpoint) == ["/d/"]

    async def test_deleting_a_full_collection(self, endpoint: Endpoint):
        inside = (
            "/c/",
            "/c/d/",
            "/c/d/e/",
            "/c/d/e/f",
            "/c/d/g",
            "/c/empty/",
            "/c/h",
            "/c/.hidden",
        )
        await plant(
            endpoint, *inside, *(f"/c/d/many{number}" for number in range(20)), "/cc", "/d/"
        )
        assert await endpoint.delete("/c", COLLECTION) == Done()
        assert await endpoint.stat("/c") == Absent()
        assert await names(endpoint) == ["/cc", "/d/"]

    async def test_the_root_stays(self, endpoint: Endpoint):
        await plant(endpoint, "/f")
        assert _status(await endpoint.delete("/", COLLECTION)) == 405
        assert await names(endpoint) == ["/f"]

    # -- moving and copying -----------------------------------------------------------------------

    async def transferred(
        self, endpoint: Endpoint, verb: str, path: str, target: str, kind: Kind, *, overwrite: bool
    ) -> Outcome:
        do = endpoint.move if verb == "move" else endpoint.copy
        return await do(path, target, kind, overwrite=overwrite)

    def refuses(self, verb: str, said: Outcome) -> bool:
        """Whether the verb is one that the storage does not have; it then says so and has done nothing."""
        if verb != "copy" or self.changes.copies:
            return False
        assert _status(said) == 501
        return True

    @pytest.mark.parametrize("verb", ["move", "copy"])
    @pytest.mark.parametrize("overwrite", [True, False])
    async def test_to_a_free_name(self, endpoint: Endpoint, verb: str, overwrite: bool):
        await plant(endpoint, "/c/", "/f")
        said = await self.transferred(endpoint, verb, "/f", "/c/g", FILE, overwrite=overwrite)
        if self.refuses(verb, said):
            assert await names(endpoint) == ["/c/", "/f"]
            return
        assert self.done(verb, said, created=True), said
        assert await names(endpoint) == ["/c/", "/c/g", *(["/f"] if verb == "copy" else [])]
        assert await get(endpoint, "/c/g") == (200, b"/f")

    @pytest.mark.parametrize("verb", ["move", "copy"])
    @pytest.mark.parametrize("overwrite", [True, False])
    async def test_a_file_onto_a_file(self, endpoint: Endpoint, verb: str, overwrite: bool):
        await plant(endpoint, "/f", "/g")
        said = await self.transferred(endpoint, verb, "/f", "/g", FILE, overwrite=overwrite)
        if self.refuses(verb, said) or not overwrite:
            assert overwrite or not self.changes.copies or _status(said) == 412
            assert await names(endpoint) == ["/f", "/g"]
            assert await get(endpoint, "/g") == (200, b"/g")
            return
        assert self.done(verb, said, created=False), said
        assert await names(endpoint) == (["/f", "/g"] if verb == "copy" else ["/g"])
        assert await get(endpoint, "/g") == (200, b"/f")

    @pytest.mark.parametrize("verb", ["move", "copy"])
    async def test_a_collection_to_a_free_name(self, endpoint: Endpoint, verb: str):
        inside = ["/c/", "/c/d/", "/c/d/f", "/c/g"]
        await plant(endpoint, *inside)
        said = await self.transferred(endpoint, verb, "/c", "/e", COLLECTION, overwrite=False)
        if self.refuses(verb, said):
            assert await names(endpoint) == inside
            return
        assert self.done(verb, said, created=True), said
        moved = ["/e/", "/e/d/", "/e/d/f", "/e/g"]
        assert await names(endpoint) == ([*inside, *moved] if verb == "copy" else moved)
        assert await get(endpoint, "/e/d/f") == (200, b"/c/d/f")

    @pytest.mark.parametrize("verb", ["move", "copy"])
    @pytest.mark.parametrize("overwrite", [True, False])
    @pytest.mark.parametrize(
        ("kind", "onto"),
        [(COLLECTION, COLLECTION), (COLLECTION, FILE), (FILE, COLLECTION)],
    )
    async def test_onto_what_is_there(
        self, endpoint: Endpoint, verb: str, overwrite: bool, kind: Kind, onto: Kind
    ):
        source = ["/a/", "/a/f"] if kind is COLLECTION else ["/a"]
        there = ["/b/", "/b/c/", "/b/c/g", "/b/h"] if onto is COLLECTION else ["/b"]
        await plant(endpoint, *source, *there)
        said = await self.transferred(endpoint, verb, "/a", "/b", kind, overwrite=overwrite)
        if self.refuses(verb, said):
            assert await names(endpoint) == [*source, *there]
        elif not overwrite:
            assert _status(said) == 412, said
            assert await names(endpoint) == [*source, *there]
        else:
            assert isinstance(said, Done), said
            replaced = ["/b/", "/b/f"] if kind is COLLECTION else ["/b"]
            assert await names(endpoint) == [*(source if verb == "copy" else []), *replaced]
            content = await get(endpoint, replaced[-1])
            assert content == (200, source[-1].encode())

    @pytest.mark.parametrize("verb", ["move", "copy"])
    @pytest.mark.parametrize("kind", list(Kind))
    async def test_what_is_not_there(self, endpoint: Endpoint, verb: str, kind: Kind):
        await plant(endpoint, "/f")
        for target in ("/g", "/f"):
            said = await self.transferred(endpoint, verb, "/absent", target, kind, overwrite=True)
            assert self.refuses(verb, said) or said == Absent(), said
        assert await names(endpoint) == ["/f"]
        assert await get(endpoint, "/f") == (200, b"/f")

    @pytest.mark.parametrize("verb", ["move", "copy"])
    async def test_to_where_there_is_no_collection(self, endpoint: Endpoint, verb: str):
        await plant(endpoint, "/f")
        said = await self.transferred(endpoint, verb, "/f", "/absent/g", FILE, overwrite=False)
        if self.refuses(verb, said):
            return
        if verb in self.changes.makes_parents_for:
            assert isinstance(said, Done)
            assert await get(endpoint, "/absent/g") == (200, b"/f")
        else:
            assert _status(said) == 409, said
            assert await names(endpoint) == ["/f"]

    @pytest.mark.parametrize("verb", ["move", "copy"])
    @pytest.mark.parametrize("target", ["/c", "/c/d", "/c/d/e"])
    async def test_into_itself(self, endpoint: Endpoint, verb: str, target: str):
        await plant(endpoint, "/c/", "/c/f")
        said = await self.transferred(endpoint, verb, "/c", target, COLLECTION, overwrite=True)
        assert _status(said) in (409, 501)
        assert await names(endpoint) == ["/c/", "/c/f"]

    # -- writing ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", SIZES)
    @pytest.mark.parametrize("known", [True, False])
    async def test_writing(self, endpoint: Endpoint, name: str, known: bool):
        content = bytes_for(name, SIZES[name])
        size_bytes = len(content) if known else None
        for created in (True, False):
            body = body_of(*pieces_of(content))
            said = await endpoint.write("/f", body, size_bytes=size_bytes, idle_s=IDLE_S)
            assert self.done("write", said, created=created), said
        assert await get(endpoint, "/f") == (200, content)
        said_of = await endpoint.stat("/f")
        assert isinstance(said_of, Found)
        assert said_of.entry.size_bytes == len(content)

    async def test_writing_over_another_content(self, endpoint: Endpoint):
        for content in (b"long before", b"short", b""):
            assert isinstance(await put(endpoint, "/f", content), Done)
            assert await get(endpoint, "/f") == (200, content)

    async def test_writing_over_a_collection(self, endpoint: Endpoint):
        await plant(endpoint, "/c/", "/c/f")
        assert _status(await put(endpoint, "/c", b"x")) in (405, 409)
        assert await names(endpoint) == ["/c/", "/c/f"]

    async def test_writing_where_there_is_no_collection(self, endpoint: Endpoint):
        said = await put(endpoint, "/absent/far/f", b"x")
        if "write" in self.changes.makes_parents_for:
            assert isinstance(said, Done)
            assert await get(endpoint, "/absent/far/f") == (200, b"x")
        else:
            assert _status(said) == 409, said
            assert await names(endpoint) == []

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("exists", [True, False])
    @pytest.mark.parametrize("pieces", [1, 4])
    async def test_a_body_that_breaks_off(
        self, endpoint: Endpoint, known: bool, exists: bool, pieces: int
    ):
        old, new = b"old content", bytes_for("broken", 200_000)
        if exists:
            assert isinstance(await put(endpoint, "/f", old), Done)
        body = body_of(*pieces_of(new)[:pieces], breaks=True)
        size_bytes = len(new) if known else None
        said = await endpoint.write("/f", body, size_bytes=size_bytes, idle_s=IDLE_S)
        assert isinstance(said, Unknown)
        left = await endpoint.stat("/f")
        if self.changes.keeps_broken:
            assert not isinstance(left, Found) or not known or left.entry.size_bytes != len(new)
        elif exists:
            assert await get(endpoint, "/f") == (200, old)
        else:
            assert left == Absent()

    # -- reading ----------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("wanted", "status", "part"),
        [
            ("bytes=0-0", 206, slice(0, 1)),
            ("bytes=10-19", 206, slice(10, 20)),
            ("bytes=99990-", 206, slice(99_990, None)),
            ("bytes=-5", 206, slice(-5, None)),
            ("bytes=99999-200000", 206, slice(99_999, None)),
            ("bytes=100000-", 416, slice(0, 0)),
        ],
    )
    async def test_a_range(self, endpoint: Endpoint, wanted: str, status: int, part: slice):
        content = bytes_for("ranges", 100_000)
        await put(endpoint, "/f", content)
        async with endpoint.open("/f", {"Range": wanted}, idle_s=IDLE_S) as opened:
            if wanted == "bytes=-5" and not self.changes.serves_suffixes:
                status, part = 200, slice(None)
            assert opened.status == status
            told = {name.lower(): value for name, value in opened.headers.items()}
            if status == 206:
                first = range(100_000)[part][0]
                last = range(100_000)[part][-1]
                assert told["content-range"] == f"bytes {first}-{last}/100000"
            if status != 416:
                assert b"".join([piece async for piece in opened.pieces]) == content[part]

    async def test_reading_what_is_not_there(self, endpoint: Endpoint):
        assert (await get(endpoint, "/absent"))[0] == 404

    async def test_checksums(self, endpoint: Endpoint):
        content = bytes_for("checksums", 70_000)
        await put(endpoint, "/f", content)
        expected = {
            "adler32": f"{zlib.adler32(content):08x}",
            "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        }
        said = await endpoint.digest("/f", ALGORITHMS)
        told = tuple(Digest(name, expected[name]) for name in sorted(self.changes.digests))
        assert said == Told(told)
        for name in self.changes.digests:
            assert await endpoint.digest("/f", (name,)) == Told((Digest(name, expected[name]),))
        assert await endpoint.digest("/absent", ALGORITHMS) == Absent()

    async def test_space(self, endpoint: Endpoint):
        space = await endpoint.space()
        assert (space is not None) is self.changes.tells_space
        if space is not None:
            assert space.free_bytes is not None
            assert space.free_bytes > 0
            assert space.used_bytes is not None
            assert space.used_bytes >= 0

    # -- names ------------------------------------------------------------------------------------

    async def test_odd_names_survive_every_verb(self, endpoint: Endpoint):
        """One name after the other: made, written, listed, read, moved, deleted; and no other name is touched."""
        await plant(
            endpoint, "/in/", "/in/question", "/in/looks encoded", "/in/plus sign", "/in/hash"
        )
        beside = await names(endpoint)
        wrong = {}
        for name in ODD_NAMES:
            problems = await self.problems_with(endpoint, f"/in/{name}", beside)
            if (problems != []) is (name not in self.changes.refused_names):
                wrong[name] = problems
        assert wrong == {}
        assert await names(endpoint) == beside

    async def problems_with(
        self, endpoint: Endpoint, path: str, beside: Sequence[str]
    ) -> list[object]:
        content = path.encode()
        other = f"/in/moved {name_of(path)}"[:230]
        said = await put(endpoint, path, content)
        if not isinstance(said, Done):
            return [said]
        listed = await names(endpoint)
        moves = name_of(path) not in self.changes.unmoved_names
        moved = [
            await endpoint.move(path, other, FILE, overwrite=False),
            await endpoint.move(other, path, FILE, overwrite=False) if moves else Conflict(409),
        ]
        read = await get(endpoint, path)
        done = [
            await endpoint.delete(path, FILE),
            await endpoint.make_collection(path),
            await put(endpoint, f"{path}/f", content),
        ]
        moved.append(await endpoint.move(path, other, COLLECTION, overwrite=False))
        done.append(await endpoint.delete(other if moves else path, COLLECTION))
        seen = (
            sorted([*beside, path]) if name_of(path) not in self.changes.unlisted_names else beside
        )
        return [
            *([] if sorted(listed) == sorted(seen) else [listed]),
            *([] if read == (200, content) else [read]),
            *(one for one in done if not isinstance(one, Done)),
            *(
                one
                for one in moved
                if isinstance(one, Done) is not moves or _status(one) != (None if moves else 409)
            ),
        ]


def _status(said: Outcome) -> int | None:
    return said.status if isinstance(said, Conflict) else None

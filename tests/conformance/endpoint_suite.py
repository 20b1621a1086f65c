"""What must every kind of endpoint do? The contract of ``ugrpy.endpoints.base``, sentence by sentence.

A subclass gives the fixture ``endpoint`` over the tree of ``corpus`` and, where the storage cannot tell something, says
so in ``expects``: facts about a storage are data, so that no test is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.conformance.corpus import COLLECTIONS, MANY, ODD_NAMES, SIZES, TREE
from ugrpy.core.urls import decode_path
from ugrpy.endpoints.base import Endpoint, Verb
from ugrpy.namespace.model import Absent, Entry, Found, Kind, Observation, Unknown
from ugrpy.namespace.paths import name_of


@dataclass(frozen=True, slots=True)
class Expectations:
    """Facts about one storage.

    ``not_found_names`` are odd names that the storage itself cannot be asked for, ``not_listed_names`` those that it
    lists under another name; the reason stands beside them. ``below_a_file`` is its answer for a name below a file.
    Without ``tells_collections`` it shows a page for one, which is a file to those who only see its head.
    """

    gives_mtime: bool = True
    lists: bool = True
    below_a_file: Observation = field(default_factory=Absent)
    not_found_names: frozenset[str] = frozenset()
    not_listed_names: frozenset[str] = frozenset()
    tells_collections: bool = True
    probe_status: int | None = 207
    probe_refused: bool = False
    connections_for_a_series: int = 1


class EndpointSuite:
    """Subclass it as ``Test...`` with an ``endpoint`` fixture."""

    expects = Expectations()

    def entry(self, path: str) -> Entry:
        """What the endpoint should say of a path, with the date of a collection left out."""
        node = TREE.files.get(path)
        if node is None:
            assert TREE.is_collection(path), f"{path} is not in the tree"
            return Entry(name_of(path), Kind.COLLECTION)
        mtime_s = node.mtime_s if self.expects.gives_mtime else None
        return Entry(name_of(path), Kind.FILE, len(node.content), mtime_s)

    def is_described(self, said: Observation, path: str) -> bool:
        """Whether the observation is the one expected of a name in the tree."""
        if not self.expects.tells_collections and TREE.is_collection(path) and path != "/":
            return isinstance(said, Found) and said.entry.name == name_of(path)
        return undated(said) == Found(self.entry(path))

    def children_of(self, path: str) -> dict[str, Entry]:
        """What a listing should hand over."""
        entries = [self.entry(child) for child in TREE.children(path)]
        unlisted = self.expects.not_listed_names
        return {entry.name: entry for entry in entries if entry.name not in unlisted}

    # -- stat -------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", SIZES)
    async def test_stat_of_a_file_tells_kind_size_and_date(self, endpoint: Endpoint, name: str):
        path = f"/sizes/{name}"
        assert await endpoint.stat(path) == Found(self.entry(path))

    @pytest.mark.parametrize("path", ["/", "/empty", "/nested", "/nested/a/b/c", "/many"])
    async def test_stat_of_a_collection(self, endpoint: Endpoint, path: str):
        assert self.is_described(await endpoint.stat(path), path)

    async def test_stat_of_odd_names(self, endpoint: Endpoint):
        wrong = {}
        for name in ODD_NAMES:
            path = f"/odd/{name}"
            known = name not in self.expects.not_found_names
            said = await endpoint.stat(path)
            if (said == Found(self.entry(path))) is not known:
                wrong[name] = said
        assert wrong == {}

    @pytest.mark.parametrize(
        "path",
        [
            "/absent",
            "/nested/absent",
            "/absent/far/below",
            "/odd/looks encoded",
            "/odd/looks/encoded",
            "/odd/plus sign",
            "/odd/question",
            "/odd/hash",
            "/sizes/ONE",
            "/empty/100% absent?#",
        ],
    )
    async def test_stat_of_an_absent_name(self, endpoint: Endpoint, path: str):
        assert await endpoint.stat(path) == Absent()

    @pytest.mark.parametrize("path", ["/top/below", "/sizes/none/below/far"])
    async def test_stat_below_a_file(self, endpoint: Endpoint, path: str):
        assert await endpoint.stat(path) == self.expects.below_a_file

    async def test_a_name_that_is_not_utf_8_is_asked_for_and_not_found(self, endpoint: Endpoint):
        assert isinstance(await endpoint.stat("/odd/caf\udce9"), Absent | Unknown)

    async def test_the_same_question_gets_the_same_answer(self, endpoint: Endpoint):
        for path in ("/top", "/nested", "/absent"):
            assert await endpoint.stat(path) == await endpoint.stat(path)

    # -- list -------------------------------------------------------------------------------------

    @pytest.mark.parametrize("path", [*COLLECTIONS, "/empty", "/nested/empty too", "/many"])
    async def test_a_listing_has_each_child_once_and_says_what_the_collection_is(
        self, endpoint: Endpoint, path: str
    ):
        said, children = await listing(endpoint, path)
        assert self.is_described(said, path), said
        expected = self.children_of(path) if self.expects.lists else {}
        unlisted = self.expects.not_listed_names
        seen = [child for child in children if child.name in expected or not unlisted]
        assert sorted(child.name for child in seen) == sorted(expected)
        assert {child.name: undated_entry(child) for child in seen} == expected

    async def test_children_come_in_pieces_that_stay_as_they_were(self, endpoint: Endpoint):
        pieces: list[Sequence[Entry]] = []
        copies: list[list[Entry]] = []

        def take(piece: Sequence[Entry]) -> None:
            pieces.append(piece)
            copies.append(list(piece))

        await endpoint.list("/many", take)
        assert [list(piece) for piece in pieces] == copies
        assert all(copies)
        assert sum(map(len, copies)) == (MANY if self.expects.lists else 0)

    async def test_collections_with_odd_names_can_be_listed(self, endpoint: Endpoint):
        wrong = {}
        for name in ODD_NAMES:
            if name in self.expects.not_found_names | self.expects.not_listed_names:
                continue
            path = f"/odd collections/{name}"
            said, children = await listing(endpoint, path)
            expected = [self.entry(f"{path}/inside")] if self.expects.lists else []
            if not self.is_described(said, path) or children != expected:
                wrong[name] = said, children
        assert wrong == {}

    @pytest.mark.parametrize("path", ["/top", "/sizes/none", "/nested/a/b/c/deep"])
    async def test_listing_a_file_hands_nothing_over_and_says_file(
        self, endpoint: Endpoint, path: str
    ):
        assert await listing(endpoint, path) == (Found(self.entry(path)), [])

    async def test_listing_a_file_after_a_collection_is_the_same(self, endpoint: Endpoint):
        await listing(endpoint, "/nested/a")
        assert await listing(endpoint, "/top") == (Found(self.entry("/top")), [])
        assert await endpoint.stat("/top") == Found(self.entry("/top"))

    @pytest.mark.parametrize("path", ["/absent", "/absent/far/below", "/odd/hash"])
    async def test_listing_an_absent_name(self, endpoint: Endpoint, path: str):
        await listing(endpoint, "/nested")
        assert await listing(endpoint, path) == (Absent(), [])

    async def test_listing_below_a_file(self, endpoint: Endpoint):
        assert await listing(endpoint, "/top/below") == (self.expects.below_a_file, [])

    # -- the rest ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("verb", list(Verb))
    async def test_urls_are_absolute_ascii_and_lead_back_to_the_path(
        self, endpoint: Endpoint, verb: Verb
    ):
        paths = ["/", "/nested/a", "/odd/caf\udce9", *(f"/odd/{name}" for name in ODD_NAMES)]
        for path in paths:
            url = endpoint.url(path, verb)
            assert url.isascii()
            assert url.startswith(endpoint.base_url + "/")
            assert not set(url) & set(' "<>#?\\^`{|}')
            assert decode_path(url.removeprefix(endpoint.base_url)) == path

    async def test_a_probe_sees_life(self, endpoint: Endpoint):
        probe = await endpoint.probe()
        assert probe.alive
        assert probe.status == self.expects.probe_status
        assert probe.refusing is self.expects.probe_refused
        assert 0 <= probe.latency_s < 60

    async def test_it_says_who_and_where_it_is(self, endpoint: Endpoint):
        assert endpoint.id == "conformance"
        assert not endpoint.base_url.endswith("/")
        assert "conformance" in repr(endpoint)
        assert endpoint.features.listable is self.expects.lists

    async def test_closing_without_having_asked(self, endpoint: Endpoint):
        await endpoint.close()


async def listing(endpoint: Endpoint, path: str) -> tuple[Observation, list[Entry]]:
    """What ``list`` returns, and all that it handed over."""
    children: list[Entry] = []
    return await endpoint.list(path, children.extend), children


def undated(said: Observation) -> Observation:
    """A collection's date is that of its last change on that server: any will do, if it is one."""
    return Found(undated_entry(said.entry)) if isinstance(said, Found) else said


def undated_entry(entry: Entry) -> Entry:
    """The entry without the date when it is a collection's."""
    if entry.kind is Kind.FILE:
        return entry
    assert entry.mtime_s is None or entry.mtime_s > 0
    return replace(entry, mtime_s=None)

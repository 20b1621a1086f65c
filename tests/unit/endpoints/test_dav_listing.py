"""Which of the resources is the collection, which are its children, and what is left out?"""

import pytest

from ugrpy.core.errors import Malformed
from ugrpy.endpoints.dav.listing import GROUP, ListingSorter, entry_of, expected_path
from ugrpy.namespace.model import Digest, Entry, Kind
from ugrpy.webdav.response import Resource

COLLECTION = Kind.COLLECTION


def dir_(path: str, status: int = 200) -> Resource:
    return Resource(path, True, COLLECTION, status=status)


def file(path: str, status: int = 200) -> Resource:
    return Resource(path, False, Kind.FILE, 1, 2, status)


def sort(expected: str, *resources: Resource) -> tuple[str | None, list[str]]:
    """(path of the collection, names handed over)."""
    entries: list[Entry] = []
    sorter = ListingSorter(expected, entries.extend)
    for resource in resources:
        sorter.add(resource)
    sorter.flush()
    itself = None if sorter.itself is None else sorter.itself.path
    return itself, [entry.name for entry in entries]


@pytest.mark.parametrize(
    ("expected", "resources", "itself", "names"),
    [
        pytest.param("/a", [dir_("/a"), file("/a/x"), dir_("/a/y")], "/a", ["x", "y"], id="first"),
        pytest.param("/a", [file("/a/x"), dir_("/a"), file("/a/y")], "/a", ["x", "y"], id="middle"),
        pytest.param("/a", [file("/a/x"), file("/a/y"), dir_("/a")], "/a", ["x", "y"], id="last"),
        pytest.param("/a", [dir_("/a")], "/a", [], id="empty"),
        pytest.param("/a", [file("/a")], "/a", [], id="a file"),
        pytest.param("/a", [], None, [], id="nothing at all"),
        pytest.param("/a", [file("/a/x")], None, ["x"], id="not itself"),
        pytest.param("/", [dir_("/"), file("/x"), dir_("/y")], "/", ["x", "y"], id="root"),
        pytest.param("/", [file("/x"), dir_("/")], "/", ["x"], id="root last"),
        pytest.param("/", [dir_("/"), file("/y/z")], "/", [], id="grandchild of the root"),
        pytest.param("/a", [dir_("/a"), dir_("/a/b"), file("/a/b/c")], "/a", ["b"], id="deeper"),
        pytest.param("/a", [file("/a/b/c"), dir_("/a"), file("/a/x")], "/a", ["x"], id="deep 1st"),
        pytest.param("/a", [dir_("/a"), file("/b/x"), file("/ab")], "/a", [], id="elsewhere"),
        pytest.param("/a", [file("/a/x"), file("/b"), dir_("/a")], "/a", ["x"], id="a stray one"),
        pytest.param("/a", [dir_("/a"), file("/a/x", 404)], "/a", [], id="vanished child"),
        pytest.param(
            "/a", [dir_("/own/a"), file("/own/a/x")], "/own/a", ["x"], id="a prefix of its own"
        ),
        pytest.param("/a", [file("/own/a")], "/own/a", [], id="a file below such a prefix"),
        pytest.param(
            "/a",
            [dir_("/own/a"), dir_("/own/a/b"), file("/own/a/b/c")],
            "/own/a",
            ["b"],
            id="grandchild below it",
        ),
    ],
)
def test_sorting(expected, resources, itself, names):
    assert sort(expected, *resources) == (itself, names)


@pytest.mark.parametrize(
    "resources",
    [
        [file("/own/a/x"), file("/own/a/y"), dir_("/own/a")],
        [file("/own/a/x"), dir_("/own/a")],
        [dir_("/own/a"), file("/other/a/x")],
        [dir_("/own/a"), dir_("/a"), file("/a/x")],
    ],
)
def test_a_prefix_that_does_not_hold_is_not_guessed_at(resources):
    with pytest.raises(Malformed, match=r"^PROPFIND: the listing mixes names") as caught:
        sort("/a", *resources)
    assert "does not lie in '/own/a" in caught.value.inside


def test_children_are_handed_on_in_groups_while_they_come():
    pieces: list[int] = []
    sorter = ListingSorter("/a", lambda piece: pieces.append(len(piece)))
    sorter.add(dir_("/a"))
    for number in range(GROUP * 2 + 1):
        assert len(pieces) == number // GROUP
        sorter.add(file(f"/a/{number}"))
    sorter.flush()
    sorter.flush()
    assert pieces == [GROUP, GROUP, 1]


@pytest.mark.parametrize(
    ("resource", "entry"),
    [
        (Resource("/a/x", False, Kind.FILE, 5, 7), Entry("x", Kind.FILE, 5, 7)),
        (Resource("/a/x", False, None, 5), Entry("x", Kind.FILE, 5)),
        (Resource("/a/x", True, None, 4096, 7), Entry("x", COLLECTION, None, 7)),
        (Resource("/a/x", False, COLLECTION, 4096), Entry("x", COLLECTION)),
        (Resource("/a/x", True, Kind.FILE, 5), Entry("x", Kind.FILE, 5)),
        (Resource("/", True, COLLECTION), Entry("", COLLECTION)),
        (
            Resource("/x", False, Kind.FILE, digests=(Digest("md5", "00"),)),
            Entry("x", Kind.FILE, digests=(Digest("md5", "00"),)),
        ),
    ],
)
def test_entries(resource, entry):
    assert entry_of(resource) == entry


@pytest.mark.parametrize(
    ("base_path", "path", "expected"),
    [
        ("", "/", "/"),
        ("", "/a", "/a"),
        ("/dav", "/", "/dav"),
        ("/dav", "/a/b", "/dav/a/b"),
    ],
)
def test_where_the_server_should_describe_it(base_path, path, expected):
    assert expected_path(base_path, path) == expected

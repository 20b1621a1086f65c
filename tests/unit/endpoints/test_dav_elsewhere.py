"""An answer about something else is not taken for the answer, wherever the server thinks its root is."""

import pytest

from ugrpy.core.errors import Malformed
from ugrpy.endpoints.dav.listing import ListingSorter, check_name
from ugrpy.namespace.model import Entry, Kind
from ugrpy.webdav.response import Resource


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/own/prefix/f", "f"),
        ("/F.root", "f.ROOT"),
        ("/cafe\u0301", "caf\u00e9"),
        ("/webdav", ""),
        ("/", ""),
        ("/\udcff", "\udcff"),
    ],
)
def test_the_same_name_elsewhere(path, name):
    check_name(path, name)


@pytest.mark.parametrize(("path", "name"), [("/c/g", "f"), ("/", "f"), ("/f/deeper", "f")])
def test_another_name(path, name):
    with pytest.raises(Malformed, match="the answer is about another path") as caught:
        check_name(path, name)
    assert repr(path) in caught.value.inside
    assert path not in str(caught.value) or path == "/"


def test_a_listing_of_another_collection_is_refused_before_any_child_is_believed():
    children: list[Entry] = []
    sorter = ListingSorter("/a", children.extend, "a")
    with pytest.raises(Malformed, match="about another path"):
        sorter.add(Resource("/elsewhere", True, Kind.COLLECTION))
    sorter.flush()
    assert children == []
    assert not sorter.quirks


def test_the_base_of_a_server_may_have_another_name():
    children: list[Entry] = []
    sorter = ListingSorter("/dav", children.extend)
    sorter.add(Resource("/webdav", True, Kind.COLLECTION))
    sorter.add(Resource("/webdav/x", False, Kind.FILE))
    sorter.flush()
    assert [child.name for child in children] == ["x"]

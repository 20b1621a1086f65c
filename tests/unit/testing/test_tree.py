"""The tree in memory and its JSON form."""

import pytest

from ugrpy.core.errors import ConfigError
from ugrpy.testing import FileNode, Tree, parse_tree
from ugrpy.testing.tree import MTIME_S, bytes_for


def test_collections_above_a_name_come_with_it():
    tree = Tree({"/a/b/f": b"hello", "/g": FileNode(b"x", 5)})
    assert tree.children("/") == ["/a", "/g"]
    assert tree.children("/a/b") == ["/a/b/f"]
    assert tree.is_collection("/a/b")
    assert not tree.is_collection("/a/b/f")
    assert tree.files["/a/b/f"] == FileNode(b"hello", MTIME_S)
    assert repr(tree) == "<Tree 2 files, 3 collections>"


def test_removal():
    tree = Tree({"/a/f": b"x"})
    with pytest.raises(AssertionError, match="not empty"):
        tree.remove("/a")
    tree.remove("/a/f")
    tree.remove("/a")
    assert tree.children("/") == []
    with pytest.raises(KeyError):
        tree.remove("/a")


def test_the_validator_follows_content_and_date():
    nodes = [FileNode(b"aa", 1), FileNode(b"ab", 1), FileNode(b"aa", 2)]
    assert len({node.etag for node in nodes}) == 3


def test_bytes_that_depend_on_the_path():
    assert len(bytes_for("/f", 1000)) == 1000
    assert bytes_for("/f", 10) == bytes_for("/f", 1000)[:10]
    assert bytes_for("/g", 10) != bytes_for("/f", 10)
    assert bytes_for("/f", 0) == b""


def test_json():
    tree = parse_tree(
        {
            "/t": "é",
            "/n": 3,
            "/s": {"size": 2, "mtime": 7},
            "/x": {"text": "y"},
            "/empty/": {},
        }
    )
    assert tree.files["/t"].content == "é".encode()
    assert len(tree.files["/n"].content) == 3
    assert (len(tree.files["/s"].content), tree.files["/s"].mtime_s) == (2, 7)
    assert tree.files["/x"] == FileNode(b"y", MTIME_S)
    assert tree.children("/empty") == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "paths for keys"),
        ({"/f": None}, "/f: expected a text, a size"),
        ({"/f": {"size": 1, "colour": "red"}}, "/f: unknown: colour"),
        ({"/f": {"size": 1, "mtime": "today"}}, "/f: mtime: expected whole seconds"),
        ({"/f": -1}, "/f: a size of -1"),
        ({"f": 1}, "f: not the path of a name below the root"),
    ],
)
def test_bad_json_names_the_path(data, message):
    with pytest.raises(ConfigError, match=message):
        parse_tree(data)

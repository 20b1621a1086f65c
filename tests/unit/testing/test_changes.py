"""What the storage element answers to changes, and what is there afterwards; without a socket."""

import pytest

from ugrpy.testing import FileNode, Tree
from ugrpy.testing.answers import Asked
from ugrpy.testing.changes import Disk, Upload, change, refusal_of_file
from ugrpy.testing.dialects import APACHE, GENERIC, NGINX, XROOTD, Dialect

HERE = "se.example:80"


def disk(dialect: Dialect = GENERIC, quota_bytes: int | None = None) -> Disk:
    tree = Tree({"/c/f": b"12345", "/c/sub/g": b"g", "/h": b"h"})
    tree.add_collection("/empty")
    return Disk(tree, dialect, HERE, quota_bytes)


def ask(on: Disk, method: str, path: str, body: bytes = b"", /, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = Asked(method, path.rstrip("/") or "/", f"http://{HERE}{path}", named, body)
    return change(asked, on).status


def names(on: Disk) -> set[str]:
    return {
        *on.tree.files,
        *(name for name in ("/c", "/empty", "/n", "/n/m") if on.tree.is_collection(name)),
    }


START = names(disk())


@pytest.mark.parametrize(
    ("dialect", "path", "status", "gone"),
    [
        (GENERIC, "/h", 204, {"/h"}),
        (GENERIC, "/c", 204, {"/c", "/c/f", "/c/sub/g"}),
        (GENERIC, "/none", 404, set()),
        (GENERIC, "/", 403, set()),
        (NGINX, "/c", 409, set()),
        (NGINX, "/c/", 204, {"/c", "/c/f", "/c/sub/g"}),
        (NGINX, "/h", 204, {"/h"}),
        (XROOTD, "/c", 500, set()),
        (XROOTD, "/empty", 200, {"/empty"}),
    ],
)
def test_deleting(dialect, path, status, gone):
    on = disk(dialect)
    assert ask(on, "DELETE", path) == status
    assert names(on) == START - gone


@pytest.mark.parametrize(
    ("dialect", "path", "status", "new"),
    [
        (GENERIC, "/n", 201, {"/n"}),
        (GENERIC, "/n/", 201, {"/n"}),
        (GENERIC, "/c", 405, set()),
        (GENERIC, "/h", 405, set()),
        (GENERIC, "/n/m", 409, set()),
        (GENERIC, "/h/n", 409, set()),
        (NGINX, "/n", 409, set()),
        (NGINX, "/n/", 201, {"/n"}),
        (NGINX, "/n/m/", 409, set()),
        (XROOTD, "/n/m", 201, {"/n", "/n/m"}),
        (XROOTD, "/c", 201, set()),
        (XROOTD, "/h", 405, set()),
    ],
)
def test_making_collections(dialect, path, status, new):
    on = disk(dialect)
    assert ask(on, "MKCOL", path) == status
    assert names(on) == START | new


def test_a_collection_has_no_body():
    assert ask(disk(), "MKCOL", "/n", b"<x/>") == 415


@pytest.mark.parametrize(
    ("path", "target", "status"),
    [
        ("/h", "/new", 201),
        ("/h", f"http://{HERE}/n%20ew", 201),
        ("/h", "/c/f", 204),
        ("/c", "/new", 201),
        ("/c", "/empty/", 204),
        ("/c/", "/h", 204),
        ("/none", "/new", 404),
        ("/h", "/no/parent", 409),
        ("/h", "/c/f/below", 409),
        ("/c", "/c", 403),
        ("/c", "/c/sub/x", 403),
        ("/c/f", "/c", 403),
        ("/h", "/", 403),
        ("/h", "http://other.example/h", 502),
        ("/h", "", 400),
        ("/h", "relative", 400),
        ("/h", "/a#b", 400),
    ],
)
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_moving_and_copying(method, path, target, status):
    on = disk()
    before = dict(on.tree.files)
    assert ask(on, method, path, Destination=target) == status
    if status >= 300:
        assert on.tree.files == before
        return
    new = "/n ew" if "ew" in target and "%20" in target else target.rstrip("/")
    source = path.rstrip("/")
    assert on.tree.exists(source) is (method == "COPY")
    below = {
        new + name.removeprefix(source): node
        for name, node in before.items()
        if name == source or name.startswith(source + "/")
    }
    assert {n: x for n, x in on.tree.files.items() if n == new or n.startswith(new + "/")} == below


def test_overwriting_is_refused_on_demand_and_depth_0_copies_the_collection_alone():
    on = disk()
    assert ask(on, "MOVE", "/h", Destination="/c/f", Overwrite="F") == 412
    assert names(on) == START
    assert ask(on, "MOVE", "/h", Destination="/k", Overwrite="F") == 201
    assert ask(on, "COPY", "/c", Destination="/n", Depth="0") == 201
    assert on.tree.children("/n") == []


def test_copies_need_room_and_parents_come_with_some_dialects():
    on = disk(quota_bytes=12)
    assert ask(on, "COPY", "/c", Destination="/n") == 507
    assert ask(on, "COPY", "/c/f", Destination="/k") == 201
    assert ask(on, "MOVE", "/c", Destination="/n") == 201
    assert ask(disk(NGINX), "MOVE", "/h", Destination="/no/parent") == 201
    assert ask(disk(APACHE), "MOVE", "/h", Destination="/no/parent") == 409


@pytest.mark.parametrize(
    ("dialect", "path", "headers", "size_bytes", "status"),
    [
        (GENERIC, "/n", {}, 0, None),
        (GENERIC, "/h", {}, 0, None),
        (GENERIC, "/c", {}, 0, 409),
        (GENERIC, "/", {}, 0, 409),
        (GENERIC, "/n/f", {}, 0, 409),
        (GENERIC, "/h/f", {}, 0, 409),
        (NGINX, "/n/f", {}, 0, None),
        (XROOTD, "/h/f", {}, 0, 409),
        (GENERIC, "/h", {"If-None-Match": "*"}, 0, 412),
        (GENERIC, "/n", {"If-None-Match": "*"}, 0, None),
        (GENERIC, "/n", {"If-Match": "*"}, 0, 412),
        (GENERIC, "/h", {"If-Match": f'"x", {FileNode(b"h").etag}'}, 0, None),
        (GENERIC, "/h", {"If-Match": '"x"'}, 0, 412),
        (GENERIC, "/h", {"If-None-Match": '"x"'}, 0, None),
        (XROOTD, "/h", {"If-None-Match": "*"}, 0, None),
        (GENERIC, "/n", {}, 14, 507),
        (GENERIC, "/n", {}, 13, None),
        (GENERIC, "/h", {}, 14, None),
    ],
)
def test_whether_a_file_can_be_written(dialect, path, headers, size_bytes, status):
    refused = refusal_of_file("PUT", path, headers, disk(dialect, 20), size_bytes)
    assert (refused.status if refused else None) == status


def test_a_file_appears_when_it_is_complete():
    on = disk()
    upload = Upload("/n", on, 77)
    assert upload.add(b"ab")
    assert "/n" not in on.tree.files
    assert upload.add(b"c")
    assert upload.finish().status == 201
    assert on.tree.files["/n"] == FileNode(b"abc", 77)
    again = Upload("/n", on, 78)
    assert again.finish().status == 204
    assert on.tree.files["/n"] == FileNode(b"", 78)


def test_a_file_grows_where_the_dialect_has_it():
    on = disk(XROOTD)
    upload = Upload("/h", on, 77)
    assert on.tree.files["/h"].content == b""
    upload.add(b"ab")
    assert on.tree.files["/h"].content == b"ab"
    upload.add(b"c")
    assert upload.finish().status == 200
    assert on.tree.files["/h"].content == b"abc"


def test_what_faults_make_of_a_file():
    on = disk(quota_bytes=20)
    upload = Upload("/n", on, 77)
    assert upload.add(b"abcd")
    assert not upload.add(b"x" * 20)
    assert upload.finish(lose_bytes=1, garbage=True).status == 201
    kept = on.tree.files["/n"].content
    assert len(kept) == 3
    assert kept != b"abc"

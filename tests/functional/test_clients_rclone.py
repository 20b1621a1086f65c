"""Does rclone see the federation as it sees any server, by WebDAV and by the links of the pages?

What its two kinds of remote make of single names is in ``test_clients_names.py``.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    HTTP_DATE,
    NAMES,
    ODD,
    ODD_NAMES,
    ROOT_FILE,
    SHARED,
    SHARED_BYTES,
    WIDE,
    odd_bytes,
    only,
    only_bytes,
    requests_to,
    wide_names,
)
from tests.peers.clients import Finished

pytestmark = pytest.mark.functional
grid = clients.grid
odd = clients.odd

Rclone = Callable[..., Finished]
REMOTES = ("webdav", "http")
DATA = {
    SHARED[6:]: SHARED_BYTES,
    EMPTY[6:]: b"",
    **{only(name)[6:]: only_bytes(name) for name in NAMES},
}


@pytest.fixture(params=REMOTES)
def remote(request: pytest.FixtureRequest) -> str:
    return f":{request.param}:"


@pytest.fixture
def run(grid, rclone) -> Rclone:
    """rclone with both remotes leading to the gateway, and the clock of the files."""
    env = {"RCLONE_WEBDAV_URL": grid.url, "RCLONE_HTTP_URL": grid.url, "TZ": "UTC"}
    return lambda *arguments: rclone(*arguments, "--retries=1", env=env)


def content_of(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.row("K20", "K21")
def test_lsl_tells_sizes_and_times(run, remote):
    lines = run("lsl", f"{remote}data").check().text.splitlines()
    told = {line.split()[-1]: line.split()[:-1] for line in lines}
    told.pop(ROOT_FILE[6:])
    assert told == {
        name: [str(len(data)), "2024-05-17", "10:00:00.000000000"] for name, data in DATA.items()
    }
    assert HTTP_DATE.startswith("Fri, 17 May 2024 10:00:00")


@pytest.mark.row("K20")
def test_lsf_marks_collections(run, remote):
    top = run("lsf", remote).check().text.split()
    assert sorted(top) == ["annex/", "data/", "hollow-on-one/", "hollow/", "nested/", *REST_OF_TOP]
    deep = run("lsf", "-R", f"{remote}nested").check().text.split()
    assert sorted(deep) == [
        *("one/", "one/two/", "one/two/three/"),
        *(f"one/two/three/{name}.txt" for name in sorted(NAMES)),
    ]
    assert run("lsf", f"{remote}hollow").check().text == ""


REST_OF_TOP = ["roots/", "wide/"]


@pytest.mark.row("K20", "K21")
def test_a_thousand_files_over_three_storages(grid, run, rclone):
    listed = json.loads(run("lsjson", f":webdav:{WIDE[1:]}").check().text)
    assert len(listed) == 1000
    assert {entry["Name"]: entry["Size"] for entry in listed} == wide_names()
    # the page has no exact sizes: rclone would send a thousand HEADs
    page = {"RCLONE_HTTP_URL": grid.at(f"{WIDE}/")}
    names = rclone("lsf", ":http:", "--http-no-head", env=page).check().text.split()
    assert sorted(names) == list(wide_names())


def test_a_copy_is_the_same_as_the_original(run, remote, tmp_path):
    copy = tmp_path / "copy"
    run("copy", f"{remote}data", str(copy), "--exclude", ROOT_FILE[6:]).check()
    assert content_of(copy) == DATA
    same = ("check", f"{remote}data", str(copy), "--exclude", ROOT_FILE[6:], "--combined", "-")
    assert sorted(run(*same, "--download").check().text.splitlines()) == [
        f"= {name}" for name in sorted(DATA)
    ]
    # a check that cannot fail shows nothing
    (copy / only("xrootd")[6:]).write_bytes(only_bytes("xrootd").swapcase())
    (copy / EMPTY[6:]).unlink()
    done = run(*same, "--download")
    assert done.code == 1
    differ = [line for line in sorted(done.text.splitlines()) if not line.startswith("=")]
    assert differ == [f"* {only('xrootd')[6:]}", f"+ {EMPTY[6:]}"]
    again = run("copy", f"{remote}data", str(copy), "--exclude", ROOT_FILE[6:], "--ignore-times")
    again.check()
    assert content_of(copy) == DATA


def test_cat_reads_whole_files_and_parts(run, remote):
    for name in NAMES:
        assert run("cat", f"{remote}{only(name)[1:]}").check().stdout == only_bytes(name)
    part = ("cat", "--offset", "1000000", "--count", "300", f"{remote}{SHARED[1:]}")
    assert run(*part).check().stdout == SHARED_BYTES[1_000_000:1_000_300]


@pytest.mark.row("K5")
def test_odd_names_are_copied_with_what_is_in_them(odd, run, remote, tmp_path):
    options = ("--local-encoding", "None", "--webdav-encoding", "None")
    run("copy", f"{remote}{ODD[1:]}", str(tmp_path / "copy"), *options).check()
    assert content_of(tmp_path / "copy") == {name: odd_bytes(name) for name in ODD_NAMES}
    for name in ("two words", "%41", "a#b", "a+b"):
        done = run("cat", f"{remote}{ODD[1:]}/{name}").check()
        assert done.stdout == odd_bytes(name)


@pytest.mark.row("K59")
def test_the_http_remote_takes_a_collection_for_one_and_a_file_for_one(grid, run):
    """It asks HEAD, without following: 200 would be a file, and each child is asked for its length."""
    with requests_to(grid.gateway) as seen:
        run("lsf", ":http:nested/one/two/three").check()
    assert seen[:2] == [
        ("HEAD", "/nested/one/two/three", 302),
        ("GET", "/nested/one/two/three/", 200),
    ]
    assert sorted(seen[2:]) == [
        ("HEAD", f"/nested/one/two/three/{name}.txt", 200) for name in sorted(NAMES)
    ]
    with requests_to(grid.gateway) as seen:
        assert run("lsf", f":http:{SHARED[1:]}").check().text == "shared.bin\n"
    assert seen[0] == ("HEAD", SHARED, 200)


def test_links_of_a_page_that_are_no_children_are_left_alone(grid, run):
    """Sort links, metalinks and the way up: none of them is listed, or followed."""
    with requests_to(grid.gateway) as seen:
        names = run("lsf", "-R", ":http:data").check().text.split()
    assert sorted(names) == sorted([*DATA, ROOT_FILE[6:]])
    assert not [path for _, path, _ in seen if "?" in path or not path.startswith("/data")]


def test_a_miss_is_told(run, remote, tmp_path):
    listing = run("lsf", f"{remote}not-there")
    assert listing.code == 3  # directory not found
    copy = run("copyto", f"{remote}data/not-there", str(tmp_path / "copy"))
    assert copy.code in (3, 4)
    assert not (tmp_path / "copy").exists()

"""What does cadaver make of the federation? It looks around, and does not follow to another host.

It ends with status 0 whatever happened, so what it prints is all there is to go by.
"""

import re
from collections.abc import Callable

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    HOLLOW,
    MISS,
    MOUNT,
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

pytestmark = pytest.mark.functional
grid = clients.grid
odd = clients.odd

Talk = Callable[..., str]
# "Coll:   name   0  Nov 22 21:46", or without the first word: a file
LINE = re.compile(r"(Coll:)? +(.+?) +(\d+)  [A-Z][a-z]{2} [ \d]\d +[\d:]+")


@pytest.fixture
def talk(grid, cadaver) -> Talk:
    """Give cadaver these commands; what it says, without its echo of them."""

    def answered(*commands: str, path: str = "/") -> str:
        lines = "".join(f"{command}\n" for command in (*commands, "quit")).encode()
        said = cadaver(grid.at(path), stdin=lines, timeout_s=60).check()
        assert said.errors == ""
        return "\n".join(line for line in said.text.splitlines() if not line.startswith("dav:"))

    return answered


def listed(text: str) -> dict[str, tuple[bool, int]]:
    """What an ``ls`` tells: name to whether it is a collection, and its size."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    return {match[2]: (bool(match[1]), int(match[3])) for match in found if match}


@pytest.mark.row("K15", "K20", "K24")
def test_it_finds_a_dav_server_and_lists_the_root(grid, talk):
    with requests_to(grid.gateway) as seen:
        said = talk("ls")
    assert said.startswith("Listing collection `/': succeeded.")
    assert listed(said) == {
        path.strip("/"): (True, 0)
        for path in ("/annex", "/data", HOLLOW, "/hollow-on-one", "/nested", "/roots", WIDE)
    }
    assert seen == [("OPTIONS", "/", 200), ("PROPFIND", "/", 207), ("PROPFIND", "/", 207)]


@pytest.mark.row("K20", "K21")
def test_it_lists_files_with_their_sizes(grid, talk):
    root_file = (grid.storages["nginx"].root / ROOT_FILE[1:]).stat().st_size
    assert listed(talk("ls data")) == {
        "shared.bin": (False, len(SHARED_BYTES)),
        "empty.dat": (False, 0),
        "dimuons.root": (False, root_file),
        **{f"only-{name}.txt": (False, len(only_bytes(name))) for name in NAMES},
    }
    assert "May 17  2024" in talk(f"ls {EMPTY.rpartition('/')[0]}")


@pytest.mark.row("K20")
def test_it_lists_a_thousand_files(talk):
    said = talk("ls", path=f"{WIDE}/")
    assert listed(said) == {name: (False, size) for name, size in wide_names().items()}


def test_it_walks_about(talk):
    said = talk("cd nested", "cd one/two", "pwd", "ls", "cd three", "ls", "cd ..", "pwd")
    assert re.findall(r"Current collection is `http://[^/]*([^']*)'", said) == [
        "/nested/one/two/",
        "/nested/one/two/",
    ]
    assert listed(said) == {
        "three": (True, 0),
        **{f"{name}.txt": (False, len(name)) for name in NAMES},
    }
    assert listed(talk("ls", path=f"{MOUNT}/")) == {"inside.txt": (False, 16)}


@pytest.mark.row("K4", "K25")
def test_it_is_told_of_misses_and_of_emptiness(talk):
    assert "collection is empty." in talk(f"ls {HOLLOW}")
    assert talk(f"ls {MISS}").splitlines()[:2] == [
        f"Listing collection `{MISS}/': failed:",
        "404 Not Found",
    ]
    assert "Could not access /not-there/" in talk("ls", path="/not-there/")


@pytest.mark.row("K26")
def test_it_reads_the_names_of_properties(talk):
    said = talk(f"propnames {SHARED}")
    told = set(re.findall(r"(DAV: \w+|LCGDM: \w+)$", said, re.MULTILINE))
    assert told >= {"DAV: getcontentlength", "DAV: getlastmodified", "DAV: resourcetype"}


@pytest.mark.row("K5")
def test_it_shows_odd_names_as_they_are(odd, talk):
    assert listed(talk("ls", path=f"{ODD}/")) == {
        name: (False, len(odd_bytes(name))) for name in ODD_NAMES
    }


def test_it_says_where_a_file_is_and_does_not_go_there(grid, talk, cadaver):
    said = talk(f"cat {only('apache')}", f"get {only('xrootd')} got")
    assert f"redirect to {grid.replica('apache', only('apache'))}" in said
    assert f"redirect to {grid.replica('xrootd', only('xrootd'))}" in said
    assert "held by" not in said
    assert (cadaver.home / "got").read_bytes() == b""  # its way of leaving off


def test_it_is_told_that_nothing_can_be_written(grid, talk, cadaver):
    (cadaver.home / "local").write_bytes(b"mine")
    commands = ("put local /data/up", "mkcol /new", f"delete {only('nginx')}", f"lock {SHARED}")
    said = talk(*commands)
    assert said.count("405 Method Not Allowed") == len(commands)
    assert (grid.storages["nginx"].root / only("nginx")[1:]).read_bytes() == only_bytes("nginx")

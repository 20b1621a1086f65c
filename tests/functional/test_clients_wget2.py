"""Does wget2 get what it is sent for, and does it always come to an end?

It waits for ever when a redirect says where a metalink is (``test_clients_tools.py`` has the plain downloads). Version
1.99.1 ends with 0 when a server breaks off in the middle, and gives nothing when a metalink tells no hash.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    MISS,
    NAMES,
    ODD,
    ODD_NAMES,
    SHARED,
    SHARED_BYTES,
    odd_bytes,
    only,
    only_bytes,
    requests_to,
)
from tests.peers.clients import Finished

pytestmark = pytest.mark.functional
grid = clients.grid
odd = clients.odd

END_S = 30.0  # it takes less than one; a hang is what we look for
PAGES = (
    "--filter-urls",
    "--reject-regex",
    "[?]",
)  # neither the sort links of a page nor its metalinks
Wget = Callable[..., Finished]


@pytest.fixture
def wget(wget2) -> Wget:
    """wget2, quiet, which must end."""

    def run(*arguments: str) -> Finished:
        done: Finished = wget2("-q", *arguments, timeout_s=END_S)
        assert not done.timed_out
        return done

    return run


def saved(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The files of these names that are anywhere below."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name in names]
    return {path.name: path.read_bytes() for path in found}


def test_it_ends_for_every_kind_of_answer(grid, wget, tmp_path):
    for path, code in {SHARED: 0, EMPTY: 0, "/data": 0, "/data/": 0, MISS: 8}.items():
        assert wget("-O", str(tmp_path / "out"), grid.at(path)).code == code, path


@pytest.mark.row("K3", "K4")
def test_spider_looks_without_taking(grid, wget):
    with requests_to(grid.gateway) as seen:
        assert wget("--spider", grid.at(only("apache"))).code == 0
        assert wget("--spider", grid.at("/data/")).code == 0
        assert wget("--spider", grid.at(MISS)).code == 8
    assert seen == [
        ("HEAD", only("apache"), 200),
        ("HEAD", "/data/", 200),
        ("HEAD", MISS, 404),
    ]


@pytest.mark.row("K8")
def test_it_continues_a_half_file(grid, wget, tmp_path):
    (tmp_path / "shared.bin").write_bytes(SHARED_BYTES[:1_000_000])
    assert wget("-c", grid.at(SHARED)).code == 0
    assert (tmp_path / "shared.bin").read_bytes() == SHARED_BYTES


@pytest.mark.row("K20", "K58")
def test_it_takes_a_tree_by_the_links_of_its_pages(grid, wget, tmp_path):
    tree = ("--accept-regex", "/nested/[^?]*$", "--filter-urls")
    assert wget("-r", "-l", "8", "-H", *tree, grid.at("/nested/")).code == 0
    names = [f"{name}.txt" for name in NAMES]
    assert saved(tmp_path, names) == {f"{name}.txt": name.encode() for name in NAMES}
    assert len(list(tmp_path.rglob("index.html"))) == 4


@pytest.mark.row("K5", "K58")
def test_it_takes_odd_names_by_the_links_of_their_page(odd, wget, tmp_path):
    assert wget("-r", "-l", "1", "-H", "--no-robots", *PAGES, odd.at(f"{ODD}/")).code == 0
    names = [name for name in ODD_NAMES if "?" not in name]  # those PAGES leaves out
    assert len(names) == len(ODD_NAMES) - 1
    assert saved(tmp_path, ODD_NAMES) == {name: odd_bytes(name) for name in names}


def test_it_does_not_leave_the_host_unless_told_to(grid, wget, tmp_path):
    """With ``-np`` it also takes another host for a parent: then not even ``-H`` brings the files."""
    for options in (("-np",), ("-np", "-H")):
        folder = tmp_path / "-".join(options)
        code = wget("-r", "-l", "2", *options, *PAGES, "-P", str(folder), grid.at("/data/")).code
        assert code == 0
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["index.html"]


@pytest.mark.row("K32", "K33")
@pytest.mark.parametrize(("version", "suffix"), [("4", "meta4"), ("3", "metalink")])
def test_a_metalink_needs_a_hash(grid, wget, version, suffix, tmp_path):
    url = f"{grid.at(SHARED)}?metalink={version}"
    assert wget(url).code == 0
    assert saved(tmp_path, ["shared.bin"]) == {}  # nobody told the gateway a hash
    document = grid.ask("GET", f"{SHARED}?metalink={version}").text
    digest = hashlib.sha256(SHARED_BYTES).hexdigest()
    told = f'<hash type="sha-256">{digest}</hash>'
    if version == "3":
        told = f"<verification>{told.replace('sha-256', 'sha256')}</verification>"
    (tmp_path / f"x.{suffix}").write_text(document.replace("<size>", f"{told}<size>"))
    wget("--force-metalink", "-i", f"x.{suffix}")
    assert saved(tmp_path, ["shared.bin"]) == {"shared.bin": SHARED_BYTES}


@pytest.mark.row("K37")
def test_many_files_at_once(grid, wget, tmp_path):
    urls = [grid.at(path) for path in (SHARED, EMPTY, *(only(name) for name in NAMES))]
    assert wget("--max-threads=5", *urls).code == 0
    names = [url.rpartition("/")[2] for url in urls]
    assert saved(tmp_path, names) == {
        "shared.bin": SHARED_BYTES,
        "empty.dat": b"",
        **{f"only-{name}.txt": only_bytes(name) for name in NAMES},
    }

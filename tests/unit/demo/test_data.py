"""The plan keeps its promises, and what is laid out is the plan."""

from pathlib import Path

import pytest

from ugrpy.demo.data import (
    MTIME_S,
    ODD,
    PLAN,
    ROOT_FILE,
    children_of,
    collections_of,
    content_of,
    lay_out,
    paths_on,
)
from ugrpy.demo.rootfile import EVENTS, masses_gev, mean_mass_gev
from ugrpy.demo.sites import GENEVA, SITES, TOKYO, VICTORIA


def laid(tmp_path: Path) -> Path:
    for site in SITES:
        (tmp_path / site.name).mkdir()
    lay_out(tmp_path)
    return tmp_path


def test_some_files_are_everywhere_some_in_two_places_some_in_one():
    holders = {len(row.holders) for row in PLAN}
    assert holders == {1, 2, 3}
    lonely = {row.holders[0] for row in PLAN if len(row.holders) == 1}
    assert lonely == set(SITES)


def test_no_path_is_planned_twice_and_none_is_a_collection_elsewhere():
    paths = [row.path for row in PLAN]
    assert len(set(paths)) == len(paths)
    assert not collections_of(paths) & set(paths)


def test_odd_names_hold_what_breaks_careless_software():
    names = "".join(children_of(ODD))
    for character in " %?#&;+=[]{}<>'\":~":
        assert character in names
    assert any(ord(character) > 0x2000 for character in names)
    assert "  " in names
    assert "%2F" in names


def test_collections_and_children():
    assert collections_of(["/a/b/c"]) == {"/", "/a", "/a/b"}
    assert children_of("/physics") == {"dimuons.root": False}
    assert children_of("/archive") == {"2024": True, "empty.dat": False}
    assert {name for name, inner in children_of("/").items() if inner} == {
        "archive",
        "conditions",
        "odd names",
        "physics",
        "runs",
    }


def test_contents_follow_from_the_path():
    assert content_of("/a.dat", 40) == content_of("/a.dat", 40)
    assert content_of("/a.dat", 40) != content_of("/b.dat", 40)
    assert content_of("/a.txt", 100).startswith(b"This is /a.txt")
    for row in PLAN:
        if row.size_bytes is not None:
            assert len(content_of(row.path, row.size_bytes)) == row.size_bytes


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_what_is_laid_out_is_the_plan(site, tmp_path):
    root = laid(tmp_path) / site.name
    files = {f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
    assert files == paths_on(site)
    for row in PLAN:
        if site in row.holders and row.size_bytes is not None:
            assert (root / row.path[1:]).read_bytes() == content_of(row.path, row.size_bytes)


def test_times_are_fixed_and_nothing_else_is_left(tmp_path):
    top = laid(tmp_path)
    assert {path.name for path in top.iterdir()} == {site.name for site in SITES}
    for site in SITES:
        assert {int(path.stat().st_mtime) for path in (top / site.name).rglob("*")} == {MTIME_S}


def test_the_root_file_is_one_file_with_a_known_mean(tmp_path):
    top = laid(tmp_path)
    copies = {(top / site.name / ROOT_FILE[1:]).read_bytes() for site in SITES}
    assert len(copies) == 1
    values = masses_gev()
    assert len(values) == EVENTS
    assert 91.0 < sum(values) / EVENTS < 91.4
    local = str(top / GENEVA.name / ROOT_FILE[1:])
    assert mean_mass_gev(local) == pytest.approx(sum(values) / EVENTS, rel=1e-12)


def test_sites_have_networks_of_their_own():
    assert {site.storage_address for site in SITES} == {"127.0.1.1", "127.0.2.1", "127.0.3.1"}
    assert [site.client_address for site in (VICTORIA, GENEVA, TOKYO)] == [
        "127.0.1.10",
        "127.0.2.10",
        "127.0.3.10",
    ]

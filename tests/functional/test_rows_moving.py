"""Collections made, names moved and copied inside the namespace (rows D75, D76, K46, K48)."""

import pytest

from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import wait_for_service
from tests.functional.helpers.storage import tree_of
from tests.functional.writable import NAMES, Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench
from ugrpy.testing import Faults, StorageElement, in_thread

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with Bench() as bench, site(bench, tmp_path_factory.mktemp("here"), fixed=True) as made:
        yield made


def to(here: Site, path: str, **more: str) -> dict[str, str]:
    return {"Destination": here.at(path), **more}


# -- MKCOL ----------------------------------------------------------------------------------------


@pytest.mark.row("D75", "K46")
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_collection_is_made_seen_and_nested(here: Site, slash):
    top = f"/d75{'-slash' if slash else ''}"
    assert here.ask("MKCOL", top + slash).status == 201
    assert here.ask("MKCOL", f"{top}/a{slash}").status == 201
    assert here.ask("MKCOL", f"{top}/a/b{slash}").status == 201
    assert names_in(here.at(f"{top}/")) == ["a/"]
    assert names_in(here.at(f"{top}/a/")) == ["b/"]
    assert f"{top[1:]}/" in names_in(here.at("/"))
    assert here.holders(f"{top}/a/b") == list(NAMES)


@pytest.mark.row("K46")
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_name_that_exists_is_refused(here: Site, slash):
    here.write("/k46/f", b"content", "apache")
    for path in ("/k46", "/k46/f", "/"):
        assert here.ask("MKCOL", path.rstrip("/") + slash if path != "/" else "/").status in (
            403,
            405,
        )
    assert here.file("apache", "/k46/f").read_bytes() == b"content"


def test_without_a_collection_above_none_is_made(here: Site):
    assert here.ask("MKCOL", "/no/parent").status == 409
    here.write("/file-above", b"content", "nginx")
    assert here.ask("MKCOL", "/file-above/c").status == 409
    assert here.holders("/no") == []


def test_content_of_an_unknown_kind_is_refused(here: Site):
    assert here.ask("MKCOL", "/with-body", body=b"<x/>").status == 415
    assert here.holders("/with-body") == []


def test_who_has_not_made_it_is_told(tmp_path):
    with (
        Bench() as bench,
        in_thread(StorageElement(tree_of(), writable=True)) as odd,
        site(bench, tmp_path, ("nginx",), others={"odd": odd.base_url}) as here,
    ):
        odd.faults_for["MKCOL"] = Faults(status=403)
        answer = here.ask("MKCOL", "/c")
        assert answer.status == 201
        assert "odd" in answer.headers["proxy-status"]
        assert "odd" in answer.text


# -- MOVE -----------------------------------------------------------------------------------------


@pytest.mark.row("D76", "K48")
@pytest.mark.parametrize("holders", [("nginx",), ("apache",), ("xrootd",), NAMES])
def test_a_file_is_moved_on_every_holder(here: Site, holders):
    old, new = f"/d76/{'-'.join(holders)}", f"/d76/new-{'-'.join(holders)}"
    here.write(old, b"content", *holders)
    assert here.read(old) == b"content"
    assert here.status(new) == 404
    answer = here.ask("MOVE", old, to(here, new))
    assert answer.status == 201
    assert answer.headers["location"] == new
    assert here.status(old) == 404
    assert here.holders(old) == []
    assert here.holders(new) == list(holders)
    for place in NAMES:
        assert here.read(new, near=place) == b"content"


@pytest.mark.row("K48")
@pytest.mark.parametrize("holders", [("nginx", "apache"), ("apache",), ("xrootd",)])
def test_a_collection_is_moved_with_all_in_it(here: Site, holders):
    old, new = f"/tree-{'-'.join(holders)}", f"/moved-{'-'.join(holders)}"
    for name in holders:
        here.write(f"{old}/a/{name}", name.encode(), name)
    assert here.ask("MOVE", old, to(here, new)).status == 201
    assert names_in(here.at(f"{new}/a/")) == sorted(holders)
    assert here.holders(old) == []
    assert here.ask("PROPFIND", old, {"Depth": "0"}).status == 404
    for name in holders:
        assert here.read(f"{new}/a/{name}") == name.encode()


@pytest.mark.row("K48")
def test_what_stood_at_the_new_name_is_replaced_everywhere_or_nothing_is_done(here: Site):
    here.write("/over/a", b"new", "nginx")
    here.write("/over/b", b"other", "nginx", "apache", "xrootd")
    assert here.ask("MOVE", "/over/a", to(here, "/over/b", Overwrite="F")).status == 412
    assert here.read("/over/b") == b"other"
    assert here.ask("MOVE", "/over/a", to(here, "/over/b")).status == 204
    assert here.holders("/over/b") == ["nginx"]
    assert {here.read("/over/b", near=place) for place in NAMES} == {b"new"}


@pytest.mark.parametrize(
    ("path", "target", "status"),
    [
        ("/refused/f", "/refused/f", 403),
        ("/refused", "/refused/below", 409),
        ("/refused/missing", "/refused/x", 404),
        ("/refused/f", "/no-parent/x", 409),
        ("/refused/fixed", "/refused/x", 403),
        ("/", "/x", 403),
        ("/refused/f", "/", 403),
    ],
)
def test_what_cannot_be_moved_whole_is_refused_and_left(here: Site, path, target, status):
    here.write("/refused/f", b"content", "nginx", "apache")
    here.write("/refused/fixed", b"content", "nginx", "fixed")
    for method in ("MOVE", "COPY") if status in (409, 404) or path == target else ("MOVE",):
        assert here.ask(method, path, to(here, target)).status == status, method
    assert here.holders("/refused/f") == ["nginx", "apache"]
    assert here.holders("/refused/fixed") == ["nginx", "fixed"]


@pytest.mark.parametrize("destination", ["http://elsewhere.example/f", "https://127.0.0.1/f"])
def test_nothing_is_moved_out_of_the_namespace(here: Site, destination):
    here.write("/out", b"content", "nginx")
    assert here.ask("MOVE", "/out", {"Destination": destination}).status == 502
    assert here.holders("/out") == ["nginx"]


@pytest.mark.parametrize("destination", ["", "nonsense", "http://[/f", "/a%zz", "/../../etc"])
def test_a_destination_that_is_none_is_told_as_such(here: Site, destination):
    here.write("/bad", b"content", "nginx")
    assert here.ask("MOVE", "/bad", {"Destination": destination}).status == 400


def test_a_move_that_one_storage_refuses_is_taken_back_on_the_others(tmp_path):
    with (
        Bench() as bench,
        in_thread(StorageElement(tree_of("/f"), writable=True)) as odd,
        site(bench, tmp_path, ("nginx",), others={"odd": odd.base_url}) as here,
    ):
        here.write("/f", b"0123456789", "nginx")
        odd.faults_for["MOVE"] = Faults(status=403)
        answer = here.ask("MOVE", "/f", to(here, "/g"))
        assert answer.status in (403, 409), answer
        assert here.holders("/f") == ["nginx"]
        assert here.holders("/g") == []
        assert here.status("/f") == 200
        assert here.status("/g") == 404


def test_a_move_waits_for_no_holder_that_is_away(tmp_path):
    health = {"probe_interval_s": 0.2, "eject_after": 1, "return_after": 1}
    with Bench() as bench, site(bench, tmp_path, ("nginx", "nginx2"), health=health) as here:
        here.write("/f", b"content", "nginx", "nginx2")
        assert (
            ask("GET", here.at("/f") + "?metalink=4").status == 200
        )  # then both are known to hold it
        here.storages["nginx2"].stop()
        wait_for_service(here.gateway, "nginx2", serving=False)
        answer = here.ask("MOVE", "/f", to(here, "/g"))
        assert answer.status == 503
        assert "nothing was moved" in answer.text
        assert here.holders("/f") == ["nginx", "nginx2"]


# -- COPY -----------------------------------------------------------------------------------------


@pytest.mark.row("D76", "K48")
@pytest.mark.parametrize("holders", [("nginx",), ("apache",), ("xrootd",), NAMES])
def test_a_file_is_copied_where_it_is_held(here: Site, holders):
    old, new = f"/copy/{'-'.join(holders)}", f"/copy/new-{'-'.join(holders)}"
    here.write(old, b"content", *holders)
    assert here.status(new) == 404
    assert here.ask("COPY", old, to(here, new)).status == 201
    assert here.holders(old) == list(holders)
    assert here.holders(new) == list(holders)
    assert {here.read(new, near=place) for place in NAMES} == {b"content"}
    assert here.ask("COPY", old, to(here, new, Overwrite="F")).status == 412
    assert here.ask("COPY", old, to(here, new)).status == 204


@pytest.mark.parametrize("holders", [("nginx", "apache"), ("xrootd",)])
def test_a_collection_is_copied_with_all_in_it_or_alone(here: Site, holders):
    old = f"/copied-{'-'.join(holders)}"
    for name in holders:
        here.write(f"{old}/a/{name}", name.encode(), name)
    assert here.ask("COPY", old, to(here, f"{old}-2")).status == 201
    assert names_in(here.at(f"{old}-2/a/")) == sorted(holders)
    assert here.ask("COPY", old, to(here, f"{old}-0", Depth="0")).status == 201
    assert names_in(here.at(f"{old}-0/")) == []
    assert here.ask("COPY", old, to(here, f"{old}-1", Depth="1")).status == 400


def test_a_copy_over_a_collection_leaves_nothing_of_it(here: Site):
    here.write("/into/from/new", b"new", "nginx")
    here.write("/into/to/old", b"old", "nginx", "apache")
    assert here.ask("COPY", "/into/from", to(here, "/into/to")).status == 204
    assert names_in(here.at("/into/to/")) == ["new"]

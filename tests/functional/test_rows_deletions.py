"""Deletions: on every storage, or told honestly (rows D69 to D74, K45)."""

import os
import signal
from pathlib import Path

import pytest

from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import Wire, request, until, wait_for_service
from tests.functional.writable import Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench
from ugrpy.testing import Faults, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

KINDS = ("nginx", "apache", "xrootd")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with Bench() as bench, site(bench, tmp_path_factory.mktemp("here"), fixed=True) as made:
        yield made


@pytest.mark.row("D69", "K45")
@pytest.mark.parametrize("holders", [KINDS, ("xrootd",), ("nginx", "apache")])
def test_a_file_goes_from_every_storage_and_is_gone_at_once(here: Site, holders):
    # in a collection of its own: a listing may be remembered, and files that appear behind our back are not in it
    folder = f"/d69-{'-'.join(holders)}"
    path = f"{folder}/f"
    here.write(path, b"content", *holders)
    assert here.status(path) == 200
    assert names_in(here.at(f"{folder}/")) == ["f"]
    assert here.ask("DELETE", path).status == 204
    assert here.holders(path) == []
    for place in KINDS:
        assert here.status(path, near=place) == 404
    assert here.ask("GET", path).status == 404
    assert names_in(here.at(f"{folder}/")) == []


@pytest.mark.row("D70", "K45")
def test_what_nobody_holds_is_404(here: Site):
    assert here.ask("DELETE", "/d70/nothing").status == 404
    assert here.ask("DELETE", "/d70/nothing/").status == 404


@pytest.mark.row("K45")
@pytest.mark.parametrize("path", ["/", "//"])
def test_the_root_is_refused(here: Site, path):
    answer = ask("DELETE", here.gateway.url + path)
    assert answer.status == 403
    assert all(server.root.exists() for server in here.storages.values())


def test_a_copy_that_takes_no_changes_stops_it_before_it_begins(here: Site):
    here.write("/fixed/f", b"content", "nginx", "fixed")
    answer = here.ask("DELETE", "/fixed/f")
    assert answer.status == 403
    assert "nothing was removed" in answer.text
    assert here.holders("/fixed/f") == ["nginx", "fixed"]


@pytest.mark.row("D74")
def test_a_collection_goes_from_every_storage_with_all_in_it(here: Site):
    for name in KINDS:
        here.write(f"/d74/{name}/deep/er/f", b"content", name)
        here.write("/d74/shared/f", b"content", name)
    assert here.status("/d74/nginx/deep/er/f") == 200
    assert names_in(here.at("/d74/")) == ["apache/", "nginx/", "shared/", "xrootd/"]
    assert here.ask("DELETE", "/d74/").status == 204
    assert here.holders("/d74") == []
    assert here.status("/d74/nginx/deep/er/f") == 404
    assert here.ask("PROPFIND", "/d74/", {"Depth": "1"}).status == 404


def test_part_of_a_collection_is_not_deleted(here: Site):
    here.write("/depth/f", b"content", "nginx")
    assert here.ask("DELETE", "/depth", {"Depth": "0"}).status == 400
    assert here.ask("DELETE", "/depth/f/").status == 404
    with Wire(here.gateway) as wire:
        wire.send(request("DELETE", "/depth/#f"))
        assert wire.receive().status == 400
    assert here.holders("/depth/f") == ["nginx"]


# -- storages that fail ---------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    """A real server and one that fails as it is told."""
    tree = Tree({"/f": b"content", "/refused": b"content"})
    with (
        Bench() as bench,
        in_thread(StorageElement(tree, writable=True)) as odd,
        site(
            bench,
            tmp_path,
            ("nginx",),
            others={"odd": odd.base_url},
            endpoint={"total_timeout_s": 1.0},
        ) as made,
    ):
        made.write("/f", b"content", "nginx")
        yield made, odd


@pytest.mark.row("D71")
@pytest.mark.parametrize(
    ("fault", "status"),
    [(Faults(status=500), 502), (Faults(status=403), 502), (Faults(hang=True), 504)],
)
def test_a_deletion_that_fails_on_one_storage_is_told_as_such(two, fault, status):
    here, odd = two
    odd.faults_for["DELETE"] = fault
    answer = here.ask("DELETE", "/f")
    assert answer.status == status
    assert "odd" in answer.headers["proxy-status"]
    assert not here.file("nginx", "/f").exists()
    assert here.status("/f") == 200, "the other copy is still there, and seen"
    odd.faults_for.clear()
    assert here.ask("DELETE", "/f").status == 204
    assert here.status("/f") == 404


@pytest.mark.row("D72")
def test_a_deletion_that_every_storage_refuses_is_403(two):
    here, odd = two
    odd.faults_for["DELETE"] = Faults(status=403)
    answer = here.ask("DELETE", "/refused")
    assert answer.status == 403
    assert here.status("/refused") == 200


# -- storages that are away -----------------------------------------------------------------------


@pytest.fixture
def away(tmp_path):
    """Two storages, of which the second is about to go away; both have been seen to hold the files."""
    health = {"probe_interval_s": 0.2, "eject_after": 1, "return_after": 1}
    with Bench() as bench, site(bench, tmp_path, ("nginx", "nginx2"), health=health) as made:
        for path in ("/same", "/changed", "/again"):
            made.write(path, b"content", "nginx", "nginx2")
            assert made.read(path) == b"content"
            assert ask("GET", made.at(path) + "?metalink=4").status == 200
        made.storages["nginx2"].stop()
        wait_for_service(made.gateway, "nginx2", serving=False)
        yield made


def come_back(here: Site) -> None:
    here.storages["nginx2"].start()
    wait_for_service(here.gateway, "nginx2", serving=True)


def test_a_deletion_reaches_a_storage_that_was_away_and_nobody_sees_the_name_meanwhile(away: Site):
    assert away.ask("DELETE", "/same").status == 204
    assert away.status("/same") == 404
    # not even a new process, which finds it written down
    away.gateway.process.kill()
    away.gateway.start()
    wait_for_service(away.gateway, "nginx2", serving=False)
    assert away.status("/same") == 404
    come_back(away)
    assert away.status("/same") == 404
    assert "same" not in names_in(away.at("/"))
    away.until_holders("/same")


def test_a_copy_that_has_changed_since_is_left_alone_and_shown(away: Site):
    assert away.ask("DELETE", "/changed").status == 204
    away.file("nginx2", "/changed").write_bytes(b"somebody's new work")
    come_back(away)
    until(lambda: away.status("/changed") == 200, "shown, since it is another file")
    assert away.read("/changed") == b"somebody's new work"
    until(lambda: "left alone" in away.gateway.log_text(), "reported")


def test_an_upload_calls_the_deletion_off_and_replaces_the_old_copy_by_the_new(away: Site):
    assert away.ask("DELETE", "/again").status == 204
    assert away.put("/again", b"new content") == "nginx"
    assert away.read("/again") == b"new content"
    come_back(away)
    away.until_holders("/again", "nginx")
    assert away.read("/again") == b"new content"


def test_what_only_a_storage_that_is_away_holds_cannot_be_deleted_now(away: Site):
    away.file("nginx", "/same").unlink()
    assert away.ask("DELETE", "/same").status == 503
    come_back(away)
    assert away.status("/same") == 200


@pytest.mark.row("D73")
def test_after_a_deletion_every_worker_says_404_at_once(tmp_path):
    with Bench() as bench, site(bench, tmp_path, ("nginx",), arguments=["--workers=4"]) as here:
        for number in range(20):
            path = f"/d73-{number}"
            here.write(path, b"content", "nginx")
            # fresh connections, so that all workers have it in their memory
            assert {here.status(path) for _ in range(30)} == {200}
            assert here.ask("DELETE", path).status == 204
            assert {here.status(path) for _ in range(30)} == {404}


def test_a_worker_that_does_not_confirm_is_replaced_and_never_answers_from_before(tmp_path):
    with Bench() as bench, site(bench, tmp_path, ("nginx",), arguments=["--workers=2"]) as here:
        here.write("/f", b"content", "nginx")
        assert {here.status("/f") for _ in range(30)} == {200}
        stuck = _workers(here)[0]
        os.kill(stuck, signal.SIGSTOP)
        # the kernel hands half of the connections to the one that is stopped: ask until the other has it
        until(lambda: _quick(here, "DELETE", "/f") in (204, 404), "deleted by the other worker")
        until(lambda: stuck not in _workers(here), "it was killed")
        until(lambda: len(_workers(here)) == 2, "and another one started")
        assert {here.status("/f") for _ in range(30)} == {404}
        assert "does not confirm" in here.gateway.log_text()


def _quick(here: Site, method: str, path: str) -> int:
    try:
        return ask(method, here.at(path), timeout_s=1).status
    except OSError:
        return 0


def _workers(here: Site) -> list[int]:
    parent = here.gateway.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in children.split()]

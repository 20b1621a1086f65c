"""Writing through the gateway: what is stored, what is answered, and what is left when a client or a storage leaves in the middle."""

import base64
import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import Wire, metric, request, until
from tests.functional.writable import CLIENTS, NAMES, Site, site
from tests.peers.bench import Bench
from ugrpy.testing import Faults, StorageElement, Tree, in_thread
from ugrpy.testing.tree import FileNode

pytestmark = pytest.mark.functional

BIG = bytes(range(251)) * 16_384
SMALL = BIG[:5000]
STREAMING = {"paths": ["/"], "idle_s": 1.0}


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("here")
    with Bench() as bench, site(bench, folder, streaming=STREAMING) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Unsteady:
    """A gateway before one storage element that does as it is told; ``near`` of two when there is another."""

    here: Site
    near: StorageElement
    far: StorageElement


@pytest.fixture(scope="module")
def unsteady(tmp_path_factory) -> Iterator[Unsteady]:
    with ExitStack() as stack:
        bench = stack.enter_context(Bench())
        near, far = (
            stack.enter_context(in_thread(StorageElement(Tree(), writable=True))) for _ in range(2)
        )
        here = stack.enter_context(
            site(
                bench,
                tmp_path_factory.mktemp("unsteady"),
                (),
                others={"nginx": near.base_url, "apache": far.base_url},
                streaming=STREAMING,
                endpoint={"first_byte_timeout_s": 1.0, "total_timeout_s": 2.0},
                health={"eject_after": 0, "probe_interval_s": 600.0},
            )
        )
        yield Unsteady(here, near, far)


def data_at(element: StorageElement, path: str) -> bytes | None:
    """What an element holds of a name."""
    node = element.tree.files.get(path)
    return None if node is None else node.content


# -- what is stored -----------------------------------------------------------------------------------


@pytest.mark.parametrize("near", NAMES)
@pytest.mark.parametrize("size", [0, 5, len(BIG)])
def test_a_new_file_is_201_and_everybody_sees_it_at_once(here: Site, near, size):
    path, data = f"/new-{near}-{size}/f", BIG[:size]
    assert here.status(path) == 404
    answer = here.ask("PUT", path, None, data, near=near)
    assert (answer.status, answer.body) == (201, b"")
    assert here.holders(path) == [near]
    assert here.file(near, path).read_bytes() == data
    read = here.ask("GET", path)
    assert (read.status, read.body) == (200, data)
    assert "f" in names_in(here.at(path.rpartition("/")[0] + "/"))


def test_a_file_that_is_replaced_is_204_and_no_old_copy_stays(here: Site):
    path = "/replaced"
    here.write(path, b"old", "apache", "xrootd")
    assert here.ask("PUT", path, None, BIG, near="apache").status == 204
    assert here.holders(path) == ["apache"]
    assert here.ask("GET", path, near="xrootd").body == BIG


def test_the_same_length_within_the_same_second_is_a_new_file_too(here: Site):
    for data in (b"one", b"two", b"six"):
        assert here.ask("PUT", "/again", None, data).status in (201, 204)
        assert here.ask("GET", "/again").body == data
    assert here.file("nginx", "/again").read_bytes() == b"six"


def test_a_client_that_asks_first_is_told_to_send_when_there_is_a_place(here: Site):
    head = request("PUT", "/expect", "Expect: 100-continue", "Content-Length: 5")
    with Wire(here.gateway) as wire:
        wire.send(head)
        assert wire.receive(head_only=True).status == 100
        wire.send(b"hello")
        assert wire.receive().status == 201
        # the connection goes on
        wire.send(head)
        assert wire.receive(head_only=True).status == 100
        wire.send(b"again")
        assert wire.receive().status == 204
    assert here.ask("GET", "/expect").body == b"again"


def test_a_client_that_asks_first_is_told_no_at_once(here: Site):
    here.write("/dir/f", b"x", "nginx")
    for path in ("/dir/", "/dir"):
        with Wire(here.gateway) as wire:
            wire.send(request("PUT", path, "Expect: 100-continue", "Content-Length: 5"))
            assert wire.receive().status == 405


# XRootD 5.5.3 loses its way in chunks, depending on where they are cut on the wire: 400 or a reset, now and then
CHUNKS_AT = ("nginx", "apache")


@pytest.mark.parametrize("near", CHUNKS_AT)
def test_content_in_chunks_is_stored_whole(here: Site, near):
    chunks = [BIG[:100_000], BIG[100_000:100_001], BIG[100_001:]]
    body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"
    path = f"/chunks-{near}"
    with socket.create_connection(
        (here.gateway.process.address, here.gateway.process.port),
        timeout=10,
        source_address=(CLIENTS[near], 0),
    ) as client:
        client.sendall(
            request("PUT", path, "Transfer-Encoding: chunked", "Connection: close") + body
        )
        answer = client.makefile("rb").read()
    assert answer.split()[1] == b"201", answer
    assert here.file(near, path).read_bytes() == BIG
    assert pending(here) == 0


def test_conditions_are_kept(here: Site):
    here.write("/kept", b"kept", "nginx")
    assert here.ask("PUT", "/kept", {"If-None-Match": "*"}, b"new").status == 412
    assert here.ask("PUT", "/kept-not", {"If-Match": "*"}, b"new").status == 412
    assert here.file("nginx", "/kept").read_bytes() == b"kept"
    assert here.holders("/kept-not") == []


@pytest.mark.parametrize(
    ("header", "status"), [("Content-Encoding: gzip", 415), ("Content-Range: bytes 0-1/5", 400)]
)
def test_what_cannot_be_stored_as_it_is_meant_is_refused(here: Site, header, status):
    with Wire(here.gateway) as wire:
        wire.send(request("PUT", "/coded", header, "Content-Length: 2") + b"xx")
        assert wire.receive().status == status
    assert here.holders("/coded") == []


def test_content_unlike_its_announced_checksum_is_not_kept(here: Site):
    """XRootD tells what it computed."""
    right = base64.b64encode(hashlib.md5(SMALL).digest()).decode()
    wrong = base64.b64encode(hashlib.md5(BIG).digest()).decode()
    sums = {"right": right, "wrong": wrong}
    answers = {
        name: here.ask("PUT", f"/sum-{name}", {"Digest": f"md5={value}"}, SMALL, near="xrootd")
        for name, value in sums.items()
    }
    assert {name: answer.status for name, answer in answers.items()} == {"right": 201, "wrong": 502}
    assert here.status("/sum-right") == 200
    assert here.status("/sum-wrong") == 404
    until(lambda: here.holders("/sum-wrong") == [], "it is taken away")


# -- what breaks off -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("near", "framing"),
    [
        *((near, f"Content-Length: {len(BIG)}") for near in NAMES),
        *((near, "Transfer-Encoding: chunked") for near in CHUNKS_AT),
    ],
)
def test_a_client_that_leaves_in_the_middle_leaves_nothing(here: Site, near, framing):
    path = f"/left-{near}-{framing[0]}"
    with socket.create_connection(
        (here.gateway.process.address, here.gateway.process.port),
        timeout=10,
        source_address=(CLIENTS[near], 0),
    ) as client:
        head = request("PUT", path, framing)
        client.sendall(head + (b"100000\r\n" if "chunked" in framing else b"") + BIG[:1_000_000])
        until(lambda: here.status(path) == 404 and pending(here) == 1, "the upload is under way")
    until(lambda: pending(here) == 0 and not here.holders(path), "nothing is left of it")
    assert here.status(path) == 404


def pending(here: Site) -> float:
    """How many names are being changed."""
    return metric(here.gateway, 'ugrpy_changes_pending{what="upload"}') + metric(
        here.gateway, 'ugrpy_changes_pending{what="removal"}'
    )


def test_a_client_that_leaves_while_it_replaces_leaves_the_old_file(here: Site):
    here.write("/stays", b"old", "nginx")
    here.write("/stays", b"old", "apache")
    with Wire(here.gateway) as wire:
        wire.send(request("PUT", "/stays", "Content-Length: 1000000") + b"x" * 1000)
        until(lambda: pending(here) == 1, "the upload is under way")
        assert here.ask("GET", "/stays").body == b"old"  # by the copy at the target
    until(lambda: here.status("/stays") == 200, "it is over")
    assert here.ask("GET", "/stays").body == b"old"


def test_content_that_stops_is_408(unsteady: Unsteady):
    with Wire(unsteady.here.gateway) as wire:
        wire.send(request("PUT", "/stops", "Content-Length: 10") + b"12345")
        assert wire.receive().status == 408
    assert unsteady.here.status("/stops") == 404
    assert data_at(unsteady.near, "/stops") is None


def test_content_that_is_no_chunks_is_400(unsteady: Unsteady):
    with Wire(unsteady.here.gateway) as wire:
        wire.send(
            request("PUT", "/nonsense", "Transfer-Encoding: chunked") + b"5\r\nhello\r\nxyz\r\n"
        )
        assert wire.receive().status == 400
    assert data_at(unsteady.near, "/nonsense") is None


# -- what the storage says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Faults(status=403), 403),
        (Faults(status=409), 409),
        (Faults(status=507), 507),
        (Faults(status=500), 502),
        (Faults(status=503), 503),
    ],
)
def test_a_refusal_reaches_the_client_with_its_meaning(unsteady: Unsteady, faults, status):
    path = f"/refused-{faults.status}"
    unsteady.near.faults_by["PUT", path] = faults
    answer = unsteady.here.ask("PUT", path, None, BIG)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert unsteady.near.base_url not in answer.text
    assert unsteady.here.status(path) == 404


@pytest.mark.parametrize(
    ("faults", "status"),
    [(Faults(take_bytes=100_000), {502, 503}), (Faults(hang=True), {504})],
)
def test_a_storage_that_dies_is_told_and_nothing_half_there_is_seen(
    unsteady: Unsteady, faults, status
):
    path = f"/dies-{min(status)}"
    unsteady.near.tree.add_file(path, FileNode(b"old", 1_700_000_000))
    unsteady.far.tree.add_file(path, FileNode(b"old", 1_700_000_000))
    unsteady.near.faults_by["PUT", path] = faults
    assert unsteady.here.ask("PUT", path, None, BIG).status in status
    assert unsteady.here.ask("GET", path).body == b"old"


def test_a_storage_that_never_says_so_has_it_all_the_same(unsteady: Unsteady):
    """It stored all of it and died before its answer: the client hears that it is not known, and then sees the file."""
    unsteady.near.faults_by["PUT", "/mute"] = Faults(hang_after=True)
    assert unsteady.here.ask("PUT", "/mute", None, BIG).status == 504
    assert data_at(unsteady.near, "/mute") == BIG
    assert unsteady.here.ask("GET", "/mute").body == BIG


def test_a_storage_that_loses_some_of_it_is_found_out(unsteady: Unsteady):
    unsteady.near.faults_by["PUT", "/lossy"] = Faults(lose_bytes=1000)
    assert unsteady.here.ask("PUT", "/lossy", None, BIG).status == 502
    assert unsteady.here.status("/lossy") == 404
    until(lambda: data_at(unsteady.near, "/lossy") is None, "the part is taken away")


# -- crashes --------------------------------------------------------------------------------------------


def test_what_was_under_way_when_the_gateway_died_is_cleared_up(tmp_path: Path):
    with Bench() as bench, site(bench, tmp_path, ("xrootd",), streaming=STREAMING) as made:
        with Wire(made.gateway) as wire:
            wire.send(request("PUT", "/cut", f"Content-Length: {len(BIG)}") + BIG[:2_000_000])
            until(lambda: made.holders("/cut") == ["xrootd"], "a part is there")
            made.gateway.process.kill()
        made.gateway.start()
        assert made.status("/cut") == 404
        until(lambda: made.holders("/cut") == [], "the part is taken away")


# -- many at once -----------------------------------------------------------------------------------------


def test_two_clients_that_write_the_same_name_leave_one_version(here: Site):
    bodies = {near: near[0].encode() * 3_000_000 for near in ("nginx", "apache")}
    statuses: list[int] = []

    def put(near: str) -> None:
        statuses.append(here.ask("PUT", "/both", None, bodies[near], near=near).status)

    threads = [threading.Thread(target=put, args=(near,)) for near in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 204, 409, 503}
    until(lambda: pending(here) == 0, "all is settled")
    read = {here.ask("GET", "/both", near=near).body for near in bodies}
    assert len(read) == 1
    assert read <= set(bodies.values())

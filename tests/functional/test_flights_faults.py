"""The flight recorder when things go wrong: a gateway that is killed under load, and a disk without room."""

import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.functional.helpers.asking import ask_from, metric, until
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.functional.test_full_disk import small_disk
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.recording.reading import Looked, Query, every, find

pytestmark = pytest.mark.functional

LOST = 'ugrpy_flights_lost_total{reason="disk"}'
WRITTEN = "ugrpy_flights_recorded_total"
ENOUGH = 200


@contextmanager
def recording(folder: Path, ring: Path, **more: object) -> Iterator[Gateway]:
    """A gateway over one storage, which records in ``ring``."""
    with ExitStack() as stack:
        running = stack.enter_context(elements({"a": tree_of("/f")}))
        tables = {name: {"url": one.base_url, **QUIET} for name, one in running.items()}
        text = configuration(tables, recording={"folder": str(ring), **more})
        yield stack.enter_context(GatewayStarter(folder))(config=text)


def ids_in(ring: Path) -> list[str]:
    """All decisions that can be read."""
    return [one.id for one in every(ring, Query(), Looked())]


def test_a_killed_gateway_leaves_all_but_its_last_moments(tmp_path):
    ring = tmp_path / "flights"
    with recording(tmp_path, ring) as gateway:
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                try:
                    ask("GET", f"{gateway.url}/f")
                except OSError:
                    return

        clients = [threading.Thread(target=load) for _ in range(2)]
        for client in clients:
            client.start()
        try:
            until(lambda: metric(gateway, WRITTEN) >= ENOUGH, "enough is written down")
            written = metric(gateway, WRITTEN)
            os.kill(gateway.process.pid, signal.SIGKILL)
        finally:
            stop.set()
            for client in clients:
                client.join()
        before = ids_in(ring)
        assert len(before) >= written
        # half a block, as a kernel that dies with its process would leave it
        (file,) = ring.glob("*.flights")
        whole = file.read_bytes()
        file.write_bytes(whole + whole[: len(whole) // 3])
        again = len(before) + len(before) // 3
        gateway.process.stop()
        gateway.start()
        assert ask("GET", f"{gateway.url}/f").status == 302
        until(lambda: bool(set(ids_in(ring)) - set(before)), "the next process writes on")
        # it never touches the file of the dead one, and what is torn is skipped and told
        assert file.read_bytes() == whole + whole[: len(whole) // 3]
        assert len(list(ring.glob("*.flights"))) == 2
        looked = find(ring, Query(), 2 * again).looked
        assert looked.damaged <= 1
        answer = ask("GET", f"{gateway.admin_url}/v1/flights?most=1000")
        assert json.loads(answer.body)["damaged"] == looked.damaged


def test_a_gateway_that_is_stopped_leaves_everything(tmp_path):
    ring = tmp_path / "flights"
    with recording(tmp_path, ring) as gateway:
        for _ in range(5):
            assert ask("GET", f"{gateway.url}/f").status == 302
        gateway.stop()
        assert len(ids_in(ring)) == 5


@pytest.fixture(params=["file system", "limit"])
def narrow(tmp_path, request):
    """A gateway whose ring may run out of room; as root both ways to run out are tried."""
    with ExitStack() as stack:
        mounted = request.param == "file system" and stack.enter_context(
            small_disk(tmp_path / "disk")
        )
        ring = tmp_path / "disk" / "flights"
        gateway = stack.enter_context(recording(tmp_path, ring))
        yield gateway, ring, mounted


@contextmanager
def no_room(gateway: Gateway, ring: Path, *, mounted: bool) -> Iterator[None]:
    """Nothing more can be written to the disk, or to any file of the gateway."""
    if mounted:
        filler = ring.parent / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        yield
        filler.unlink()
        return
    pid = gateway.process.pid
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_without_room_decisions_are_lost_and_counted_and_requests_answered(narrow):
    gateway, ring, mounted = narrow
    assert ask("GET", f"{gateway.url}/f").status == 302
    until(lambda: metric(gateway, WRITTEN) >= 1, "the first is written down")
    with no_room(gateway, ring, mounted=mounted):

        def lost() -> bool:
            # what is left of the last page of a full disk may still take some
            answers = [ask_from("127.0.0.7", "GET", f"{gateway.url}/f").status for _ in range(20)]
            assert answers == [302] * 20
            return metric(gateway, LOST) > 0

        until(lost, "they are counted as lost")
        # under the limit the log cannot be written either
        assert not mounted or "decisions are not recorded" in gateway.log_text()
    kept = set(ids_in(ring))
    until(
        lambda: ask("GET", f"{gateway.url}/f").status == 302 and bool(set(ids_in(ring)) - kept),
        "recorded again",
    )
    assert find(ring, Query(), 1).looked.damaged == 0

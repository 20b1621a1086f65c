"""The disk of the journal is full: changes are refused with 503, reads go on, and when there is room again, so do changes."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import until
from tests.functional.writable import Site, site
from tests.peers.bench import Bench
from tests.peers.programs import require

pytestmark = pytest.mark.functional

EXPECT = {"Expect": "100-continue", "Content-Length": "5"}
# enough for the journal itself and some changes
DISK_BYTES = 1024 * 1024


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Have a small file system of its own at ``folder``, if this user may mount one."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(["mount", *options], check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_room(here: Site, state: Path, *, mounted: bool) -> Iterator[None]:
    """Nothing more can be written to the journal's disk, or to files as large as the journal."""
    if mounted:
        filler = state / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        yield
        filler.unlink()
        return
    limit = (state / "journal.sqlite-wal").stat().st_size
    pid = here.gateway.process.pid
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture(params=["file system", "limit"])
def narrow(tmp_path, request):
    """A site whose journal may run out of room; as root both ways to run out are tried."""
    require("nginx")
    state = tmp_path / "state"
    with ExitStack() as stack:
        mounted = False
        if request.param == "file system" and os.geteuid() == 0:
            mounted = stack.enter_context(small_disk(state))
        bench = stack.enter_context(Bench())
        changes = {"state_dir": str(state)}
        here = stack.enter_context(site(bench, tmp_path, ("nginx", "nginx2"), changes=changes))
        yield here, state, mounted


def test_a_full_disk_stops_changes_and_nothing_else(narrow):
    here, state, mounted = narrow
    here.write("/d/old", b"old content", "nginx", "nginx2")
    for number in range(20):
        here.put(f"/d/{number}", b"hello")
    before = {
        name: sorted(p.name for p in here.file(name, "/d").iterdir())
        for name in ("nginx", "nginx2")
    }
    with no_room(here, state, mounted=mounted):
        for method, headers in (
            ("PUT", EXPECT),
            ("DELETE", {}),
            ("MOVE", {"Destination": here.at("/d/new")}),
            ("COPY", {"Destination": here.at("/d/new")}),
        ):
            answer = here.ask(method, "/d/old", headers)
            assert answer.status == 503, (method, answer)
            assert "retry-after" in answer.headers
        assert here.ask("PUT", "/d/new", EXPECT).status == 503
        assert here.read("/d/old") == b"old content"
        assert here.status("/d/new") == 404
        assert "old" in names_in(here.at("/d/"))
        after = {name: sorted(p.name for p in here.file(name, "/d").iterdir()) for name in before}
        assert after == before
    here.put("/d/new", b"hello")
    assert here.ask("DELETE", "/d/old").status == 204
    assert here.ask("MOVE", "/d/1", {"Destination": here.at("/d/moved")}).status in (201, 409)
    until(lambda: here.ask("DELETE", "/d/2").status == 204, "deleted")
    assert here.read("/d/new") == b"hello"
    assert here.status("/d/old") == 404

"""Is the fake that takes changes one that real clients and a real storage take for a storage element?

davix, gfal2 and XRootD write to it, and copy to it and from it as third parties; what it makes of failures reaches them.
"""

import hashlib
from collections.abc import Iterator

import pytest

from tests.peers.clients import Client
from tests.peers.server import PeerServer
from ugrpy.testing import CopyFault, Faults, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def source() -> Iterator[StorageElement]:
    with in_thread(StorageElement(Tree({"/f": CONTENT}), writable=True)) as element:
        yield element


@pytest.fixture
def target() -> Iterator[StorageElement]:
    listen = ("127.0.0.2", 0)
    with in_thread(StorageElement(listen=listen, writable=True, marker_s=0.5)) as element:
        yield element


def copy(davix: Client, mode: str, source: str, target: str) -> tuple[int, str]:
    done = davix("cp", "--copy-mode", mode, source, target)
    return done.code, done.errors


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_davix_has_it_copy(davix, source, target, mode):
    code, errors = copy(davix, mode, f"{source.base_url}/f", f"{target.base_url}/new")
    assert (code, errors) == (0, "")
    assert target.tree.files["/new"].content == CONTENT


@pytest.mark.parametrize("mode", ["pull", "push"])
def test_gfal2_has_it_copy(gfal, source, target, mode):
    gfal("copy", "--copy-mode", mode, f"{source.base_url}/f", f"{target.base_url}/new").check()
    assert target.tree.files["/new"].content == CONTENT
    asked = target if mode == "pull" else source
    assert asked.counts["COPY", "/new" if mode == "pull" else "/f"] == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (CopyFault.FAILS, "Transfer failure: as the test wishes"),
        (CopyFault.UNENDED, "Connection terminated abruptly"),
    ],
)
def test_davix_hears_of_failures(davix, source, target, fault, words):
    target.faults_for["COPY"] = Faults(copy=fault)
    code, errors = copy(davix, "pull", f"{source.base_url}/f", f"{target.base_url}/new")
    assert code != 0
    assert words in errors
    assert "/new" not in target.tree.files


def test_xrootd_copies_from_it_and_to_it(davix, source, target, xrootd_http):
    xrootd: PeerServer = xrootd_http
    xrootd.make_directory("changes")
    there = f"{xrootd.url}/changes/f"
    assert copy(davix, "pull", f"{source.base_url}/f", there) == (0, "")
    assert (xrootd.root / "changes" / "f").read_bytes() == CONTENT
    target.faults_by["PUT", "/name"] = Faults(status=307, location=f"{target.base_url}/pushed")
    assert copy(davix, "push", there, f"{target.base_url}/name") == (0, "")
    assert copy(davix, "pull", there, f"{target.base_url}/pulled") == (0, "")
    assert target.tree.files["/pushed"].content == CONTENT
    assert target.tree.files["/pulled"].content == CONTENT


def test_clients_write_to_it(davix, gfal, target, tmp_path):
    local = tmp_path / "local"
    local.write_bytes(CONTENT)
    base = target.base_url
    davix("put", str(local), f"{base}/a").check()
    gfal("mkdir", "-p", f"{base}/m/n").check()
    gfal("rename", f"{base}/a", f"{base}/m/n/b").check()
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert md5 in gfal("sum", f"{base}/m/n/b", "MD5").check().text
    assert target.tree.files["/m/n/b"].content == CONTENT
    gfal("rm", "-r", f"{base}/m").check()
    assert target.tree.files == {}
    assert not target.tree.is_collection("/m")

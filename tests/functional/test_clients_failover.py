"""What becomes of a download when the storage it comes from dies, before it began or in the middle of it?

The first replica is always on nginx, which is slow here, so that it can be stopped in the middle, or on a storage element
that resets the connection. Two gateways stand before the same storages. One never takes an endpoint out of
service, so that a client has to help itself: that is the state of any gateway in the seconds before it
notices. The other one probes all the time.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.functional.clients import (
    ADDRESSES,
    CLIENT_AT,
    MTIME_S,
    PLACES,
    ask_from,
    configuration,
    requests_to,
    write,
)
from tests.functional.helpers.asking import until
from tests.peers import clients as real
from tests.peers.bench import Bench
from tests.peers.clients import Client, Finished
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.testing import Faults, StorageElement, Tree, in_thread
from ugrpy.testing.tree import FileNode

pytestmark = pytest.mark.functional

BIG = bytes(range(251)) * (
    4 * 4178
)  # a bit over 4 MiB; 251 is prime, so no shifted copy of it is equal
NGINX_BYTES_PER_S = 256 * 1024  # a client is never done with it before we are
ON_TWO = "/two/big.bin"  # nginx, then Apache
BEFORE_XROOTD = "/three/big.bin"  # nginx, then XRootD
UNSTEADY = "/unsteady/big.bin"  # an element that resets the connection in the middle, then Apache
UNSTEADY_BEFORE_XROOTD = "/unsteady-three/big.bin"


@dataclass(frozen=True, slots=True)
class Site:
    """The storages and the gateways before them: one that never despairs of an endpoint, one that probes all the time."""

    storages: dict[str, PeerServer]
    unsteady: StorageElement
    steadfast: Gateway
    watchful: Gateway

    def first_of(self, gateway: Gateway, path: str) -> str:
        """Where that gateway sends a client for it."""
        return ask_from(CLIENT_AT["nginx"], "GET", gateway.url + path, {}).headers["location"]

    def leads_to(self, name: str, gateway: Gateway, path: str) -> bool:
        """Whether that gateway sends a client to that storage."""
        return self.first_of(gateway, path) == self.storages[name].url + path

    def gets(self, name: str, path: str) -> list[str]:
        """Statuses of the downloads of that file from a storage."""
        lines = [line.split() for line in self.storages[name].requests()]
        return [status for method, asked, status in lines if (method, asked) == ("GET", path)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("failover")
    unsteady = StorageElement(
        Tree({path: FileNode(BIG, MTIME_S) for path in (UNSTEADY, UNSTEADY_BEFORE_XROOTD)}),
        listen=(ADDRESSES["annex"], 0),
    )
    with Bench() as bench, in_thread(unsteady), GatewayStarter(folder) as start:
        storages = {
            "nginx": bench.nginx_dav(ADDRESSES["nginx"], bytes_per_s=NGINX_BYTES_PER_S),
            "apache": bench.apache_dav(ADDRESSES["apache"]),
            "xrootd": bench.xrootd_http(ADDRESSES["xrootd"]),
        }
        for path, holders in {
            ON_TWO: ("nginx", "apache"),
            BEFORE_XROOTD: ("nginx", "xrootd"),
            UNSTEADY: ("apache",),
            UNSTEADY_BEFORE_XROOTD: ("xrootd",),
        }.items():
            for name in holders:
                write(storages[name], path, BIG)
        more = f'[endpoints.unsteady]\nurl = "{unsteady.base_url}"\nlocation = {list(PLACES["annex"])}\n'
        text = configuration(storages) + more
        never = "[health]\neject_after = 0\nprobe_interval_s = 600.0\n"
        often = "[health]\nprobe_interval_s = 0.2\nreturn_after = 1\n"
        yield Site(storages, unsteady, start(config=never + text), start(config=often + text))


@pytest.fixture
def first(site: Site) -> Iterator[PeerServer]:
    """nginx, which the test may stop; both gateways use it and know what it holds."""
    for gateway in (site.steadfast, site.watchful):
        for path in (ON_TWO, BEFORE_XROOTD):
            until(partial(site.leads_to, "nginx", gateway, path), "nginx is used")
    yield site.storages["nginx"]
    site.storages["nginx"].stop()
    site.storages["nginx"].start()


def begun(folder: Path) -> bool:
    """Whether some of a download has arrived, and not all of it."""
    sizes = [path.stat().st_size for path in folder.rglob("big.bin") if path.is_file()]
    return any(0 < size < len(BIG) for size in sizes)


def stop_in_the_middle(first: PeerServer, client: Client, *arguments: str) -> Finished:
    """Run a client, and stop its storage as soon as some of the file is there."""
    ended: list[Finished] = []
    thread = threading.Thread(target=lambda: ended.append(client(*arguments, timeout_s=60)))
    thread.start()
    try:
        until(lambda: begun(client.home), "some of the file is there")
        first.stop()
    finally:
        thread.join()
    return ended[0]


@pytest.mark.row("D98", "K64")
def test_davix_reads_the_second_replica_when_the_first_is_dead(site, first, davix, tmp_path):
    url, copy = site.steadfast.url + ON_TWO, tmp_path / "copy"
    before = site.gets("apache", ON_TWO)
    first.stop()
    assert site.first_of(site.steadfast, ON_TWO) == first.url + ON_TWO
    with requests_to(site.steadfast) as seen:
        davix("get", url, str(copy), timeout_s=60).check()
    assert copy.read_bytes() == BIG
    # through the metalink and in no other way: it keeps being sent to the dead one until it asks what else there is
    assert set(seen[:-2]) == {("GET", ON_TWO, 302)}
    assert seen[-2:] == [("HEAD", ON_TWO, 200), ("GET", f"{ON_TWO}?metalink=4", 200)]
    assert site.gets("apache", ON_TWO) == [*before, "200"]
    without = davix("get", "--metalink", "no", url, str(tmp_path / "other"), timeout_s=60)
    assert without.code != 0
    assert not without.timed_out


@pytest.mark.row("K64")
@pytest.mark.peer("davix")
def test_davix_goes_on_from_the_second_replica_when_the_first_dies_in_the_middle(
    site, first, davix, tmp_path
):
    copy = tmp_path / "out" / "big.bin"
    copy.parent.mkdir()
    url = site.steadfast.url + ON_TWO
    before = site.gets("apache", ON_TWO)
    with requests_to(site.steadfast) as seen:
        stop_in_the_middle(first, davix, "get", url, str(copy)).check()
    assert copy.read_bytes() == BIG
    assert seen[-2:] == [("HEAD", ON_TWO, 200), ("GET", f"{ON_TWO}?metalink=4", 200)]
    # the rest alone: it knows how far it had come
    assert site.gets("apache", ON_TWO) == [*before, "206"]


@pytest.mark.peer("davix")
def test_davix_believes_xrootd_that_the_rest_is_empty(site, first, davix, tmp_path):
    """XRootD 5.5.3 answers a range without an end by 206 and no byte, and davix takes that for the rest of the file.

    Nobody between them can see it. When this fails one of the two has learnt it.
    """
    copy = tmp_path / "out" / "big.bin"
    copy.parent.mkdir()
    done = stop_in_the_middle(first, davix, "get", site.steadfast.url + BEFORE_XROOTD, str(copy))
    assert done.code == 0
    assert 0 < copy.stat().st_size < len(BIG)
    assert BIG.startswith(copy.read_bytes())


@pytest.mark.peer("aria2")
def test_aria2_takes_from_the_others_what_the_first_did_not_finish(site, first, aria2, tmp_path):
    url = f"{site.steadfast.url}{ON_TWO}?metalink=4"
    options = (
        "-q",
        "--file-allocation=none",
        "--disk-cache=0",
        "--max-tries=2",
        "-d",
        str(tmp_path / "out"),
    )
    before = site.gets("apache", ON_TWO)
    stop_in_the_middle(first, aria2, *options, url).check()
    assert (tmp_path / "out" / "big.bin").read_bytes() == BIG
    assert len(site.gets("apache", ON_TWO)) > len(before)


def test_aria2_leaves_out_a_dead_replica(site, first, aria2, tmp_path):
    first.stop()
    options = ("-q", "--max-tries=2", "-d", str(tmp_path / "out"))
    aria2(*options, f"{site.steadfast.url}{ON_TWO}?metalink=4", timeout_s=60).check()
    assert (tmp_path / "out" / "big.bin").read_bytes() == BIG


@contextmanager
def resetting(site: Site, path: str, cut_bytes: int) -> Iterator[None]:
    """The element resets each download of that file after so many bytes; it must have been tried."""
    assert site.first_of(site.steadfast, path) == site.unsteady.base_url + path
    site.unsteady.counts.clear()
    site.unsteady.faults_at[path] = Faults(reset_after_bytes=cut_bytes)
    try:
        yield
    finally:
        del site.unsteady.faults_at[path]
    assert site.unsteady.counts["GET", path] >= 1


SELF_HELP = ("davix", "gfal2", "xrootd-client", "aria2")


def download(client: str, url: str, copy: Path) -> Finished:
    """To ``copy`` with the clients that look for other replicas by themselves; gfal2 has to be told to."""
    clients: dict[str, tuple[Callable[[Path], Client], Sequence[str]]] = {
        "davix": (real.davix, ("get", url, str(copy))),
        "gfal2": (
            real.gfal,
            ("copy", "-f", "-D", "HTTP PLUGIN:METALINK=true", url, f"file://{copy}"),
        ),
        "xrootd-client": (real.xrd, ("cp", "--nopbar", url, str(copy))),
        "aria2": (
            real.aria2,
            ("-q", "--max-tries=2", "-d", str(copy.parent), f"{url}?metalink=4"),
        ),
    }
    make, arguments = clients[client]
    return make(copy.parent)(*arguments, timeout_s=60)


@pytest.mark.row("K64")
@pytest.mark.parametrize("client", SELF_HELP)
@pytest.mark.parametrize("cut_bytes", [-1, 0, 1_000_000])
def test_a_replica_that_resets_the_connection_does_not_spoil_the_copy(
    site, client, cut_bytes, tmp_path
):
    """Before the head, after it, and in the middle of the body; each time anew, as broken disks do."""
    with resetting(site, UNSTEADY, cut_bytes):
        download(client, site.steadfast.url + UNSTEADY, tmp_path / "big.bin").check()
    assert (tmp_path / "big.bin").read_bytes() == BIG


@pytest.mark.parametrize("client", ["gfal2", "xrootd-client"])
def test_who_does_not_ask_for_an_open_end_is_well_served_by_xrootd(site, client, tmp_path):
    with resetting(site, UNSTEADY_BEFORE_XROOTD, 1_000_000):
        url = site.steadfast.url + UNSTEADY_BEFORE_XROOTD
        download(client, url, tmp_path / "big.bin").check()
    assert (tmp_path / "big.bin").read_bytes() == BIG


def test_who_looks_for_no_other_replica_fails_or_does_not_see_it(site, curl, wget2, tmp_path):
    url = site.steadfast.url + UNSTEADY
    with resetting(site, UNSTEADY, 1_000_000):
        assert curl("-sSL", "-o", "curl", url).code in (18, 56)  # a short transfer, a reset
        done = wget2("-q", "-O", "wget2", url)
    assert (done.code, done.timed_out) == (0, False)  # version 1.99.1 takes it for the end
    assert len((tmp_path / "curl").read_bytes()) < len(BIG)
    assert len((tmp_path / "wget2").read_bytes()) < len(BIG)


def test_gfal2_fails_honestly_as_long_as_nobody_told_it_of_other_replicas(
    site, first, gfal, tmp_path
):
    first.stop()
    copy = f"file://{tmp_path}/copy"
    done = gfal("copy", site.steadfast.url + ON_TWO, copy, timeout_s=60)
    assert done.code == 112  # EHOSTDOWN
    assert "Could not connect to server" in done.errors


def test_every_client_reads_again_once_the_gateway_has_noticed(
    site, first, curl, davix, gfal, xrd, wget2, rclone, tmp_path
):
    url = site.watchful.url + ON_TWO
    first.stop()
    until(partial(site.leads_to, "apache", site.watchful, ON_TWO), "it has been noticed")
    env = {"RCLONE_WEBDAV_URL": site.watchful.url}
    curl("-sSL", "-o", "curl", url).check()
    davix("get", "--metalink", "no", url, "davix").check()
    gfal("copy", url, f"file://{tmp_path}/gfal").check()
    xrd("cp", "--nopbar", url, "xrd").check()
    wget2("-q", "-O", "wget2", url).check()
    rclone("copyto", f":webdav:{ON_TWO[1:]}", "rclone", env=env).check()
    for name in ("curl", "davix", "gfal", "xrd", "wget2", "rclone"):
        assert (tmp_path / name).read_bytes() == BIG, name


@pytest.mark.peer("curl")
def test_curl_resumes_elsewhere_when_told_to_try_again(site, first, curl, tmp_path):
    (tmp_path / "out").mkdir()
    copy = tmp_path / "out" / "big.bin"
    url = site.watchful.url + ON_TWO
    again = ("--retry", "30", "--retry-delay", "1", "--retry-all-errors", "-C", "-")
    stop_in_the_middle(first, curl, "-sSL", *again, "-o", str(copy), url).check()
    assert copy.read_bytes() == BIG

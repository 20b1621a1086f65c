"""Do the tools people use bring the right bytes home, wherever the replica is, and say so when there is none?"""

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    MISS,
    NAMES,
    ROOT_FILE,
    SHARED,
    SHARED_BYTES,
    only,
    only_bytes,
    root_file_on,
)
from tests.peers.clients import read_root_branch
from ugrpy.demo.rootfile import TREE, masses_gev

pytestmark = pytest.mark.functional
grid = clients.grid

FILES = {SHARED: SHARED_BYTES, EMPTY: b"", **{only(name): only_bytes(name) for name in NAMES}}
# Each client has one mode in which it gives up slowly; none of these may come near it.
QUICK_S = 20.0


@pytest.mark.row("K1")
@pytest.mark.parametrize("path", FILES)
def test_curl_follows(grid, curl, path):
    written = "%{http_code} %{num_redirects} %{url_effective}"
    done = curl("-sSL", "--path-as-is", "-o", "copy", "-w", written, grid.at(path)).check()
    status, redirects, effective = done.text.split()
    assert (status, redirects) == ("200", "1")
    assert effective in [grid.replica(name, path) for name in NAMES]
    assert (curl.home / "copy").read_bytes() == FILES[path]


@pytest.mark.row("K3")
@pytest.mark.parametrize("path", FILES)
def test_curl_reads_the_head(grid, curl, path):
    head = curl("-sSIL", grid.at(path)).check().text.lower()
    assert head.startswith("http/1.1 200 ")
    assert f"content-length: {len(FILES[path])}\r\n" in head
    assert head.count("http/1.1") == 1


@pytest.mark.row("K4")
def test_curl_is_told_of_a_miss_and_of_nonsense(grid, curl):
    written = ("-sS", "-o", "page", "-w", "%{http_code}", "--path-as-is")
    assert curl(*written, grid.at(MISS)).text == "404"
    assert curl(*written, "-I", grid.at(MISS)).text == "404"
    assert curl(*written, "-X", "PROPFIND", "-H", "Depth: 0", grid.at(MISS)).text == "404"
    assert curl("-sSfL", grid.at(MISS)).code == 22
    assert curl(*written, f"{grid.url}/data/../../etc/passwd").text == "400"


@pytest.mark.row("K1")
@pytest.mark.parametrize("path", FILES)
def test_davix_gets(grid, davix, path, tmp_path):
    davix("get", grid.at(path), str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == FILES[path]


def test_davix_http_sends_a_method_as_it_is(grid, davix):
    assert davix("http", "-X", "HEAD", grid.at(SHARED)).check().stdout == b""
    assert davix("http", "-X", "GET", grid.at(only("apache"))).check().stdout == only_bytes(
        "apache"
    )
    listing = davix("http", "-X", "PROPFIND", "-H", "Depth: 1", grid.at("/data/")).check().text
    assert f"<D:href>{only('xrootd')}</D:href>" in listing
    assert "405" in davix("http", "-X", "LOCK", grid.at(SHARED)).errors


@pytest.mark.row("K4")
def test_davix_reports_a_miss(grid, davix, tmp_path):
    for command in (("get", grid.at(MISS), str(tmp_path / "copy")), ("ls", grid.at(MISS))):
        done = davix(*command, timeout_s=QUICK_S)
        assert not done.timed_out
        assert done.code != 0
        assert "404" in done.errors
        assert done.stdout == b""


def test_davix_gets_a_tree(grid, davix, tmp_path):
    url = grid.at("/nested/one/").replace("http://", "dav://")  # with http:// it fetches the page
    davix("get", "-r", "2", url, f"{tmp_path}/").check()
    copied = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.txt")}
    assert copied == {f"two/three/{name}.txt": name for name in NAMES}


@pytest.mark.row("K1")
@pytest.mark.parametrize("path", [SHARED, only("apache"), only("xrootd")])
def test_gfal_copies(grid, gfal, path, tmp_path):
    gfal("copy", grid.at(path), f"file://{tmp_path}/copy").check()
    assert (tmp_path / "copy").read_bytes() == FILES[path]


@pytest.mark.parametrize("path", [EMPTY, only("nginx"), only("xrootd")])
def test_gfal_cats(grid, gfal, path):
    assert gfal("cat", grid.at(path)).check().stdout == FILES[path]


@pytest.mark.row("K4")
def test_gfal_finds_nothing_where_nothing_is(grid, gfal, tmp_path):
    assert gfal("stat", grid.at(MISS), timeout_s=QUICK_S).code == 2
    done = gfal("copy", grid.at(MISS), f"file://{tmp_path}/copy", timeout_s=QUICK_S)
    assert done.code == 2
    assert not (tmp_path / "copy").exists()


@pytest.mark.row("K1")
@pytest.mark.parametrize("path", FILES)
def test_xrdcp_copies(grid, xrd, path, tmp_path):
    xrd("cp", "--nopbar", grid.at(path), str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == FILES[path]


@pytest.mark.row("K3")
@pytest.mark.parametrize("path", FILES)
def test_xrdfs_stats(grid, xrd, path):
    told = dict(
        line.split(":", 1)
        for line in xrd("fs", grid.url, "stat", path).check().text.splitlines()
        if ":" in line
    )
    assert (told["Path"].strip(), int(told["Size"])) == (path, len(FILES[path]))


@pytest.mark.row("K4")
def test_xrootd_clients_report_a_miss(grid, xrd, tmp_path):
    stat = xrd("fs", grid.url, "stat", MISS, timeout_s=QUICK_S)
    assert stat.code == 54  # kXR_NotFound, 3011
    assert "[3011]" in stat.errors
    copy = xrd("cp", "--nopbar", grid.at(MISS), str(tmp_path / "copy"), timeout_s=QUICK_S)
    assert copy.code == 54
    assert "404" in copy.errors


@pytest.mark.row("K16")
def test_xrdcp_may_add_its_query(grid, xrd, tmp_path):
    url = f"{grid.at(only('apache'))}?oss.asize=420&authz=x"
    xrd("cp", "--nopbar", url, str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == only_bytes("apache")


@pytest.mark.row("K1")
@pytest.mark.parametrize("path", FILES)
def test_wget2_ends(grid, wget2, path, tmp_path):
    """It waits for ever when the redirect says where a metalink is."""
    done = wget2("-q", "-O", str(tmp_path / "copy"), grid.at(path), timeout_s=QUICK_S).check()
    assert not done.timed_out
    assert (tmp_path / "copy").read_bytes() == FILES[path]


@pytest.mark.row("K4")
def test_wget2_looks_and_misses(grid, wget2):
    wget2("-q", "--spider", grid.at(SHARED), timeout_s=QUICK_S).check()
    miss = wget2("-q", "-O", "miss", grid.at(MISS), timeout_s=QUICK_S)
    assert miss.code == 8
    assert not miss.timed_out


@pytest.mark.parametrize("remote", ["webdav", "http"])
def test_rclone_copies_a_tree(grid, rclone, remote, tmp_path):
    env = {"RCLONE_WEBDAV_URL": grid.url, "RCLONE_HTTP_URL": grid.url}
    rclone("copy", f":{remote}:nested", str(tmp_path / "tree"), env=env).check()
    copied = {
        str(path.relative_to(tmp_path / "tree")): path.read_text()
        for path in (tmp_path / "tree").rglob("*")
        if path.is_file()
    }
    assert copied == {f"one/two/three/{name}.txt": name for name in NAMES}


@pytest.mark.row("K1")
@pytest.mark.parametrize("remote", ["webdav", "http"])
def test_rclone_copies_single_files(grid, rclone, remote, tmp_path):
    env = {"RCLONE_WEBDAV_URL": grid.url, "RCLONE_HTTP_URL": grid.url}
    for path, data in FILES.items():
        copy = tmp_path / path.rpartition("/")[2]
        rclone("copyto", f":{remote}:{path[1:]}", str(copy), env=env).check()
        assert copy.read_bytes() == data


@pytest.mark.row("K4")
def test_rclone_reports_a_miss(grid, rclone, tmp_path):
    env = {"RCLONE_WEBDAV_URL": grid.url}
    done = rclone("copyto", f":webdav:{MISS[1:]}", str(tmp_path / "copy"), "--retries=1", env=env)
    assert done.code == 3  # directory not found: it knows of no difference
    assert not (tmp_path / "copy").exists()


@pytest.mark.row("K8")
@pytest.mark.parametrize("path", [ROOT_FILE, *(root_file_on(name) for name in NAMES)])
def test_uproot_reads_by_ranges_through_the_redirect(grid, path):
    assert read_root_branch(grid.at(path), TREE, "mass") == masses_gev()

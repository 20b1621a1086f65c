"""Do the clients of the field write, make, move and remove through the gateway, and are their ends true (rows D18, K42, K45, K46, K48, K70)?

The storage nearest to a client from this machine is nginx; those tests that want another give it alone.
"""

from pathlib import Path

import pytest

from tests.functional.clients import ODD_NAMES
from tests.functional.helpers.answers import links_of, names_in
from tests.functional.writable import NAMES, Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench

pytestmark = pytest.mark.functional

DATA = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with Bench() as bench, site(bench, tmp_path_factory.mktemp("here")) as made:
        yield made


@pytest.fixture(scope="module", params=NAMES)
def alone(request, tmp_path_factory):
    """One storage of each kind, alone."""
    with Bench() as bench, site(bench, tmp_path_factory.mktemp("alone"), (request.param,)) as made:
        yield made


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "local.bin"
    path.write_bytes(DATA)
    return path


# -- curl -----------------------------------------------------------------------------------------


@pytest.mark.row("K39", "K41")
@pytest.mark.parametrize("extra", [(), ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked")])
def test_curl_uploads_by_the_redirect(alone: Site, curl, local, extra):
    path = f"/curl/{len(extra)}{'-'.join(extra).replace(' ', '').replace(':', '')}"
    curl("-sSfL", "-T", str(local), *extra, alone.at(path)).check()
    assert alone.read(path) == DATA
    assert ask("HEAD", alone.at(path)).headers["content-length"] == str(len(DATA))


@pytest.mark.row("D18")
@pytest.mark.parametrize("storage", ["nginx", "apache"])
def test_odd_names_survive_put_get_listing_and_delete(here: Site, curl, local, storage):
    """By curl from the place of the storage; XRootD refuses some of these names by itself (``docs/howto/storages.md``)."""
    near = {"nginx": "127.0.0.1", "apache": "127.0.1.1"}[storage]
    for name in ODD_NAMES:
        path = f"/odd-{storage}/{name}"
        curl("-sSfL", "--interface", near, "-T", str(local), here.at(path)).check()
        assert here.file(storage, path).read_bytes() == DATA, name
        assert here.read(path) == DATA, name
        assert curl("-sSfL", here.at(path)).check().stdout == DATA, name
    assert sorted(names_in(here.at(f"/odd-{storage}/"))) == sorted(ODD_NAMES)
    page = ask("GET", here.at(f"/odd-{storage}/"), headers={"Accept": "text/html"}).text
    assert {text for _href, text in links_of(page)} >= set(ODD_NAMES)
    for name in ODD_NAMES:
        assert here.ask("DELETE", f"/odd-{storage}/{name}").status == 204, name
    assert names_in(here.at(f"/odd-{storage}/")) == []


# -- davix ----------------------------------------------------------------------------------------


@pytest.mark.row("K42", "K45", "K46")
@pytest.mark.parametrize("scheme", ["http", "dav"])
def test_davix_makes_puts_lists_gets_and_removes(alone: Site, davix, local, tmp_path, scheme):
    top = alone.at(f"/davix-{scheme}").replace("http:", f"{scheme}:")
    assert davix("get", f"{top}/f", str(tmp_path / "none")).code != 0
    davix("mkdir", top).check()
    davix("put", str(local), f"{top}/f").check()
    assert davix("ls", top).check().text.split() == ["f"]
    davix("get", f"{top}/f", str(tmp_path / "copy")).check()
    assert (tmp_path / "copy").read_bytes() == DATA
    davix("rm", f"{top}/f").check()
    assert alone.holders(f"/davix-{scheme}/f") == []
    assert davix("get", f"{top}/f", str(tmp_path / "none")).code != 0
    assert davix("ls", top).check().text.split() == []
    assert davix("mkdir", top).code != 0, "it exists"


@pytest.mark.row("K48")
def test_davix_moves(alone: Site, davix):
    (name,) = alone.storages
    alone.write("/davix-mv/old", DATA, name)
    davix(
        "mv", alone.at("/davix-mv/old"), alone.at("/davix-mv/new")
    )  # 0.8.4 ends with 255 even when it was done
    assert alone.holders("/davix-mv/old") == []
    assert alone.read("/davix-mv/new") == DATA


def test_davix_is_told_when_nothing_may_be_written(tmp_path, davix, local):
    changes = {"write_from": ["127.0.9.0/24"]}
    with Bench() as bench, site(bench, tmp_path, ("nginx",), changes=changes) as strict:
        assert davix("put", str(local), strict.at("/f")).code != 0
        assert davix("rm", strict.at("/f")).code != 0
        assert strict.holders("/f") == []


# -- gfal2 ----------------------------------------------------------------------------------------


@pytest.mark.row("K42", "D63")
def test_gfal_uploads_with_its_three_misses_before_and_its_check_after(
    alone: Site, gfal, local, tmp_path
):
    url = alone.at("/gfal/deep/er/f")
    assert gfal("stat", url).code == 2
    gfal("copy", f"file://{local}", url, timeout_s=60).check()
    assert alone.read("/gfal/deep/er/f") == DATA
    assert str(len(DATA)) in gfal("stat", url).check().text
    gfal("copy", url, f"file://{tmp_path}/copy", timeout_s=60).check()
    assert (tmp_path / "copy").read_bytes() == DATA
    assert gfal("copy", f"file://{local}", url, timeout_s=60).code != 0, "it exists"
    gfal("copy", "-f", f"file://{local}", url, timeout_s=60).check()
    gfal("rm", url).check()
    assert gfal("stat", url).code == 2
    assert alone.holders("/gfal/deep/er/f") == []


@pytest.mark.row("K46")
def test_gfal_makes_collections_and_removes_trees(alone: Site, gfal):
    gfal("mkdir", "-p", alone.at("/gfal-tree/a/b/c")).check()
    assert names_in(alone.at("/gfal-tree/a/b/")) == ["c/"]
    (name,) = alone.storages
    alone.write("/gfal-tree/a/f", b"content", name)
    alone.write("/gfal-tree/a/b/g", b"content", name)
    gfal("rm", "-r", alone.at("/gfal-tree"), timeout_s=60).check()
    assert alone.holders("/gfal-tree") == []
    assert gfal("stat", alone.at("/gfal-tree")).code == 2


@pytest.mark.row("K48")
def test_gfal_renames(here: Site, gfal):
    here.write("/gfal-mv/old", DATA, *NAMES)
    gfal("rename", here.at("/gfal-mv/old"), here.at("/gfal-mv/new")).check()
    assert here.holders("/gfal-mv/old") == []
    assert here.holders("/gfal-mv/new") == list(NAMES)
    assert here.read("/gfal-mv/new") == DATA


# -- XRootD's client ------------------------------------------------------------------------------


def test_xrdcp_uploads(alone: Site, xrd, local):
    xrd("cp", str(local), alone.at("/xrdcp/f"), timeout_s=60).check()
    assert alone.read("/xrdcp/f") == DATA


# -- rclone ---------------------------------------------------------------------------------------


@pytest.mark.row("K70")
def test_an_upload_by_rclone_fails_cleanly_where_uploads_are_redirected(here: Site, rclone, local):
    """It follows no 307 with a body (clients.md section 1); with streaming it succeeds (``test_streaming``)."""
    env = {"RCLONE_WEBDAV_URL": here.gateway.url}
    done = rclone(
        "copy",
        str(local),
        ":webdav:rclone",
        "--retries=1",
        "--low-level-retries=1",
        env=env,
        timeout_s=60,
    )
    assert done.code != 0
    assert here.holders("/rclone/local.bin") == []
    assert here.status("/rclone/local.bin") == 404


@pytest.mark.row("K45", "K46")
def test_rclone_makes_and_removes(here: Site, rclone):
    env = {"RCLONE_WEBDAV_URL": here.gateway.url}
    here.write("/rclone-rm/a/f", b"content", *NAMES)
    here.write("/rclone-rm/g", b"content", "apache")
    rclone("mkdir", ":webdav:rclone-rm/new/er", env=env).check()
    assert names_in(here.at("/rclone-rm/new/")) == ["er/"]
    rclone("deletefile", ":webdav:rclone-rm/g", env=env).check()
    assert here.holders("/rclone-rm/g") == []
    rclone("purge", ":webdav:rclone-rm", env=env).check()
    assert here.holders("/rclone-rm") == []


@pytest.mark.row("K48")
def test_rclone_moves_on_the_server(here: Site, rclone):
    env = {"RCLONE_WEBDAV_URL": here.gateway.url}
    here.write("/rclone-mv/old", DATA, "nginx", "apache")
    rclone("moveto", ":webdav:rclone-mv/old", ":webdav:rclone-mv/new", env=env).check()
    assert here.holders("/rclone-mv/new") == ["nginx", "apache"]
    assert here.holders("/rclone-mv/old") == []
    rclone("copyto", ":webdav:rclone-mv/new", ":webdav:rclone-mv/third", env=env).check()
    assert here.holders("/rclone-mv/third") == ["nginx", "apache"]


# -- cadaver --------------------------------------------------------------------------------------


@pytest.mark.row("K45", "K46", "K48")
def test_cadaver_makes_moves_copies_and_removes(here: Site, cadaver):
    here.write("/cadaver/f", b"content", *NAMES)
    script = (
        b"cd cadaver\nmkcol new\ncopy f new/g\nmove f new/h\ndelete new/g\nls new\nrmcol gone\n"
    )
    done = cadaver(here.gateway.url + "/", stdin=script)
    assert here.holders("/cadaver/new/h") == list(NAMES), done.text
    assert here.holders("/cadaver/new/g") == []
    assert here.holders("/cadaver/f") == []

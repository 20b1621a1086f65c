"""Do clients that follow no redirects work through the gateway: cadaver, rclone's uploads, curl without ``-L``?"""

from collections.abc import Callable, Iterator

import pytest

from tests.functional.writable import Site, site
from tests.peers.bench import Bench
from tests.peers.clients import Client

pytestmark = pytest.mark.functional

BIG = bytes(range(251)) * 8000
SMALL = b"a few words\n"
# What is uploaded by a client that was sent on, and fails, is given up after this
GRACE_S = 1.0
AGENTS = ["cadaver*", "rclone*"]


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("here")
    streaming = {"agents": AGENTS, "paths": ["/streamed"]}
    with Bench() as bench, site(bench, folder, ("nginx", "apache"), streaming=streaming) as made:
        yield made


@pytest.fixture(scope="module")
def redirecting(tmp_path_factory) -> Iterator[Site]:
    """The same without streaming."""
    folder = tmp_path_factory.mktemp("redirecting")
    changes = {"upload_grace_s": GRACE_S}
    with Bench() as bench, site(bench, folder, ("nginx",), changes=changes) as made:
        yield made


@pytest.fixture
def talk(here: Site, cadaver: Client) -> Callable[..., str]:
    """Give cadaver these commands; what it says."""

    def answered(*commands: str) -> str:
        lines = "".join(f"{command}\n" for command in (*commands, "quit")).encode()
        return cadaver(here.gateway.url + "/", stdin=lines, timeout_s=60).check().text

    return answered


def test_cadaver_puts_gets_copies_moves_and_deletes(here: Site, cadaver: Client, talk):
    (cadaver.home / "local").write_bytes(BIG)
    said = talk(
        *("mkcol /cad", "cd /cad", "put local first", "copy first second", "move second third"),
        *("get first back", "cat third", "delete first", "ls"),
    )
    assert "failed" not in said
    assert (cadaver.home / "back").read_bytes() == BIG
    assert here.holders("/cad/first") == []
    assert here.holders("/cad/second") == []
    (holder,) = here.holders("/cad/third")
    assert here.file(holder, "/cad/third").read_bytes() == BIG


def test_cadaver_replaces_a_file_and_removes_a_collection(here: Site, cadaver: Client, talk):
    (cadaver.home / "one").write_bytes(SMALL)
    (cadaver.home / "two").write_bytes(BIG)
    said = talk("mkcol /coll", "put one /coll/f", "put two /coll/f", "get /coll/f back")
    assert "failed" not in said
    assert (cadaver.home / "back").read_bytes() == BIG
    assert "failed" not in talk("rmcol /coll")
    assert here.holders("/coll") == []


@pytest.mark.row("K70")
def test_an_rclone_upload_succeeds_where_it_is_streamed_and_fails_cleanly_where_it_is_sent_on(
    here: Site, redirecting: Site, rclone: Client, tmp_path
):
    source = tmp_path / "source"
    source.mkdir()
    files = {"small.txt": SMALL, "big.bin": BIG, "empty": b"", "two words": b"w"}
    for name, data in files.items():
        (source / name).write_bytes(data)
    to = {"RCLONE_WEBDAV_URL": here.gateway.url}
    rclone("copy", str(source), ":webdav:up/here", env=to, timeout_s=60).check()
    for name, data in files.items():
        (holder,) = here.holders(f"/up/here/{name}")
        assert here.file(holder, f"/up/here/{name}").read_bytes() == data
    check = ("check", str(source), ":webdav:up/here", "--download")
    rclone(*check, env=to, timeout_s=60).check()

    to = {"RCLONE_WEBDAV_URL": redirecting.gateway.url}
    failed = rclone("copy", str(source), ":webdav:up/there", "--retries=1", env=to, timeout_s=60)
    assert failed.code != 0
    assert "307" in failed.errors
    for name in ("small.txt", "big.bin"):
        assert redirecting.holders(f"/up/there/{name}") == []
        assert redirecting.status(f"/up/there/{name}") == 404
        assert name in failed.errors


def test_rclone_replaces_moves_and_deletes(here: Site, rclone: Client, tmp_path):
    to = {"RCLONE_WEBDAV_URL": here.gateway.url}
    file = tmp_path / "f"
    for data in (SMALL, BIG):
        file.write_bytes(data)
        rclone("copyto", str(file), ":webdav:rc/f", "--ignore-times", env=to).check()
        assert rclone("cat", ":webdav:rc/f", env=to).check().stdout == data
    rclone("moveto", ":webdav:rc/f", ":webdav:rc/g", env=to).check()
    assert rclone("lsf", ":webdav:rc", env=to).check().text == "g\n"
    rclone("deletefile", ":webdav:rc/g", env=to).check()
    assert here.holders("/rc/g") == []


@pytest.mark.parametrize("options", [(), ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked")])
def test_curl_needs_no_word_about_redirects(here: Site, curl: Client, tmp_path, options):
    file, url = tmp_path / "f", here.at(f"/streamed/curl-{len(options)}-{len(''.join(options))}")
    file.write_bytes(BIG)
    told = ("-sS", "-o", "/dev/null", "-w", "%{http_code}")
    assert curl(*told, *options, "-T", str(file), url).check().text == "201"
    assert curl(*told, *options, "-T", str(file), url).check().text == "204"
    assert curl("-sS", url).check().stdout == BIG
    assert curl("-sS", "-r", "1000-1999", url).check().stdout == BIG[1000:2000]
    (tmp_path / "part").write_bytes(BIG[:5000])
    curl("-sS", "-C", "-", "-o", str(tmp_path / "part"), url).check()
    assert (tmp_path / "part").read_bytes() == BIG
    # elsewhere it is sent on
    other = here.gateway.url + "/elsewhere"
    assert curl(*told, "-T", str(file), other).check().text == "307"

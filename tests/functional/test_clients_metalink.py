"""Do clients that want metalinks get them, in both versions, best replica first, and nobody else?"""

import re
from collections.abc import Mapping

import pytest
from lxml import etree

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    MISS,
    NAMES,
    ORDER_FROM,
    SHARED,
    SHARED_BYTES,
    Grid,
    configuration,
    lay_out,
    only,
    replica_urls,
    start_storages,
    storages_of,
)
from tests.peers.ask import Answer
from tests.peers.server import PeerServer

pytestmark = pytest.mark.functional
grid = clients.grid

V4 = "application/metalink4+xml"
V3 = "application/metalink+xml"
ARIA2 = "*/*,application/metalink4+xml,application/metalink+xml"
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
N4 = "{urn:ietf:params:xml:ns:metalink}"
N3 = "{http://www.metalinker.org/}"


def metalink4(answer: Answer) -> tuple[etree._Element, list[tuple[str, str]]]:
    """The file element and its URLs with their priorities."""
    assert (answer.status, answer.headers["content-type"]) == (200, V4)
    root = etree.fromstring(answer.body)
    assert root.tag == f"{N4}metalink"
    (file,) = root.findall(f"{N4}file")
    urls = [(url.text or "", url.get("priority") or "") for url in file.findall(f"{N4}url")]
    return file, urls


@pytest.mark.row("K32")
@pytest.mark.parametrize("near", NAMES)
@pytest.mark.parametrize("accept", [V4, f"{V4};q=0.9", f"{V4}, */*;q=0.1", f"{V3};q=0.5,{V4}"])
def test_metalink_4_on_explicit_accept(grid, near, accept):
    answer = grid.ask("GET", SHARED, headers={"Accept": accept}, near=near)
    file, urls = metalink4(answer)
    assert file.get("name") == "shared.bin"
    assert file.findtext(f"{N4}size") == str(len(SHARED_BYTES))
    assert urls == [
        (grid.replica(name, SHARED), str(number)) for number, name in enumerate(ORDER_FROM[near], 1)
    ]
    assert answer.headers["content-length"] == str(len(answer.body))
    assert 'filename="shared.bin.meta4"' in answer.headers["content-disposition"]


@pytest.mark.row("K32")
@pytest.mark.parametrize("holder", NAMES)
def test_metalink_4_of_a_file_with_one_replica(grid, holder):
    file, urls = metalink4(grid.ask("GET", only(holder), headers={"Accept": V4}))
    assert file.get("name") == f"only-{holder}.txt"
    assert urls == [(grid.replica(holder, only(holder)), "1")]


@pytest.mark.row("K33")
@pytest.mark.parametrize("near", NAMES)
@pytest.mark.parametrize(
    ("accept", "query"),
    [(V3, ""), (f"{V3}, */*;q=0.5", ""), (f"{V4};q=0.5,{V3}", ""), ("*/*", "?metalink")],
)
def test_metalink_3_on_its_own_type(grid, near, accept, query):
    answer = grid.ask("GET", SHARED + query, headers={"Accept": accept}, near=near)
    assert (answer.status, answer.headers["content-type"]) == (200, V3)
    root = etree.fromstring(answer.body)
    assert (root.tag, root.get("version")) == (f"{N3}metalink", "3.0")
    (file,) = root.findall(f"{N3}files/{N3}file")
    assert file.get("name") == "shared.bin"
    assert file.findtext(f"{N3}size") == str(len(SHARED_BYTES))
    urls = file.findall(f"{N3}resources/{N3}url")
    assert [url.text for url in urls] == [grid.replica(name, SHARED) for name in ORDER_FROM[near]]
    assert [url.get("type") for url in urls] == ["http"] * 3
    preferences = [int(url.get("preference") or "0") for url in urls]
    assert preferences == sorted(preferences, reverse=True)
    assert len(set(preferences)) == 3
    assert max(preferences) <= 100


@pytest.mark.row("K34")
@pytest.mark.parametrize("near", NAMES)
def test_the_best_replica_comes_first_in_document_order(grid, near):
    best = grid.ask("GET", SHARED, near=near).headers["location"]
    for accept in (V3, V4):
        document = grid.ask("GET", SHARED, headers={"Accept": accept}, near=near).body
        assert replica_urls(document)[0] == best
        assert storages_of(grid, replica_urls(document)) == list(ORDER_FROM[near])
    duplicates = grid.ask("GET", SHARED, near=near).headers["link"]
    assert re.findall(r"<([^>]*)>; rel=duplicate", duplicates) == [
        grid.replica(name, SHARED) for name in ORDER_FROM[near]
    ]


@pytest.mark.row("K35")
@pytest.mark.parametrize("accept", [V4, V3])
def test_head_with_the_accept_leads_to_the_metalink(grid, accept):
    """As davix does: HEAD without following, then GET of the Link's target, or of the same URL when the type fits."""
    head = grid.ask("HEAD", SHARED, headers={"Accept": accept})
    assert (head.status, head.headers["content-type"], head.body) == (200, accept, b"")
    got = grid.ask("GET", SHARED, headers={"Accept": accept})
    assert head.headers["content-length"] == str(len(got.body))
    assert len(replica_urls(got.body)) == 3
    link = re.fullmatch(
        r'<([^>]*)>; rel=describedby; type="application/metalink4\+xml"', head.headers["link"]
    )
    assert link is not None
    linked = grid.ask("GET", link[1], headers={"Accept": accept})
    assert replica_urls(linked.body) == replica_urls(got.body)
    assert linked.headers["content-type"] == V4


@pytest.mark.row("K35")
def test_head_of_a_client_that_only_tolerates_metalinks_tells_the_file_and_links_them(grid):
    head = grid.ask("HEAD", SHARED, headers={"Accept": ARIA2})
    assert (head.status, head.headers["content-length"]) == (200, str(len(SHARED_BYTES)))
    assert head.headers["link"].endswith('rel=describedby; type="application/metalink4+xml"')


@pytest.mark.row("K35")
def test_head_of_a_miss_leads_nowhere(grid):
    head = grid.ask("HEAD", MISS, headers={"Accept": V4})
    assert head.status == 404
    assert "link" not in head.headers


NO_METALINK: Mapping[str, str | None] = {
    "no header": None,
    "empty": "",
    "anything": "*/*",
    "any application": "application/*",
    "chromium": CHROMIUM,
    "firefox": FIREFOX,
    "q=0": f"{V4};q=0",
    "q=0 of both": f"{V4};q=0, {V3};q=0.0, */*",
    "q=0 and anything": f"{V4};q=0.000, */*;q=0.1",
    "aria2": ARIA2,
    "metalinks less than the rest": f"{V4};q=0.5, */*",
    "xml": "application/xml, text/xml",
    "look-alike": "application/metalink4+xmlx, application/xmetalink+xml",
}


@pytest.mark.row("K36")
@pytest.mark.parametrize("who", NO_METALINK)
def test_who_does_not_ask_gets_no_metalink(grid, who):
    accept = NO_METALINK[who]
    headers = {} if accept is None else {"Accept": accept}
    answer = grid.ask("GET", SHARED, headers=headers)
    assert (answer.status, answer.headers["location"]) == (302, grid.replica("nginx", SHARED))
    assert "metalink" not in answer.headers.get("content-type", "")
    head = grid.ask("HEAD", SHARED, headers=headers)
    assert (head.status, head.headers["content-length"]) == (200, str(len(SHARED_BYTES)))
    if who != "aria2" and who != "metalinks less than the rest":
        assert "describedby" not in answer.headers.get("link", "")
        assert "describedby" not in head.headers.get("link", "")
    page = grid.ask("GET", "/data/", headers=headers)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.row("K32", "K33")
@pytest.mark.parametrize(("accept", "suffix"), [(V4, "meta4"), (V3, "metalink")])
def test_aria2_downloads_from_several_replicas_at_once(grid, aria2, tmp_path, accept, suffix):
    document = tmp_path / f"shared.{suffix}"
    document.write_bytes(grid.ask("GET", SHARED, headers={"Accept": accept}).body)
    logged = [grid.storages[name] for name in ("nginx", "apache")]
    before = [len(gets(server)) for server in logged]
    out = tmp_path / "out"
    options = ("--split=3", "--min-split-size=1M", "--max-connection-per-server=1", *KNOWN_DIGEST)
    aria2("-q", "-d", str(out), *options, "-M", str(document)).check()
    assert [path.name for path in out.iterdir()] == ["shared.bin"]
    assert (out / "shared.bin").read_bytes() == SHARED_BYTES
    # XRootD keeps no log of requests; the other two both took part
    assert all(len(gets(server)) > count for server, count in zip(logged, before, strict=True))


# XRootD 5.5.3 answers a Want-Digest for sums it does not make, as aria2 sends, by 500.
KNOWN_DIGEST = ("--header=Want-Digest: adler32",)


def gets(server: PeerServer) -> list[str]:
    """The downloads of the shared file it has served."""
    return [line for line in server.requests() if line.startswith(f"GET {SHARED} 20")]


@pytest.mark.row("K32", "K33")
@pytest.mark.parametrize("query", ["metalink=4", "metalink=3", "metalink"])
def test_aria2_follows_a_metalink_url(grid, aria2, tmp_path, query):
    aria2("-q", "-d", str(tmp_path / "out"), f"{grid.at(SHARED)}?{query}").check()
    assert (tmp_path / "out" / "shared.bin").read_bytes() == SHARED_BYTES


@pytest.mark.row("K36")
@pytest.mark.parametrize("path", [SHARED, EMPTY, only("xrootd")])
def test_aria2_saves_the_file_and_not_the_metalink(grid, aria2, tmp_path, path):
    out = tmp_path / "out"
    aria2("-q", "-d", str(out), *KNOWN_DIGEST, grid.at(path)).check()
    name = path.rpartition("/")[2]
    assert [found.name for found in out.iterdir()] == [name]
    holder = grid.storages["xrootd"].root / path[1:]
    assert (out / name).read_bytes() == holder.read_bytes()


@pytest.mark.row("K35")
def test_davix_finds_the_metalink_when_the_first_replica_is_dead(
    bench, start_gateway, davix, tmp_path
):
    """The gateway has not noticed yet: it is asked so rarely, and probes so rarely, that davix has to help itself."""
    storages = start_storages(bench)
    lay_out(storages, tmp_path)
    probes = ("[health]", "probe_interval_s = 600.0")
    own = Grid(start_gateway(config=configuration(storages, *probes)), storages)
    assert len(replica_urls(own.ask("GET", SHARED, headers={"Accept": V4}).body)) == 3
    storages["nginx"].stop()
    assert own.ask("GET", SHARED).headers["location"] == own.replica("nginx", SHARED)
    assert davix("get", own.at(SHARED), timeout_s=60).check().stdout == SHARED_BYTES
    assert davix("get", "--metalink", "no", own.at(SHARED), timeout_s=60).code != 0
    storages["xrootd"].stop()
    assert davix("get", own.at(SHARED), timeout_s=60).check().stdout == SHARED_BYTES
    assert len(gets(storages["apache"])) == 1
    lonely = davix("get", own.at(only("nginx")), timeout_s=60)
    assert lonely.code != 0
    assert lonely.stdout == b""
    assert not lonely.timed_out

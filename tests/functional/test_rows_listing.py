"""Listings: PROPFIND, the HTML page, and what they say when somebody is missing (rows D45 to D48, D50)."""

from email.utils import parsedate_to_datetime

import pytest
from lxml import etree

from tests.functional.helpers.answers import (
    duplicates,
    links_of,
    names_in,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import until, wait_for_service
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import HANGING, MTIME_S, WELL, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults, FileNode

pytestmark = pytest.mark.functional

MANY = [f"/big/file-{number:04}" for number in range(1000)]
ODD = ["a b", "a%20b", "ä", "a&b", "a+b", "a;b", "a#b", "a?b", "<i>", "it's"]


@pytest.fixture(scope="module")
def real(nginx_dav, apache_dav, xrootd_http, wsgidav_server):
    """Four real servers with a collection in common, and each with a file of its own in it."""
    servers = {
        "nginx": nginx_dav,
        "apache": apache_dav,
        "xrootd": xrootd_http,
        "wsgidav": wsgidav_server,
    }
    for number, (name, server) in enumerate(servers.items(), 1):
        server.write(f"listing/of-{name}", b"x" * number)
        server.write("listing/of-all", b"everywhere")
        server.make_directory(f"listing/dir-{name}")
        server.make_directory("listing/dir")
    return servers


@pytest.fixture(scope="module")
def gateway(real, tmp_path_factory):
    with GatewayStarter(tmp_path_factory.mktemp("listing")) as start:
        yield start({name: server.url for name, server in real.items()})


@pytest.fixture(scope="module")
def storage():
    trees = {
        "left": tree_of(*MANY, "/both/l", "/both/x", "/clash", "/outvoted", "/odd/"),
        "right": tree_of(
            *MANY[500:], "/big/more", "/both/r", "/both/x", "/clash/in", "/outvoted/in"
        ),
        "third": tree_of("/outvoted", "/elsewhere"),
    }
    for name in ODD:
        trees["left"].add_file(f"/odd/{name}", FileNode(name.encode(), MTIME_S))
    with elements(trees) as running:
        yield running


@pytest.fixture(scope="module")
def counted(storage, tmp_path_factory):
    text = configuration(
        {name: {"url": element.base_url, **QUIET} for name, element in storage.items()},
        federation={"deadline_s": 1.5},
        cache={"listing_ttl_s": 0.0, "incomplete_ttl_s": 0.0},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("counted")) as start:
        yield start(config=text)


@pytest.mark.row("D45")
@pytest.mark.parametrize("holder", ["nginx", "apache", "xrootd", "wsgidav"])
def test_depth_0_tells_type_size_and_date(gateway, real, holder):
    answer = propfind(f"{gateway.url}/listing/of-{holder}", "0")
    assert answer.status == 207
    assert answer.headers["content-type"] == 'application/xml; charset="utf-8"'
    path = real[holder].root / "listing" / f"of-{holder}"
    (file,) = parse_multistatus(answer.body)
    assert file.href == f"/listing/of-{holder}"
    assert (file.collection, file.size_bytes) == (False, path.stat().st_size)
    assert file.mtime_s == int(path.stat().st_mtime)


@pytest.mark.row("D45")
def test_depth_0_of_a_collection_tells_that_it_is_one(gateway):
    for path in ("/listing", "/listing/", "/listing/dir-xrootd"):
        answer = propfind(gateway.url + path, "0")
        assert answer.status == 207
        (collection,) = parse_multistatus(answer.body)
        assert (collection.href, collection.collection) == (path.rstrip("/") + "/", True)
        assert collection.size_bytes is None


@pytest.mark.row("D46")
def test_depth_1_holds_all_merged_children(gateway, real):
    answer = propfind(f"{gateway.url}/listing")
    assert answer.status == 207
    itself, *children = parse_multistatus(answer.body)
    assert (itself.href, itself.collection) == ("/listing/", True)
    collections = {one.href for one in children if one.collection}
    assert collections == {f"/listing/dir-{name}/" for name in real} | {"/listing/dir/"}
    files = {one.href: one.size_bytes for one in children if not one.collection}
    own = {f"/listing/of-{name}": number for number, name in enumerate(real, 1)}
    assert files == own | {"/listing/of-all": len(b"everywhere")}
    assert len(children) == len(files) + len(collections)
    assert all(one.mtime_s is not None for one in children)
    assert "proxy-status" not in answer.headers


@pytest.mark.row("D46")
def test_depth_1_of_a_file_is_that_file(gateway):
    answer = propfind(f"{gateway.url}/listing/of-nginx")
    assert answer.status == 207
    assert [one.href for one in parse_multistatus(answer.body)] == ["/listing/of-nginx"]


@pytest.mark.row("D47")
@pytest.mark.parametrize("depth", ["infinity", "Infinity", None])
@pytest.mark.parametrize("path", ["/big", "/big/", "/", "/never-asked"])
def test_depth_infinity_is_refused_and_nobody_is_asked(counted, storage, depth, path):
    before = {name: dict(element.counts) for name, element in storage.items()}
    answer = propfind(counted.url + path, depth)
    assert answer.status == 403
    root = etree.fromstring(answer.body)
    assert root.tag == "{DAV:}error"
    assert [child.tag for child in root] == ["{DAV:}propfind-finite-depth"]
    assert {name: dict(element.counts) for name, element in storage.items()} == before


@pytest.mark.row("D48")
def test_a_listing_of_1000_children_costs_one_request_per_endpoint(counted, storage):
    before = {name: asks(element) for name, element in storage.items()}
    names = names_in(f"{counted.url}/big/")
    assert names == [path.removeprefix("/big/") for path in MANY] + ["more"]
    after = {name: asks(element) for name, element in storage.items()}
    for name, element in storage.items():
        caused = {key: n - before[name].get(key, 0) for key, n in after[name].items()}
        assert {key: n for key, n in caused.items() if n} == {("PROPFIND", "/big"): 1}, name
        depths = [head["Depth"] for _, path, head in element.seen if path == "/big"]
        assert depths == ["1"]


@pytest.mark.row("D50")
def test_a_collection_is_an_html_table_with_links(gateway, real):
    answer = ask("GET", f"{gateway.url}/listing/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    plain = {(href, text) for href, text in links_of(answer.text) if "?" not in href}
    files = {f"of-{name}" for name in real} | {"of-all"}
    collections = {f"dir-{name}/" for name in real} | {"dir/"}
    assert {(f"/listing/{name}", name) for name in files | collections} <= plain
    below = {href for href, _ in plain if href.startswith("/listing/") and href != "/listing/"}
    assert below == {f"/listing/{name}" for name in files | collections}
    for name in files:
        assert ask("GET", f"{gateway.url}/listing/{name}").status == 302
    for name in collections:
        assert ask("GET", f"{gateway.url}/listing/{name}").status == 200


@pytest.mark.row("D50", "K58")
def test_the_links_of_odd_names_lead_to_them(counted, storage):
    page = ask("GET", f"{counted.url}/odd/")
    links = {
        text: href
        for href, text in links_of(page.text)
        if href.startswith("/odd/") and "?" not in href
    }
    links.pop("odd/", None)  # the way one is on
    assert set(links) == set(ODD)
    for name, href in links.items():
        location = ask("GET", counted.url + href).headers["location"]
        assert location.startswith(storage["left"].base_url + "/odd/")
        assert ask("GET", location).body == name.encode()


@pytest.mark.row("K59")
def test_a_collection_without_its_slash_is_sent_to_the_slash_form(gateway):
    answer = ask("GET", f"{gateway.url}/listing?sort=size")
    assert (answer.status, answer.headers["location"]) == (302, "/listing/?sort=size")
    assert ask("HEAD", f"{gateway.url}/listing").status == 302


@pytest.mark.row("D55")
def test_a_listing_without_one_endpoint_is_answered_at_the_deadline_and_says_so(counted, storage):
    storage["right"].faults = HANGING
    try:
        answer = propfind(f"{counted.url}/both")
        page = ask("GET", f"{counted.url}/both/")
    finally:
        storage["right"].faults = WELL
    assert answer.status == 207
    assert [one.href for one in parse_multistatus(answer.body)] == ["/both/", "/both/l", "/both/x"]
    for partial in (answer, page):
        said = partial.headers["proxy-status"]
        assert said.startswith('ugrpy; error=http_response_timeout; next-hop="right"; details="')
        assert "1.5 s" in said
    assert page.status == 200
    assert "2 of 3 storage elements answered" in page.text
    whole = propfind(f"{counted.url}/both")
    assert "proxy-status" not in whole.headers
    assert [one.href for one in parse_multistatus(whole.body)][1:] == [
        "/both/l",
        "/both/r",
        "/both/x",
    ]


@pytest.mark.row("D55")
@pytest.mark.parametrize(
    "faults",
    [Faults(status=500), Faults(truncate_xml=True), Faults(garbage=True), Faults(status=403)],
)
def test_a_listing_of_which_a_part_is_broken_says_so(counted, storage, faults):
    storage["right"].faults = faults
    try:
        answer = propfind(f"{counted.url}/both")
    finally:
        storage["right"].faults = WELL
    assert answer.status == 207
    hrefs = [one.href for one in parse_multistatus(answer.body)]
    assert {"/both/", "/both/l", "/both/x"} <= set(hrefs)
    assert len(hrefs) == len(set(hrefs))
    assert 'next-hop="right"' in answer.headers["proxy-status"]


@pytest.mark.row("D55")
def test_a_listing_with_a_dead_server_is_marked_as_soon_as_it_is_known_to_be_dead(
    bench, start_gateway
):
    """Two of three dead servers made the replaced system's listing silently shorter."""
    servers = {"one": bench.nginx_dav(), "two": bench.nginx_dav(), "three": bench.nginx_dav()}
    for name, server in servers.items():
        server.write(f"d/{name}", b"1")
    gateway = start_gateway(
        config=configuration(
            {name: {"url": server.url} for name, server in servers.items()},
            health={"probe_interval_s": 0.2},
            cache={"listing_ttl_s": 0.0, "incomplete_ttl_s": 0.0},
        )
    )
    assert names_in(f"{gateway.url}/d/") == ["one", "three", "two"]
    servers["two"].stop()
    servers["three"].stop()
    first = propfind(f"{gateway.url}/d/")
    assert [one.href for one in parse_multistatus(first.body)] == ["/d/", "/d/one"]
    for name in ("two", "three"):
        wait_for_service(gateway, name, serving=False)
    later = propfind(f"{gateway.url}/d/")
    assert [one.href for one in parse_multistatus(later.body)] == ["/d/", "/d/one"]
    for answer in (first, later):
        assert answer.status == 207
        assert 'next-hop="two"' in answer.headers["proxy-status"]
        assert 'next-hop="three"' in answer.headers["proxy-status"]


def settled(url: str) -> None:
    """Ask until every endpoint has spoken about the name: before that, whoever was first decides."""
    until(lambda: ask("GET", f"{url}?metalink").status in (200, 404), "all have spoken")


@pytest.mark.row("K30")
def test_a_name_that_is_a_file_here_and_a_collection_there(counted, storage):
    """A tie goes to the collection, which a file would hide; nothing about it is a fault of the gateway."""
    url = f"{counted.url}/clash"
    first = ask("GET", url)
    assert first.status == 302
    assert first.headers["location"] in ("/clash/", storage["left"].base_url + "/clash")
    settled(url)
    for _ in range(3):
        answer = ask("GET", url)
        assert (answer.status, answer.headers["location"]) == (302, "/clash/")
    assert ask("GET", f"{url}/").status == 200
    assert ask("HEAD", f"{url}/").status == 200
    assert names_in(f"{url}/") == ["in"]
    (itself,) = parse_multistatus(propfind(url, "0").body)
    assert (itself.href, itself.collection, itself.size_bytes) == ("/clash/", True, None)
    inside = ask("GET", f"{url}/in")
    assert inside.status == 302
    assert inside.headers["location"] == storage["right"].base_url + "/clash/in"
    assert ask("GET", f"{url}?metalink").status == 404


@pytest.mark.row("K30")
def test_a_collection_outvoted_by_files_is_a_file_and_keeps_its_children(counted, storage):
    url = f"{counted.url}/outvoted"
    settled(url)
    answer = ask("GET", url)
    assert answer.status == 302
    files = {storage[name].base_url + "/outvoted" for name in ("left", "third")}
    assert {answer.headers["location"], *duplicates(answer)} == files
    listed = propfind(url)
    assert listed.status == 207
    assert [(one.href, one.collection) for one in parse_multistatus(listed.body)] == [
        ("/outvoted", False)
    ]
    assert ask("GET", f"{url}/").headers["location"] in files
    inside = ask("GET", f"{url}/in")
    assert inside.headers["location"] == storage["right"].base_url + "/outvoted/in"


def test_dates_in_listings_are_those_of_the_files(counted):
    answer = propfind(f"{counted.url}/both/x", "0")
    (file,) = parse_multistatus(answer.body)
    assert file.mtime_s == MTIME_S
    head = ask("HEAD", f"{counted.url}/both/x")
    told = parsedate_to_datetime(head.headers["last-modified"]).timestamp()
    assert told == MTIME_S

"""The namespace of the federation: unions, prefixes, mounts (rows D1 to D6, D9 to D12, D20)."""

import pytest

from tests.functional.helpers.answers import names_in, parse_metalink3, parse_multistatus, propfind
from tests.functional.helpers.asking import until, wait_for_service
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import HANGING, WELL, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter

pytestmark = pytest.mark.functional

SE_TREES = {
    "root": tree_of("/a/one", "/a/b/hidden", "/a/b/both", "/both"),
    "mounted": tree_of("/one/c", "/one/b/shadowed", "/two/f", "/outside"),
    "bucket1": tree_of("/x", "/sub/p"),
    "bucket2": tree_of("/x", "/y", "/sub/q"),
    "hung": tree_of("/f"),
    "fed": tree_of("/f"),
}


@pytest.fixture(scope="module")
def real(nginx_dav, apache_dav, xrootd_http):
    """Three real servers: files on one, on two, on all."""
    nginx_dav.write("union/only-nginx", b"n" * 3)
    apache_dav.write("union/sub/only-apache", b"a" * 5)
    for server in (nginx_dav, apache_dav):
        server.write("union/two", b"22")
    for server in (nginx_dav, apache_dav, xrootd_http):
        server.write("union/three", b"333")
        server.make_directory("union/common")
    xrootd_http.write("union/common/only-xrootd", b"x")
    return {"nginx": nginx_dav.url, "apache": apache_dav.url, "xrootd": xrootd_http.url}


@pytest.fixture(scope="module")
def union(real, tmp_path_factory):
    with GatewayStarter(tmp_path_factory.mktemp("union")) as start:
        yield start(real)


@pytest.fixture(scope="module")
def prefixed(real, tmp_path_factory):
    """The same servers under two prefixes, one of which lies inside the other's namespace by name only."""
    text = configuration(
        {name: {"url": url} for name, url in real.items()},
        federation={"prefixes": ["/myfed", "/deep/myfed2"], "new_prefix": "/union"},
    )
    with GatewayStarter(tmp_path_factory.mktemp("prefixed")) as start:
        yield start(config=text)


@pytest.fixture(scope="module")
def storage():
    with elements(SE_TREES) as running:
        yield running


@pytest.fixture(scope="module")
def mounted(storage, tmp_path_factory):
    """Mounts of every kind: over the root, nested, longest first, shared, silent, by whole components."""
    mounts = {
        "root": ["/"],
        "mounted": ["/a = /one", "/a/b = /two"],
        "bucket1": ["/buckets/common"],
        "bucket2": ["/buckets/common"],
        "hung": ["/silent/deep/hung"],
        "fed": ["/fed/a"],
    }
    text = configuration(
        {
            name: {"url": storage[name].base_url, "mounts": where, **QUIET}
            for name, where in mounts.items()
        },
        federation={"deadline_s": 1.5},
        health={"eject_after": 0},
    )
    with GatewayStarter(tmp_path_factory.mktemp("mounted")) as start:
        yield start(config=text)


@pytest.mark.row("D1")
def test_files_of_single_servers_stand_in_one_tree(union, real):
    assert names_in(f"{union.url}/union/") == ["common/", "only-nginx", "sub/", "three", "two"]
    assert names_in(f"{union.url}/union/sub/") == ["only-apache"]
    assert names_in(f"{union.url}/union/common/") == ["only-xrootd"]
    places = {
        "/union/only-nginx": "nginx",
        "/union/sub/only-apache": "apache",
        "/union/common/only-xrootd": "xrootd",
    }
    for path, holder in places.items():
        answer = ask("GET", union.url + path)
        assert (answer.status, answer.headers["location"]) == (302, real[holder] + path)


@pytest.mark.row("D2")
@pytest.mark.parametrize("path", ["/union/only-nginx", "/union/two", "/union/three"])
def test_one_holder_or_more_make_a_name_exist(union, path):
    assert ask("HEAD", union.url + path).status == 200
    assert propfind(union.url + path, "0").status == 207


@pytest.mark.row("D2")
@pytest.mark.parametrize(
    "path", ["/union/nowhere", "/union/sub/two", "/union/two/below", "/union/three/below/far/away"]
)
def test_without_a_holder_there_is_no_name(union, path):
    """Not even below a file, where XRootD answers 500 and Apache 400."""
    for answer in (ask("HEAD", union.url + path), ask("GET", union.url + path)):
        assert answer.status == 404
        assert "proxy-status" not in answer.headers
    assert propfind(union.url + path, "0").status == 404
    assert propfind(union.url + path, "1").status == 404


@pytest.mark.row("D2")
def test_what_is_not_readable_or_not_in_service_makes_no_name_exist(bench, start_gateway):
    live, closed, dead = bench.nginx_dav(), bench.nginx_dav(), bench.nginx_dav()
    for server in (live, closed, dead):
        server.write("all", b"1")
    closed.write("only-closed", b"1")
    dead.write("only-dead", b"1")
    dead.stop()
    gateway = start_gateway(
        config=configuration(
            {
                "live": {"url": live.url},
                "closed": {"url": closed.url, "readable": False},
                "dead": {"url": dead.url},
            },
            health={"probe_interval_s": 0.2},
        )
    )
    wait_for_service(gateway, "dead", serving=False)
    assert ask("HEAD", f"{gateway.url}/all").status == 200
    assert ask("HEAD", f"{gateway.url}/only-closed").status == 404
    assert ask("HEAD", f"{gateway.url}/only-dead").status == 404


@pytest.mark.row("D3")
def test_one_path_on_two_servers_is_one_file_with_two_urls(union, real):
    answer = ask("GET", f"{union.url}/union/two?metalink")
    assert answer.status == 200
    document = parse_metalink3(answer.body)
    assert sorted(document.urls) == sorted(
        real[name] + "/union/two" for name in ("nginx", "apache")
    )
    assert document.size_bytes == 2
    listed = parse_multistatus(propfind(f"{union.url}/union/").body)
    assert [one.href for one in listed].count("/union/two") == 1


@pytest.mark.row("D4")
def test_a_child_of_several_servers_is_listed_once(union):
    answer = propfind(f"{union.url}/union/")
    hrefs = [one.href for one in parse_multistatus(answer.body)]
    assert hrefs[0] == "/union/"
    assert len(hrefs) == len(set(hrefs))
    assert {"/union/two", "/union/three", "/union/common/"} <= set(hrefs)
    page = ask("GET", f"{union.url}/union/").text
    assert page.count('href="/union/three"') == 1


@pytest.mark.row("D5")
def test_every_prefix_leads_to_the_same_object(prefixed, real):
    path = "/common/only-xrootd"
    answers = [ask("GET", prefixed.url + prefix + path) for prefix in ("/myfed", "/deep/myfed2")]
    assert [answer.status for answer in answers] == [302, 302]
    assert {a.headers["location"] for a in answers} == {real["xrootd"] + "/union" + path}
    urls = [f"{prefixed.url}{prefix}/three" for prefix in ("/myfed", "/deep/myfed2")]
    until(lambda: "etag" in ask("HEAD", urls[0]).headers, "all servers have spoken")
    first, second = (ask("HEAD", url) for url in urls)
    assert (first.status, second.status) == (200, 200)
    assert first.headers["etag"] == second.headers["etag"]


@pytest.mark.row("D5")
def test_listings_stay_below_the_prefix_they_were_asked_under(prefixed):
    for prefix in ("/myfed", "/deep/myfed2"):
        hrefs = [one.href for one in parse_multistatus(propfind(f"{prefixed.url}{prefix}/").body)]
        names = ["", "common/", "only-nginx", "sub/", "three", "two"]
        assert hrefs == [f"{prefix}/{name}" for name in names]


@pytest.mark.row("D6")
def test_the_new_prefix_stands_in_place_of_the_external_one(prefixed, real):
    answer = ask("GET", f"{prefixed.url}/myfed/only-nginx")
    assert answer.headers["location"] == real["nginx"] + "/union/only-nginx"
    # what the clients call /union is not what the servers call so
    assert ask("GET", f"{prefixed.url}/union/only-nginx").status == 404
    assert ask("GET", f"{prefixed.url}/myfed/union/only-nginx").status == 404


def test_above_the_prefixes_are_collections_that_lead_to_them(prefixed):
    assert names_in(f"{prefixed.url}/") == ["deep/", "myfed/"]
    assert names_in(f"{prefixed.url}/deep/") == ["myfed2/"]
    assert ask("GET", f"{prefixed.url}/deep/").status == 200
    assert ask("HEAD", f"{prefixed.url}/deep").status == 200


@pytest.mark.row("D9")
def test_the_longest_source_prefix_decides(mounted, storage):
    base = storage["mounted"].base_url
    expected = {"/a/c": "/one/c", "/a/b/f": "/two/f"}
    for path, remote in expected.items():
        answer = ask("GET", mounted.url + path)
        assert (answer.status, answer.headers["location"]) == (302, base + remote)
    assert ask("GET", f"{mounted.url}/a/b/shadowed").status == 404
    assert ("PROPFIND", "/one/b/shadowed") not in storage["mounted"].counts
    assert ("PROPFIND", "/two/shadowed") in storage["mounted"].counts


@pytest.mark.row("D10")
def test_a_path_outside_the_mounts_never_reaches_the_endpoint(mounted, storage):
    before = {name: asks(storage[name]) for name in SE_TREES}
    for path in ("/outside", "/both", "/buckets/other", "/fedora", "/a2/x"):
        for method in ("GET", "HEAD"):
            ask(method, mounted.url + path)
        for depth in ("0", "1"):
            propfind(mounted.url + path, depth)
        ask("GET", f"{mounted.url}{path}/")
        ask("GET", f"{mounted.url}{path}?metalink")
    after = {name: asks(storage[name]) for name in SE_TREES}
    assert after.pop("root") != before.pop("root")  # it is mounted over everything and was asked
    assert after == before


@pytest.mark.row("D11")
def test_ancestors_of_mounts_are_listed_while_every_endpoint_is_silent(start_gateway):
    with elements({"hung": tree_of("/f"), "mute": tree_of("/f")}) as silent:
        for element in silent.values():
            element.faults = HANGING
        mounts = {"hung": "/silent/deep/hung", "mute": "/silent/mute"}
        gateway = start_gateway(
            config=configuration(
                {
                    name: {"url": silent[name].base_url, "mounts": [where], **QUIET}
                    for name, where in mounts.items()
                },
                federation={"deadline_s": 1.0},
            )
        )
        inside = {"/": ["silent/"], "/silent/": ["deep/", "mute/"], "/silent/deep/": ["hung/"]}
        for path, children in inside.items():
            assert names_in(gateway.url + path) == children
            page = ask("GET", gateway.url + path)
            assert page.status == 200
            assert all(f'href="{path}{child}"' in page.text for child in children)
            assert propfind(gateway.url + path, "0").status == 207
            assert ask("HEAD", gateway.url + path).status == 200
        assert all(not element.counts for element in silent.values())
        # the mount point itself exists, too, and is said to be incomplete
        answer = propfind(f"{gateway.url}/silent/deep/hung")
        assert [one.href for one in parse_multistatus(answer.body)] == ["/silent/deep/hung/"]
        assert 'next-hop="hung"' in answer.headers["proxy-status"]


@pytest.mark.row("D11")
def test_a_silent_endpoint_over_everything_does_not_hide_the_mounts(mounted, storage):
    for element in storage.values():
        element.faults = HANGING
    try:
        answer = propfind(f"{mounted.url}/")
    finally:
        for element in storage.values():
            element.faults = WELL
    hrefs = [one.href for one in parse_multistatus(answer.body)]
    assert hrefs == ["/", "/a/", "/buckets/", "/fed/", "/silent/"]
    assert 'next-hop="root"' in answer.headers["proxy-status"]


@pytest.mark.row("D12")
def test_endpoints_on_one_mount_appear_merged(mounted, storage):
    base = f"{mounted.url}/buckets/common"
    assert names_in(f"{base}/") == ["sub/", "x", "y"]
    assert names_in(f"{base}/sub/") == ["p", "q"]
    places = {"p": "bucket1", "q": "bucket2"}
    for name, holder in places.items():
        location = ask("GET", f"{base}/sub/{name}").headers["location"]
        assert location == f"{storage[holder].base_url}/sub/{name}"
    shared = parse_metalink3(ask("GET", f"{base}/x?metalink").body)
    assert sorted(shared.urls) == sorted(storage[n].base_url + "/x" for n in ("bucket1", "bucket2"))


@pytest.mark.row("D20")
def test_a_mount_covers_whole_components_only(mounted, storage):
    assert ask("HEAD", f"{mounted.url}/fed/a/f").status == 200
    before = asks(storage["fed"])
    for path in ("/fed/ab", "/fed/ab/f", "/fed/a.f", "/fed/A/f"):
        assert ask("HEAD", mounted.url + path).status == 404
        assert propfind(mounted.url + path, "1").status == 404
    assert asks(storage["fed"]) == before


@pytest.mark.row("D20")
def test_a_prefix_covers_whole_components_only(prefixed):
    assert ask("HEAD", f"{prefixed.url}/myfed/three").status == 200
    for path in ("/myfedx/three", "/myfed2/three", "/deep/myfed/three", "/deep/myfed22/three"):
        assert ask("HEAD", prefixed.url + path).status == 404


@pytest.mark.row("D20")
def test_a_rule_covers_whole_components_only(nginx_dav, start_gateway):
    nginx_dav.write("rules/fed/a/f", b"closed")
    nginx_dav.write("rules/fed/ab/f", b"open")
    gateway = start_gateway(
        config=configuration(
            {"nginx": {"url": nginx_dav.url + "/rules", **QUIET}}, federation={"closed": ["/fed/a"]}
        )
    )
    for path in ("/fed/a", "/fed/a/", "/fed/a/f", "/fed/%61/f", "//fed//a/f"):
        assert ask("GET", gateway.url + path).status == 403
        assert ask("HEAD", gateway.url + path).status == 403
        assert propfind(gateway.url + path, "0").status == 403
        assert propfind(gateway.url + path, "1").status == 403
    assert ask("GET", f"{gateway.url}/fed/a/f?metalink=4").status == 403
    assert "closed" in ask("GET", f"{gateway.url}/fed/a/f").text
    assert ask("GET", f"{gateway.url}/fed/ab/f").status == 302
    assert names_in(f"{gateway.url}/fed/ab/") == ["f"]
    assert names_in(f"{gateway.url}/fed/") == ["a/", "ab/"]


def test_a_mount_inside_another_endpoints_tree_is_merged_with_it(mounted, storage):
    """``/a/b`` exists on ``root`` and is where ``mounted`` shows its ``/two``."""
    assert names_in(f"{mounted.url}/a/b/") == ["both", "f", "hidden"]
    assert names_in(f"{mounted.url}/a/") == ["b/", "c", "one"]
    location = ask("GET", f"{mounted.url}/a/b/hidden").headers["location"]
    assert location == storage["root"].base_url + "/a/b/hidden"


def test_a_new_file_of_a_mounted_endpoint_is_seen_when_its_absence_is_forgotten(
    storage, start_gateway
):
    gateway = start_gateway(
        config=configuration(
            {"fed": {"url": storage["fed"].base_url, "mounts": ["/m"], **QUIET}},
            cache={"negative_ttl_s": 0.2},
        )
    )
    assert ask("HEAD", f"{gateway.url}/m/late").status == 404
    storage["fed"].tree.add_file("/late", b"now")
    until(lambda: ask("HEAD", f"{gateway.url}/m/late").status == 200, "the new file is seen")

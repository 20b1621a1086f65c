"""What a path means: mounts, slashes, long paths, targets that would leave (rows D7, D8, D17, D19, K9, K10, K59)."""

from dataclasses import dataclass
from urllib.parse import unquote

import pytest

from tests.functional.helpers.answers import (
    links_of,
    names_in,
    parse_metalink3,
    parse_metalink4,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import Wire, request, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import MTIME_S, asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from ugrpy.core.urls import encode_path
from ugrpy.testing import FileNode

pytestmark = pytest.mark.functional

METALINK_TYPES = {3: "application/metalink+xml", 4: "application/metalink4+xml"}
DATA = b"0123456789"


@pytest.fixture(scope="module")
def servers(nginx_dav, apache_dav, xrootd_http, wsgidav_server):
    """Four real servers with a tree of this module."""
    running = {
        "nginx": nginx_dav,
        "apache": apache_dav,
        "xrootd": xrootd_http,
        "wsgidav": wsgidav_server,
    }
    for name, server in running.items():
        server.write(f"paths/root/of-{name}", DATA)
        server.write("paths/root/sub/deeper/file", DATA)
        server.write(f"paths/outside-{name}", b"not for everybody")
    return running


@pytest.fixture(scope="module")
def storage():
    trees = {
        "bucket": tree_of("/f", "/sub/g", "/s3/inner"),
        "plain": tree_of("/p", "/both/x"),
        "shared": tree_of("/data/f", "/data/sub/g", "/beside"),
    }
    with elements(trees) as running:
        yield running


@pytest.fixture(scope="module")
def mounted(storage, servers, tmp_path_factory):
    """Mounts of storage elements, and of a real server each under ``/real``."""
    mounts = {
        "bucket": ["/s3"],
        "plain": ["/"],
        "shared": ["/one = /data", "/two = /data", "/three/deep = /data/sub"],
    }
    tables = {
        name: {"url": storage[name].base_url, "mounts": where, **QUIET}
        for name, where in mounts.items()
    }
    for name, server in servers.items():
        where = [f"/real/{name}", f"/again/{name}"]
        tables[f"real-{name}"] = {"url": f"{server.url}/paths/root", "mounts": where, **QUIET}
    with GatewayStarter(tmp_path_factory.mktemp("mounted")) as start:
        yield start(config=configuration(tables, health=NEVER_EJECT))


# -- mounts --------------------------------------------------------------------------------------------


@pytest.mark.row("D7")
def test_a_mounted_endpoint_shows_its_root_at_the_mount_point(mounted, storage):
    base = storage["bucket"].base_url
    for path, remote in (("/s3/f", "/f"), ("/s3/sub/g", "/sub/g"), ("/s3/s3/inner", "/s3/inner")):
        answer = ask("GET", mounted.url + path)
        assert (answer.status, answer.headers["location"]) == (302, base + remote)
        assert ask("HEAD", mounted.url + path).headers["content-length"] == "10"
        assert parse_metalink3(ask("GET", f"{mounted.url}{path}?metalink").body).urls == (
            base + remote,
        )
    assert names_in(f"{mounted.url}/s3/") == ["f", "s3/", "sub/"]
    assert names_in(f"{mounted.url}/s3/sub/") == ["g"]
    links = {href for href, _ in links_of(ask("GET", f"{mounted.url}/s3/").text)}
    assert {"/s3/f", "/s3/sub/", "/s3/s3/"} <= links


@pytest.mark.row("D7")
def test_a_mounted_endpoint_shows_its_root_nowhere_else(mounted, storage):
    before = asks(storage["bucket"])
    for path in ("/f", "/sub/g", "/sub", "/s3x/f", "/S3/f", "/both/s3/f", "/one/s3/f"):
        assert ask("GET", mounted.url + path).status == 404
        assert ask("HEAD", mounted.url + path).status == 404
        assert propfind(mounted.url + path, "0").status == 404
        assert propfind(mounted.url + path, "1").status == 404
        assert ask("GET", f"{mounted.url}{path}?metalink").status == 404
    assert names_in(f"{mounted.url}/") == [
        *("again/", "both/", "one/", "p", "real/", "s3/", "three/", "two/")
    ]
    assert asks(storage["bucket"]) == before


@pytest.mark.row("D7")
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
def test_a_folder_of_a_real_server_is_mounted_as_it_is(mounted, servers, name):
    answer = ask("GET", f"{mounted.url}/real/{name}/of-{name}")
    assert answer.headers["location"] == f"{servers[name].url}/paths/root/of-{name}"
    assert ask("GET", answer.headers["location"]).body == DATA
    assert names_in(f"{mounted.url}/real/{name}/") == [f"of-{name}", "sub/"]
    assert names_in(f"{mounted.url}/real/{name}/sub/deeper/") == ["file"]
    for path in (f"/of-{name}", f"/real/of-{name}", f"/paths/root/of-{name}", f"/s3/of-{name}"):
        assert ask("GET", mounted.url + path).status == 404


@pytest.mark.row("D8")
def test_several_prefixes_lead_to_one_remote_directory(mounted, storage):
    base = storage["shared"].base_url
    leading = {
        "/data/f": ["/one/f", "/two/f"],
        "/data/sub/g": ["/one/sub/g", "/two/sub/g", "/three/deep/g"],
    }
    for remote, paths in leading.items():
        for path in paths:
            answer = ask("GET", mounted.url + path)
            assert (answer.status, answer.headers["location"]) == (302, base + remote)
            head = ask("HEAD", mounted.url + path)
            assert (head.status, head.headers["content-length"]) == (200, "10")
            document = parse_metalink4(ask("GET", f"{mounted.url}{path}?metalink=4").body)
            assert document.urls == (base + remote,)
            (listed,) = parse_multistatus(propfind(mounted.url + path, "0").body)
            assert (listed.href, listed.size_bytes) == (path, 10)
        assert len({ask("HEAD", mounted.url + path).headers["etag"] for path in paths}) == 1
    for path in ("/one/beside", "/two/beside", "/three/deep/sub", "/three/deep/f", "/beside"):
        assert ask("GET", mounted.url + path).status == 404


@pytest.mark.row("D8")
def test_each_of_several_prefixes_lists_under_its_own_name(mounted):
    for prefix in ("/one", "/two"):
        listed = parse_multistatus(propfind(f"{mounted.url}{prefix}/").body)
        assert [one.href for one in listed] == [f"{prefix}/", f"{prefix}/f", f"{prefix}/sub/"]
        links = [href for href, _ in links_of(ask("GET", f"{mounted.url}{prefix}/").text)]
        assert {f"{prefix}/f", f"{prefix}/sub/"} <= set(links)
    listed = parse_multistatus(propfind(f"{mounted.url}/three/deep").body)
    assert [one.href for one in listed] == ["/three/deep/", "/three/deep/g"]
    assert names_in(f"{mounted.url}/three/") == ["deep/"]


@pytest.mark.row("D8")
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
def test_two_prefixes_lead_to_one_directory_of_a_real_server(mounted, servers, name):
    locations = {
        ask("GET", f"{mounted.url}/{prefix}/{name}/sub/deeper/file").headers["location"]
        for prefix in ("real", "again")
    }
    assert locations == {f"{servers[name].url}/paths/root/sub/deeper/file"}
    assert names_in(f"{mounted.url}/again/{name}/") == names_in(f"{mounted.url}/real/{name}/")


# -- slashes -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slashed(servers, tmp_path_factory):
    """The real servers as one tree: ``/sub/deeper/file`` is on all, ``/of-NAME`` on one."""
    tables = {
        name: {"url": f"{server.url}/paths/root", **QUIET} for name, server in servers.items()
    }
    with GatewayStarter(tmp_path_factory.mktemp("slashed")) as start:
        gateway = start(config=configuration(tables, health=NEVER_EJECT))
        for path in ("/sub/deeper/file", *(f"/of-{name}" for name in servers)):
            assert ask("GET", f"{gateway.url}{path}?metalink").status == 200
        yield gateway


@dataclass(frozen=True, slots=True)
class Seen:
    """What tells of one object whether a request means it: what all methods say, as far as it must not vary."""

    get: tuple[int, str]
    head: tuple[int, str | None, str | None]
    listed: tuple[tuple[str, int | None], ...]
    alone: tuple[tuple[str, int | None], ...]
    metalinks: tuple[tuple[int, frozenset[str]], ...]
    options: tuple[int, str]


def seen_at(url: str) -> Seen:
    """Ask for the object in every way we offer."""
    get, head = ask("GET", url), ask("HEAD", url)
    options = ask("OPTIONS", url)
    metalinks = []
    for version, media_type in METALINK_TYPES.items():
        for answer in (
            ask("GET", f"{url}?metalink={version}"),
            ask("GET", url, headers={"Accept": media_type}),
        ):
            read = parse_metalink3 if version == 3 else parse_metalink4
            given = answer.headers["content-type"] == media_type
            urls = frozenset(read(answer.body).urls) if given else frozenset()
            metalinks.append((answer.status, urls))
        by_head = ask("HEAD", url, headers={"Accept": media_type})
        metalinks.append((by_head.status, frozenset([by_head.headers["content-type"]])))
    return Seen(
        (get.status, get.headers.get("content-type", "")),
        (head.status, head.headers.get("content-length"), head.headers.get("etag")),
        tuple((one.href, one.size_bytes) for one in parse_multistatus(propfind(url, "1").body)),
        tuple((one.href, one.size_bytes) for one in parse_multistatus(propfind(url, "0").body)),
        tuple(metalinks),
        (options.status, options.headers["allow"]),
    )


@pytest.mark.row("D17", "K10")
@pytest.mark.parametrize(
    "spelling",
    [
        "//sub/deeper/file",
        "/sub//deeper/file",
        "/sub/deeper//file",
        "///sub////deeper///file",
        "/sub/deeper/file/",
        "/sub/deeper/file//",
        "//sub//deeper//file//",
        "/./sub/./deeper/file/.",
        "/sub/%2E/deeper//%2e/file",
    ],
)
def test_doubled_and_trailing_slashes_mean_the_same_file(slashed, servers, spelling):
    plain = f"{slashed.url}/sub/deeper/file"
    until(lambda: "etag" in ask("HEAD", plain).headers, "all have spoken")
    expected = seen_at(plain)
    assert expected.head[:2] == (200, "10")
    assert expected.alone == expected.listed == (("/sub/deeper/file", 10),)
    replicas = frozenset(f"{s.url}/paths/root/sub/deeper/file" for s in servers.values())
    by_get = [(200, replicas)] * 2
    by_head = {version: (200, frozenset([kind])) for version, kind in METALINK_TYPES.items()}
    assert expected.metalinks == (*by_get, by_head[3], *by_get, by_head[4])
    assert seen_at(slashed.url + spelling) == expected
    assert ask("GET", slashed.url + spelling).headers["location"] in replicas


@pytest.mark.row("D17", "K10")
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
def test_no_server_is_asked_for_a_doubled_slash(slashed, servers, name):
    for spelling in (f"//of-{name}", f"/of-{name}/", f"//of-{name}//"):
        answer = ask("GET", slashed.url + spelling)
        assert answer.headers["location"] == f"{servers[name].url}/paths/root/of-{name}"
        assert ask("HEAD", slashed.url + spelling).headers["content-length"] == "10"
    assert not [line for line in servers[name].requests() if "//" in line]


@pytest.mark.row("D17", "K10")
@pytest.mark.parametrize(
    "spelling", ["/sub/deeper//", "//sub/deeper/", "/sub///deeper/", "/sub/./deeper//./"]
)
def test_doubled_slashes_mean_the_same_collection(slashed, spelling):
    plain, odd = f"{slashed.url}/sub/deeper/", slashed.url + spelling
    assert [seen_at(odd)] == [seen_at(plain)]
    page, expected = ask("GET", odd), ask("GET", plain)
    assert (page.status, page.text) == (200, expected.text)
    hrefs = [one.href for one in parse_multistatus(propfind(odd).body)]
    assert hrefs == ["/sub/deeper/", "/sub/deeper/file"]


@pytest.mark.row("D17", "K10")
@pytest.mark.parametrize("spelling", ["//", "///", "/./", "//.//"])
def test_doubled_slashes_mean_the_root(slashed, spelling):
    assert [seen_at(slashed.url + spelling)] == [seen_at(slashed.url + "/")]


@pytest.mark.row("D17", "K10")
def test_a_missing_name_is_missing_however_it_is_written(slashed):
    for spelling in ("/none", "//none", "/none/", "//sub//none//"):
        for method in ("GET", "HEAD", "PROPFIND"):
            answer = ask(method, slashed.url + spelling, headers={"Depth": "0"})
            assert answer.status == 404


@pytest.mark.row("D17", "K10", "K59")
@pytest.mark.parametrize("target", ["//sub", "///sub", "//sub//deeper", "//sub/deeper?x=//y"])
def test_two_slashes_at_the_start_never_make_a_host(slashed, target):
    """``Location: //sub/`` would lead a client to a host called sub."""
    with Wire(slashed) as wire:
        wire.send(request("GET", target))
        answer = wire.receive()
    path, _, query = target.partition("?")
    components = [part for part in path.split("/") if part]
    expected = f"/{'/'.join(components)}/" + (f"?{query}" if query else "")
    assert (answer.status, answer.headers["location"]) == (302, expected)


# -- collections without their slash -------------------------------------------------------------------


@pytest.mark.row("K59")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_collection_without_its_slash_leads_to_our_slash_form(mounted, slashed, servers, method):
    cases = [(slashed, "/sub"), (slashed, "/sub/deeper")]
    cases += [(mounted, f"/real/{name}/sub") for name in servers]
    cases += [(mounted, f"/real/{name}") for name in servers]  # mount points
    cases += [(mounted, "/real"), (mounted, "/three"), (mounted, "/s3/sub"), (mounted, "/both")]
    for gateway, path in cases:
        answer = ask(method, gateway.url + path)
        assert (answer.status, answer.headers.get("location")) == (302, f"{path}/"), path
        page = ask("GET", gateway.url + answer.headers["location"])
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        links_of(page.text)


@pytest.mark.row("K59")
def test_a_collection_of_mounts_exists_also_when_a_listing_has_shown_that_nobody_holds_it(mounted):
    for path in ("/real", "/three", "/again"):
        assert propfind(mounted.url + path, "1").status == 207
        assert propfind(mounted.url + path, "0").status == 207
        answer = ask("GET", mounted.url + path)
        assert (answer.status, answer.headers.get("location")) == (302, f"{path}/")


@pytest.mark.row("K59")
def test_the_slash_form_keeps_the_query_and_the_prefix(servers, tmp_path_factory):
    text = configuration(
        {"nginx": {"url": servers["nginx"].url, **QUIET}},
        federation={"prefixes": ["/my fed"], "new_prefix": "/paths"},
    )
    with GatewayStarter(tmp_path_factory.mktemp("prefixed")) as start:
        gateway = start(config=text)
        cases = {
            "/my%20fed/root": "/my%20fed/root/",
            "/my%20fed/root/sub?sort=size&order=desc": "/my%20fed/root/sub/?sort=size&order=desc",
            "/my%20fed": "/my%20fed/",
            "//my%20fed//root": "/my%20fed/root/",
        }
        for target, location in cases.items():
            answer = ask("GET", gateway.url + target)
            assert (answer.status, answer.headers["location"]) == (302, location)
            assert ask("GET", gateway.url + location).status == 200


@pytest.mark.row("K59")
def test_odd_names_of_collections_are_escaped_in_the_slash_form(storage, mounted):
    for name in ("two words", "100%", "%41", "a?b#c", "<b>", "é", 'q"q', "a\\b", "\ufeff"):
        storage["plain"].tree.add_collection(f"/odd/{name}")
        raw = encode_path(f"/odd/{name}")
        answer = ask("GET", mounted.url + raw)
        assert (answer.status, answer.headers["location"]) == (302, f"{raw}/")
        page = ask("GET", f"{mounted.url}{raw}/")
        assert page.status == 200


# -- long paths ----------------------------------------------------------------------------------------


def deep_path(size: int, component: str = "n" * 100) -> str:
    """A path of so many bytes, of components that any file system takes."""
    path = ""
    while len(path.encode()) + len(component.encode()) < size - 2:
        path += "/" + component
    return path + "/" + "f" * (size - len(path.encode()) - 1)


# Each below a folder of its own. A server reads 8 kB of a request line, as nginx does, unless it is told otherwise.
LONG = {
    "251 bytes": deep_path(251, "a" * 100),
    "300 bytes": deep_path(300, "b" * 100),
    "1024 bytes": deep_path(1024, "c" * 100),
    "4 kB": deep_path(4096, "d" * 100),
    "300 bytes of UTF-8": deep_path(300, "é" * 40),
    "2.5 kB of UTF-8, 7.5 kB as they are sent": deep_path(2500, "日本" * 16),
}
SHORT = "/short"


@pytest.fixture(scope="module")
def long_storage():
    """Two storage elements with every long path, one with a file beside each."""
    trees = {name: tree_of(SHORT, *LONG.values()) for name in ("left", "right")}
    for path in LONG.values():
        trees["right"].add_file(path.rpartition("/")[0] + "/beside", FileNode(b"b", MTIME_S))
    with elements(trees) as running:
        yield running


@pytest.fixture(scope="module")
def long_paths(long_storage, tmp_path_factory):
    tables = {name: {"url": one.base_url, **QUIET} for name, one in long_storage.items()}
    with GatewayStarter(tmp_path_factory.mktemp("long")) as start:
        yield start(config=configuration(tables, health=NEVER_EJECT))


@pytest.mark.row("D19")
@pytest.mark.parametrize("kind", ["short", *LONG])
def test_a_long_path_is_served_and_remembered_like_a_short_one(long_paths, long_storage, kind):
    path = LONG.get(kind, SHORT)
    raw = encode_path(path)
    replicas = {element.base_url + raw for element in long_storage.values()}
    first = ask("GET", f"{long_paths.url}{raw}?metalink")
    assert set(parse_metalink3(first.body).urls) == replicas
    asked = {name: asks(element) for name, element in long_storage.items()}
    assert all(asked[name]["PROPFIND", path] == 1 for name in long_storage)
    for version in METALINK_TYPES:
        answer = ask("GET", f"{long_paths.url}{raw}?metalink={version}")
        read = parse_metalink3 if version == 3 else parse_metalink4
        assert set(read(answer.body).urls) == replicas
        assert read(answer.body).name == path.rpartition("/")[2]
    for _ in range(3):
        answer = ask("GET", long_paths.url + raw)
        assert answer.status == 302
        assert answer.headers["cache-status"].startswith("ugrpy; hit;")
        assert answer.headers["location"] in replicas
        head = ask("HEAD", long_paths.url + raw)
        assert (head.status, head.headers["content-length"]) == (200, "10")
        (listed,) = parse_multistatus(propfind(long_paths.url + raw, "0").body)
        assert (listed.href, listed.size_bytes) == (raw, 10)
    assert {name: asks(element) for name, element in long_storage.items()} == asked
    assert {ask("GET", replica).body for replica in replicas} == {DATA}


@pytest.mark.row("D19")
@pytest.mark.parametrize("kind", LONG)
def test_a_long_collection_is_listed_and_remembered_like_a_short_one(
    long_paths, long_storage, kind
):
    path = LONG[kind].rpartition("/")[0]
    raw = encode_path(path)
    for _ in range(3):
        assert names_in(f"{long_paths.url}{raw}/") == [
            "beside",
            unquote(encode_path(LONG[kind]).rpartition("/")[2]),
        ]
        page = ask("GET", f"{long_paths.url}{raw}/")
        assert encode_path(LONG[kind]) in {href for href, _ in links_of(page.text)}
    slash = ask("GET", long_paths.url + raw)
    assert (slash.status, slash.headers["location"]) == (302, f"{raw}/")
    for element in long_storage.values():
        depths = [head["Depth"] for _, asked, head in element.seen if asked == path]
        assert depths.count("1") == 1


@pytest.mark.row("D19")
@pytest.mark.parametrize("size", [5, 251, 1000])
def test_the_absence_of_a_long_path_is_remembered_like_that_of_a_short_one(
    long_paths, long_storage, size
):
    path = "/m" + "x" * (size - 2)
    for _ in range(3):
        assert ask("GET", long_paths.url + path).status == 404
    for element in long_storage.values():
        assert asks(element)["PROPFIND", path] == 1


@pytest.mark.row("D19")
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
@pytest.mark.parametrize("size", [251, 1000, 3000])
def test_long_paths_on_real_servers(slashed, servers, name, size):
    path = deep_path(size, f"{name}{size}" + "n" * 80)
    servers[name].write(f"paths/root{path}", DATA)
    answer = ask("GET", slashed.url + path)
    assert (answer.status, answer.headers["location"]) == (
        302,
        f"{servers[name].url}/paths/root{path}",
    )
    assert ask("GET", answer.headers["location"]).body == DATA
    assert ask("HEAD", slashed.url + path).headers["content-length"] == "10"
    folder, _, last = path.rpartition("/")
    assert names_in(f"{slashed.url}{folder}/") == [last]
    document = parse_metalink4(ask("GET", f"{slashed.url}{path}?metalink=4").body)
    assert document.urls == (f"{servers[name].url}/paths/root{path}",)


# -- targets that would leave, or inject ---------------------------------------------------------------

LEAVING = [
    "/..",
    "/../outside-{name}",
    "/sub/../../outside-{name}",
    "/sub/../of-{name}",
    "/%2e%2e/outside-{name}",
    "/%2E%2E/outside-{name}",
    "/.%2e/outside-{name}",
    "/%2e./outside-{name}",
    "/sub/%2e%2e/%2e%2e/outside-{name}",
    "/..%2foutside-{name}",
    "/..%2Foutside-{name}",
    "/sub%2f..%2f..%2foutside-{name}",
    "//..//outside-{name}",
    "/./../outside-{name}",
    "/../paths/outside-{name}",
    "/%00",
    "/of-{name}%00",
    "/of-{name}%00.txt",
    "/of-{name}%0d%0aLocation:%20http://evil.example/",
    "/of-{name}%0D%0AX-Evil:%201",
    "/of-{name}%0aX-Evil:1",
    "/of-{name}%0d",
    "/sub%0d%0aX-Evil:%201",
    "/sub%0d%0aX-Evil:%201/",
    "/of-{name}%7f",
    "/of-{name}%09",
]
METHODS = [
    ("GET", ""),
    ("HEAD", ""),
    ("PROPFIND", "Depth: 0"),
    ("PROPFIND", "Depth: 1"),
    ("GET", "Accept: application/metalink4+xml"),
    ("GET", "Accept: text/html"),
]


@pytest.mark.row("K9")
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
def test_what_would_leave_the_mount_is_refused_and_no_server_hears_of_it(slashed, servers, name):
    everyone = servers.values()
    before = [len(server.requests()) for server in everyone]
    with Wire(slashed) as wire:
        for form in LEAVING:
            for method, header in METHODS:
                wire.send(request(method, form.format(name=name), *([header] if header else [])))
                answer = wire.receive(head_only=method == "HEAD")
                assert answer.status == 400, (method, form)
                assert not answer.headers.keys() & {"location", "x-evil", "link", "proxy-status"}
                assert "evil" not in "".join(answer.headers.values()).lower()
                assert b"not for everybody" not in answer.body
        wire.send(request("GET", f"/of-{name}"))
        assert wire.receive().status == 302
    assert [len(server.requests()) for server in everyone] == before


@pytest.mark.row("K9")
def test_an_escaped_escape_is_a_name_and_goes_no_further_than_that(slashed, servers):
    """``%252e%252e`` decodes to the harmless name ``%2e%2e``; no server may be asked for ``..``."""
    for target in ("/%252e%252e/outside-nginx", "/..%252foutside-nginx", "/of-nginx%2500"):
        for method in ("GET", "HEAD"):
            assert ask(method, slashed.url + target).status == 404
    for name in ("nginx", "apache"):
        lines = [line.split()[1] for line in servers[name].requests()]
        assert not [path for path in lines if ".." in path.split("/")]


@pytest.mark.row("K9")
def test_a_query_cannot_inject_a_header_either(slashed):
    """The slash form repeats the query: as it came, which is percent-encoded or refused."""
    answer = ask("GET", f"{slashed.url}/sub?a=%0d%0aX-Evil:%201&b=%00")
    assert (answer.status, answer.headers["location"]) == (302, "/sub/?a=%0d%0aX-Evil:%201&b=%00")
    assert "x-evil" not in answer.headers
    for raw in (b"a\rX-Evil: 1", b"a\x00b", b"a\x0bb"):
        with Wire(slashed) as wire:
            wire.send(b"GET /sub?" + raw + b" HTTP/1.1\r\nHost: gateway\r\n\r\n")
            refused = wire.receive()
            assert refused.status == 400
            assert not refused.headers.keys() & {"location", "x-evil"}


@pytest.mark.row("K9")
def test_names_that_a_storage_invents_stay_inside_and_reach_no_header(mounted, storage):
    """The storage may hold names no request can mean; they are never sent on as they are."""
    tree = storage["plain"].tree
    for name in ("cr\rlf\nX-Evil: 1", "nul\0", "fine"):
        tree.add_file(f"/invented/{name}", FileNode(DATA, MTIME_S))
    listing, page = propfind(f"{mounted.url}/invented/"), ask("GET", f"{mounted.url}/invented/")
    for answer in (listing, page):
        assert answer.status in (200, 207)
        assert not [name for name in answer.headers if "evil" in name]
        assert b"\r" not in answer.body
        assert b"\0" not in answer.body
    hrefs = [one.href for one in parse_multistatus(listing.body)]
    assert "/invented/fine" in hrefs
    for href in hrefs:
        assert href.isascii()
        assert href.isprintable()
        if href not in ("/invented/", "/invented/fine"):
            assert ask("GET", mounted.url + href).status == 400

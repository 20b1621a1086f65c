"""Metalinks: by query and by Accept, versions 3 and 4, in order of choice, how one is told of them
(rows D94 to D97, D99, K37, K38)."""

import re
from urllib.parse import urljoin

import pytest

from tests.functional.helpers.answers import (
    duplicates,
    parse_metalink3,
    parse_metalink4,
)
from tests.functional.helpers.asking import ask_from, until
from tests.functional.helpers.metalink4 import check_metalink4
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter

pytestmark = pytest.mark.functional

V3, V4 = "application/metalink+xml", "application/metalink4+xml"
DATA = b"metalinked\n" * 7
ODD = "a b&c 'd' é <e>.root"

PLACES = {"nginx": [48.43, -123.37], "apache": [46.2, 6.14], "xrootd": [35.68, 139.65]}
CLIENTS = {"nginx": "127.0.81.1", "apache": "127.0.82.1", "xrootd": "127.0.83.1"}
NEAREST_FIRST = {
    "nginx": ["nginx", "xrootd", "apache"],
    "apache": ["apache", "nginx", "xrootd"],
    "xrootd": ["xrootd", "nginx", "apache"],
}


@pytest.fixture(scope="module")
def real(nginx_dav, apache_dav, xrootd_http):
    servers = {"nginx": nginx_dav, "apache": apache_dav, "xrootd": xrootd_http}
    for name, server in servers.items():
        server.write("metalink/file.root", DATA)
        server.write(f"metalink/{ODD}", DATA)
        server.write(f"metalink/of-{name}", DATA)
        server.write("metalink/empty", b"")
    return servers


@pytest.fixture(scope="module")
def gateway(real, tmp_path_factory):
    """Every server has a place, and a client beside it."""
    text = configuration(
        {name: {"url": server.url, "location": PLACES[name]} for name, server in real.items()},
        arrays=[
            ("locality.networks", {"networks": [f"{CLIENTS[name]}/32"], "position": place})
            for name, place in PLACES.items()
        ],
    )
    with GatewayStarter(tmp_path_factory.mktemp("metalink")) as start:
        yield start(config=text)


@pytest.mark.row("D94")
@pytest.mark.parametrize("beside", ["nginx", "apache", "xrootd"])
def test_the_query_gives_version_3_with_all_replicas_in_order_of_choice(gateway, real, beside):
    answer = ask_from(CLIENTS[beside], "GET", f"{gateway.url}/metalink/file.root?metalink")
    assert (answer.status, answer.headers["content-type"]) == (200, V3)
    document = parse_metalink3(answer.body)
    assert document.name == "file.root"
    assert document.size_bytes == len(DATA)
    expected = [real[name].url + "/metalink/file.root" for name in NEAREST_FIRST[beside]]
    assert list(document.urls) == expected
    assert list(document.ranks) == sorted(document.ranks, reverse=True)
    assert len(set(document.ranks)) == 3
    redirect = ask_from(CLIENTS[beside], "GET", f"{gateway.url}/metalink/file.root")
    assert redirect.headers["location"] == document.urls[0]


@pytest.mark.row("D94")
@pytest.mark.parametrize("holder", ["nginx", "apache", "xrootd"])
def test_the_metalink_of_a_file_held_once_has_one_url(gateway, real, holder):
    document = parse_metalink3(ask("GET", f"{gateway.url}/metalink/of-{holder}?metalink").body)
    assert document.urls == (f"{real[holder].url}/metalink/of-{holder}",)
    assert document.size_bytes == len(DATA)


@pytest.mark.row("D95")
@pytest.mark.parametrize("accept", [V3, f"{V3};q=0.9, */*;q=0.1", V3.upper()])
def test_accept_gives_the_same_as_the_query(gateway, accept):
    url = f"{gateway.url}/metalink/file.root"
    asked = ask_from(CLIENTS["xrootd"], "GET", url, {"Accept": accept})
    by_query = ask_from(CLIENTS["xrootd"], "GET", f"{url}?metalink")
    assert (asked.status, asked.headers["content-type"]) == (200, V3)
    assert "accept" in asked.headers["vary"].lower()
    assert parse_metalink3(asked.body) == parse_metalink3(by_query.body)


@pytest.mark.row("D96")
@pytest.mark.parametrize("beside", ["nginx", "apache", "xrootd"])
def test_accept_of_version_4_gives_a_valid_document(gateway, real, beside):
    url = f"{gateway.url}/metalink/file.root"
    answer = ask_from(CLIENTS[beside], "GET", url, {"Accept": V4})
    assert (answer.status, answer.headers["content-type"]) == (200, V4)
    check_metalink4(answer.body)
    document = parse_metalink4(answer.body)
    assert (document.name, document.size_bytes) == ("file.root", len(DATA))
    expected = [real[name].url + "/metalink/file.root" for name in NEAREST_FIRST[beside]]
    assert list(document.urls) == expected
    assert list(document.ranks) == [1, 2, 3]


@pytest.mark.row("D96")
@pytest.mark.parametrize("name", ["empty", "a%20b&c%20'd'%20%C3%A9%20%3Ce%3E.root"])
def test_version_4_of_odd_files_is_valid_too(gateway, name):
    answer = ask("GET", f"{gateway.url}/metalink/{name}", headers={"Accept": V4})
    assert answer.status == 200
    check_metalink4(answer.body)
    document = parse_metalink4(answer.body)
    assert document.name == ("empty" if name == "empty" else ODD)
    assert document.size_bytes == (0 if name == "empty" else len(DATA))
    for url in document.urls:
        assert ask("GET", url).status == 200


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'priority="1"', b'priority="0"'),
        (b'name="file.root"', b'name="../file.root"'),
        (b"<size>77</size>", b"<size>many</size>"),
        (b"<url ", b"<link "),
        (b"<url ", b"<url type='http' "),
        (b"<published>", b"<published>on "),
    ],
)
def test_the_check_of_version_4_notices_what_is_wrong(gateway, good, bad):
    answer = ask("GET", f"{gateway.url}/metalink/file.root", headers={"Accept": V4})
    body = answer.body.replace(b"</url>", b"</link>") if b"link " in bad else answer.body
    assert good in body
    with pytest.raises(AssertionError):
        check_metalink4(body.replace(good, bad))


@pytest.mark.parametrize(
    ("query", "accept", "given"),
    [
        ("?metalink=4", "*/*", V4),
        ("?metalink=3", V4, V3),
        ("?metalink", V4, V4),
        ("?x=1&metalink", "*/*", V3),
        ("", f"{V4}, {V3};q=0.5", V4),
    ],
)
def test_which_version_is_given(gateway, query, accept, given):
    url = f"{gateway.url}/metalink/file.root{query}"
    answer = ask("GET", url, headers={"Accept": accept})
    assert (answer.status, answer.headers["content-type"]) == (200, given)
    head = ask("HEAD", url, headers={"Accept": accept})
    assert (head.status, head.headers["content-type"]) == (200, given)
    # the date within may be a second later, its length is the same
    assert head.headers["content-length"] == answer.headers["content-length"]


@pytest.mark.parametrize("accept", ["*/*", f"*/*,{V4},{V3}", f"{V4};q=0, */*", "text/html"])
def test_who_does_not_prefer_a_metalink_gets_the_file(gateway, accept):
    answer = ask("GET", f"{gateway.url}/metalink/file.root", headers={"Accept": accept})
    assert answer.status == 302


def test_no_metalink_of_what_is_no_file(gateway):
    assert ask("GET", f"{gateway.url}/metalink/none?metalink").status == 404
    assert ask("GET", f"{gateway.url}/metalink?metalink").status == 404
    # a metalink query on a page is one of those queries nobody knows
    assert ask("GET", f"{gateway.url}/metalink/?metalink").status == 200


# -- how one is told of them ---------------------------------------------------------------------------

_DESCRIBED = re.compile(r'<([^>]*)>; rel=describedby; type="(application/metalink[^"]*)"')


@pytest.mark.row("D97")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "accept",
    [
        V4,
        V3,
        f"{V4}, {V3}",
        f"*/*, {V4}",
        f"*/*,{V4},{V3}",
        f"{V4};q=0.1, text/html, */*;q=0.9",
        f"{V3};q=0.001, application/octet-stream",
        "Application/Metalink4+XML",
    ],
)
def test_who_asks_for_metalinks_is_told_where_the_metalink_is(gateway, method, accept):
    """Whether the metalink is what he gets or the file: one Link leads to it, and what it says of its type is true."""
    for name in ("file.root", "of-apache", "a%20b&c%20'd'%20%C3%A9%20%3Ce%3E.root"):
        url = f"{gateway.url}/metalink/{name}"
        answer = ask(method, url, headers={"Accept": accept})
        assert answer.status in (200, 302)
        ((target, media_type),) = _DESCRIBED.findall(answer.headers["link"])
        document = ask("GET", urljoin(url, target))
        assert (document.status, document.headers["content-type"]) == (200, media_type)
        assert media_type == V4
        expected = parse_metalink4(ask("GET", f"{url}?metalink=4").body)
        found = parse_metalink4(document.body)
        assert (found.name, found.size_bytes, set(found.urls)) == (
            *(expected.name, expected.size_bytes, set(expected.urls)),
        )


ORDINARY = [
    None,
    "",
    "*/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/octet-stream, */*;q=0.1",
    "application/*",
    "application/xml",
    f"{V4};q=0, {V3};q=0, */*",
]


@pytest.mark.row("K37")
@pytest.mark.parametrize("accept", ORDINARY)
def test_an_ordinary_redirect_has_no_metalink_link(gateway, real, accept):
    """Not the first answer, not the remembered ones; wget2 follows such a link and then hangs."""
    headers = {} if accept is None else {"Accept": accept}
    number = ORDINARY.index(accept)
    for name in (f"cold-{number}", "file.root"):
        for server in real.values():
            server.write(f"metalink/{name}", DATA)
        for _ in range(5):
            for method in ("GET", "HEAD"):
                answer = ask(method, f"{gateway.url}/metalink/{name}", headers=headers)
                assert answer.status == (302 if method == "GET" else 200)
                said = " ".join(answer.headers.values()).lower()
                assert "describedby" not in said
                assert "application/metalink" not in said
                assert "?metalink" not in said
    folder = ask("GET", f"{gateway.url}/metalink", headers=headers)
    assert folder.status == 302
    assert "link" not in folder.headers


@pytest.mark.row("K37")
def test_real_clients_get_ordinary_redirects(gateway, curl, wget2, tmp_path):
    url = f"{gateway.url}/metalink/file.root"
    assert ask("GET", f"{url}?metalink").status == 200
    heads = curl("-sS", "-L", "-D", "-", "-o", str(tmp_path / "by-curl"), url).check().text
    first, *_ = heads.split("\r\n\r\n")
    assert first.startswith("HTTP/1.1 302 ")
    assert "rel=duplicate" in first
    assert "describedby" not in heads
    wget2("-q", "-O", str(tmp_path / "by-wget2"), url).check()
    for name in ("by-curl", "by-wget2"):
        assert (tmp_path / name).read_bytes() == DATA


@pytest.mark.row("K38")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ("?metalink", "*/*"),
        ("?metalink=3", "*/*"),
        ("?metalink=4", "*/*"),
        ("?metalink", V4),
        ("?x=1&metalink=4", "text/html"),
        ("", V3),
        ("", V4),
        ("", f"{V4}, {V3};q=0.5"),
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/metalink/none", "/metalink/no/such/folder/file", "/metalink/file.root/below", "/none"],
)
def test_the_metalink_of_a_missing_file_is_404(gateway, method, query, accept, path):
    for _ in range(2):
        answer = ask(method, gateway.url + path + query, headers={"Accept": accept})
        assert answer.status == 404
        assert "metalink" not in answer.headers["content-type"]
        assert not answer.headers.keys() & {"link", "location", "content-disposition"}
        assert b"metalink xmlns" not in answer.body


@pytest.mark.row("K38")
def test_the_metalink_of_a_file_that_is_gone_is_404(real, start_gateway):
    gateway = start_gateway(
        config=configuration(
            {name: {"url": server.url, **QUIET} for name, server in real.items()},
            cache={"ttl_s": 0.1, "negative_ttl_s": 0.1},
        )
    )
    files = [server.write("metalink/gone", DATA) for server in real.values()]
    urls = [f"{gateway.url}/metalink/gone?metalink={version}" for version in (3, 4)]
    assert [ask("GET", url).status for url in urls] == [200, 200]
    for file in files:
        file.unlink()
    until(
        lambda: [ask("GET", url).status for url in urls] == [404, 404],
        "the metalinks are gone with the file",
    )


# -- at most so many replicas --------------------------------------------------------------------------

# In this order by distance from the client, who stands at the first.
ALONG = {"first": 10.0, "second": 20.0, "third": 30.0, "fourth": 40.0}


@pytest.fixture(scope="module")
def four():
    with elements({name: tree_of("/f", "/g") for name in ALONG}) as running:
        yield running


@pytest.fixture(scope="module", params=[1, 2, 0])
def limited(four, request, tmp_path_factory):
    """A gateway with that ``max_replicas``, and the replicas it should name; 0 means all."""
    text = configuration(
        {
            name: {"url": four[name].base_url, "location": [0.0, longitude], **QUIET}
            for name, longitude in ALONG.items()
        },
        federation={"max_replicas": request.param},
        arrays=[
            ("locality.networks", {"networks": ["127.0.0.1/32"], "position": [0.0, 10.0]}),
        ],
    )
    with GatewayStarter(tmp_path_factory.mktemp("limited")) as start:
        names = list(ALONG)[: request.param or None]
        yield start(config=text), [four[name].base_url for name in names]


@pytest.mark.row("D99")
def test_no_answer_names_more_replicas_than_configured(limited):
    gateway, bases = limited
    for path in ("/f", "/g"):
        url, expected = gateway.url + path, [base + path for base in bases]
        for version, read in ((V3, parse_metalink3), (V4, parse_metalink4)):
            by_accept = ask("GET", url, headers={"Accept": version})
            by_query = ask("GET", f"{url}?metalink={4 if version == V4 else 3}")
            for answer in (by_accept, by_query):
                assert (answer.status, answer.headers["content-type"]) == (200, version)
                assert list(read(answer.body).urls) == expected
                assert "rel=duplicate" not in answer.headers.get("link", "")
        for headers in ({}, {"Accept": f"*/*, {V4}"}):
            for _ in range(3):  # the first, and those that are remembered
                redirect = ask("GET", url, headers=headers)
                assert (redirect.status, redirect.headers["location"]) == (302, expected[0])
                assert duplicates(redirect) == expected


@pytest.mark.row("D99")
def test_the_limit_hides_no_replica_that_is_needed(limited, four):
    """It limits what is told, not what is asked or counted."""
    gateway, _bases = limited
    assert ask("GET", f"{gateway.url}/f?metalink").status == 200
    assert all(asks(element)["PROPFIND", "/f"] >= 1 for element in four.values())
    assert '<td class="r">4 <a href="/f?metalink"' in ask("GET", f"{gateway.url}/").text

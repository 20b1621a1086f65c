"""Metalinks: by query and by Accept, versions 3 and 4, in order of choice (rows D94 to D96)."""

import pytest

from tests.functional.helpers.answers import parse_metalink3, parse_metalink4
from tests.functional.helpers.asking import ask_from
from tests.functional.helpers.metalink4 import check_metalink4
from tests.functional.helpers.settings import configuration
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

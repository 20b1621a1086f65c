"""What was seen to go wrong in the system this one replaces, and must not go wrong here (few have a row of their own)."""

from contextlib import ExitStack

import pytest

from tests.functional.helpers.answers import names_in, parse_multistatus, propfind
from tests.functional.helpers.asking import Wire, health_of, request, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import MTIME_S, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from ugrpy.core.urls import encode_path
from ugrpy.testing import FileNode

pytestmark = pytest.mark.functional

HOT = [f"/hot/{number:03}" for number in range(100)]
# A name, and others that a server which forgets to encode or to decode takes for it.
CONFUSABLE = [
    "a b",
    "a%20b",
    "a%2520b",
    "a+b",
    "a&b",
    "a&c",
    "a",
    "é",
    "%C3%A9",
    "x?y",
    "x",
    "x#y",
    "x;y",
]


@pytest.fixture(scope="module")
def storage():
    trees = {"one": tree_of(*HOT, "/fickle"), "two": tree_of(*HOT[:50], "/fickle")}
    for name in CONFUSABLE:
        trees["one"].add_file(f"/names/{name}", FileNode(name.encode(), MTIME_S))
    with elements(trees) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(storage, tmp_path_factory):
    text = configuration(
        {name: {"url": element.base_url, **QUIET} for name, element in storage.items()},
        cache={"ttl_s": 1.0, "negative_ttl_s": 0.1},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("defects")) as start:
        yield start(config=text)


def test_many_clients_of_one_hot_collection_are_all_answered_well(gateway):
    """Lost updates made entries look unfinished for ever: stalls of 11 s, and listings that failed at once."""
    gets = [request("GET", path) for path in HOT[::10]]
    listing = request("PROPFIND", "/hot", "Depth: 1")
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(gateway)) for _ in range(64)]
        for wire in wires:
            wire.send(b"".join([*gets, listing, *gets]))
        for wire in wires:
            answers = [wire.receive() for _ in range(2 * len(gets) + 1)]
            assert [answer.status for answer in answers] == [302] * 10 + [207] + [302] * 10
            assert answers[10].body.count(b"<D:href>") == 1 + len(HOT)


@pytest.mark.row("D112")
def test_an_entry_in_constant_use_ends_all_the_same(gateway, storage):
    url = f"{gateway.url}/fickle"
    assert ask("HEAD", url).status == 200
    for element in storage.values():
        element.tree.remove("/fickle")
    until(lambda: ask("HEAD", url).status == 404, "the removed file is gone")
    for element in storage.values():
        element.tree.add_file("/fickle", b"again")
    until(lambda: ask("GET", url).status == 302, "the file that came back is there")


@pytest.mark.parametrize("name", CONFUSABLE)
def test_names_that_look_alike_when_encoded_are_different_files(gateway, storage, name):
    encoded = encode_path(f"/names/{name}")
    head = ask("HEAD", gateway.url + encoded)
    assert (head.status, head.headers["content-length"]) == (200, str(len(name.encode())))
    location = ask("GET", gateway.url + encoded).headers["location"]
    assert location == storage["one"].base_url + encoded
    assert ask("GET", location).body == name.encode()
    (listed,) = parse_multistatus(propfind(gateway.url + encoded, "0").body)
    assert listed.href == encoded


def test_a_listing_shows_decoded_names_once_each(gateway):
    assert sorted(names_in(f"{gateway.url}/names/")) == sorted(CONFUSABLE)


@pytest.mark.parametrize("kind", ["apache_dav", "xrootd_http", "nginx_dav", "wsgidav_server"])
def test_asking_below_files_takes_nobody_out_of_service(request, start_gateway, kind):
    """Some servers answer with an error there; anybody could have sent a site away with three requests."""
    server = request.getfixturevalue(kind)
    server.write("below/file", b"12345")
    gateway = start_gateway(
        config=configuration({"site": {"url": server.url, **QUIET}}, health={"eject_after": 1})
    )
    for number in range(5):
        assert ask("GET", f"{gateway.url}/below/file/x{number}").status == 404
        assert propfind(f"{gateway.url}/below/file/y/{number}").status == 404
    assert health_of(gateway, "site")["in_service"] is True
    assert ask("HEAD", f"{gateway.url}/below/file").status == 200

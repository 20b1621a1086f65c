"""Listings of many thousand entries, whole and cut short, in every client's hands; compressed, bounded, kept up to date."""

import gzip
import zlib

import pytest
from lxml import etree

from tests.functional.helpers.answers import (
    ageless,
    links_of,
    names_in,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import Wire, request, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import asks, elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import Faults

pytestmark = pytest.mark.functional

LIMIT = 1500
LONG = {f"evt-{number:05}.root" for number in range(12_000)}
NOTE = "{DAV:}responsedescription"


def some(start: int, end: int) -> list[str]:
    return [f"/long/{name}" for name in sorted(LONG)[start:end]]


@pytest.fixture(scope="module")
def storage():
    """Three that hold the long collection together; ``third`` also holds what the first two do not."""
    trees = {
        "left": tree_of(*some(0, 6000), "/small/l"),
        "right": tree_of(*some(4000, 10_000), "/small/r"),
        "third": tree_of(*some(10_000, 12_000), "/small/t"),
    }
    with elements(trees) as running:
        yield running


@pytest.fixture(autouse=True)
def _well(storage):
    yield
    for element in storage.values():
        element.faults = Faults()


def tables(storage) -> dict[str, dict[str, object]]:
    return {name: {"url": element.base_url, **QUIET} for name, element in storage.items()}


@pytest.fixture(scope="module")
def forgetful(storage, tmp_path_factory):
    """A gateway that asks anew for every listing."""
    with GatewayStarter(tmp_path_factory.mktemp("forgetful")) as start:
        yield start(
            config=configuration(tables(storage), cache={"listing_ttl_s": 0.0}, health=NEVER_EJECT)
        )


@pytest.fixture(scope="module")
def limited(storage, tmp_path_factory):
    """A gateway that lists up to ``LIMIT`` items."""
    with GatewayStarter(tmp_path_factory.mktemp("limited")) as start:
        yield start(
            config=configuration(
                tables(storage), federation={"max_list_items": LIMIT}, health=NEVER_EJECT
            )
        )


def test_a_long_listing_is_whole_and_each_child_is_there_once(forgetful):
    names = names_in(f"{forgetful.url}/long")
    assert len(names) == len(LONG)
    assert set(names) == LONG


def test_replicas_are_counted_over_all_who_hold_a_name(forgetful):
    answer = ask(
        "PROPFIND",
        f"{forgetful.url}/long",
        headers={"Depth": "1"},
        body=b'<propfind xmlns="DAV:"><prop><L:replicas xmlns:L="LCGDM:"/></prop></propfind>',
    )
    counted = {
        (response.findtext("{DAV:}href") or "").rpartition("/")[2]: response.findtext(
            ".//{LCGDM:}replicas"
        )
        for response in etree.fromstring(answer.body)
    }
    assert not counted[""]
    assert counted["evt-00001.root"] == "1"
    assert counted["evt-05000.root"] == "2"
    assert counted["evt-11999.root"] == "1"


def test_a_client_of_http_1_0_gets_it_whole_too(forgetful):
    with Wire(forgetful) as wire:
        wire.send(request("PROPFIND", "/long", "Depth: 1", version="HTTP/1.0"))
        answer = wire.receive()
    assert answer.status == 207
    assert len(parse_multistatus(answer.body)) == len(LONG) + 1


def test_the_page_of_a_long_collection_is_whole_and_in_order(forgetful):
    page = ask("GET", f"{forgetful.url}/long/", headers={"Accept": "text/html"})
    files = [text for href, text in links_of(page.body.decode()) if href.endswith(".root")]
    assert files == sorted(LONG)


@pytest.mark.parametrize("client", ["davix", "gfal", "rclone", "cadaver"])
def test_real_clients_read_a_long_listing_to_its_end(request, forgetful, client):
    assert _listed_by(request, forgetful.url, client) == LONG


@pytest.mark.parametrize("client", ["davix", "gfal", "rclone", "cadaver"])
def test_real_clients_read_a_partial_one_as_far_as_it_goes(request, storage, forgetful, client):
    storage["third"].faults = Faults(status=500)
    assert _listed_by(request, forgetful.url, client) == set(sorted(LONG)[:10_000])


def _listed_by(request, url: str, client: str) -> set[str]:
    """The names that a client prints."""
    run = request.getfixturevalue(client)
    match client:
        case "davix":
            words = run("ls", f"{url}/long/").check().text.split()
        case "gfal":
            words = run("ls", f"{url}/long/").check().text.split()
        case "rclone":
            words = run("lsf", ":webdav:", env={"RCLONE_WEBDAV_URL": f"{url}/long"}).check()
            words = words.text.split()
        case _:
            words = run(f"{url}/long/", stdin=b"ls\nquit\n").check().text.split()
    return {word for word in words if word.startswith("evt-")}


@pytest.mark.row("D55")
@pytest.mark.parametrize("path", ["/small", "/long"])
def test_a_listing_that_lacks_somebody_says_so_in_its_body(storage, forgetful, path):
    whole = etree.fromstring(propfind(forgetful.url + path).body)
    assert whole.find(NOTE) is None
    storage["third"].faults = Faults(status=500)
    partial = etree.fromstring(propfind(forgetful.url + path).body)
    assert partial[-1].tag == NOTE
    assert partial[-1].text == (
        "incomplete: 1 storage element did not contribute: third: PROPFIND: the endpoint answered 500"
    )


def test_when_the_only_holder_breaks_off_the_answer_breaks_off(start_gateway):
    """A listing that ended in order would look like the whole of it."""
    tree = tree_of(*(f"/long/{name}" for name in LONG))
    with elements({"only": tree}) as running:
        gateway = start_gateway(config=configuration(tables(running)))
        question = b'<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><iscollection/></prop></propfind>'
        whole = ask(
            "PROPFIND", f"{running['only'].base_url}/long", headers={"Depth": "1"}, body=question
        )
        running["only"].faults = Faults(reset_after_bytes=len(whole.body) - 100_000, orderly=True)
        with Wire(gateway) as wire:
            wire.send(request("PROPFIND", "/long", "Depth: 1"))
            with pytest.raises((AssertionError, ValueError)):  # the chunks do not come to their end
                wire.receive()
        assert "answer broken off" in gateway.log_text()


# -- a limit -------------------------------------------------------------------------------------------


@pytest.mark.row("D52")
def test_a_collection_over_the_limit_is_refused_clearly_and_its_items_are_read(limited):
    for method, path in (("PROPFIND", "/long"), ("GET", "/long/")):
        answer = ask(method, limited.url + path, headers={"Depth": "1"})
        assert answer.status == 403
        assert b"holds more than 1500 items, the most that are listed here" in answer.body
        assert b"each item can still be asked for by its name" in answer.body
    assert ask("GET", f"{limited.url}/long/evt-00007.root").status == 302
    assert ask("HEAD", f"{limited.url}/long/evt-11999.root").headers["content-length"] == "10"
    assert propfind(f"{limited.url}/long", "0").status == 207
    assert names_in(f"{limited.url}/small") == ["l", "r", "t"]


@pytest.mark.row("D52")
def test_a_collection_at_the_limit_is_listed(start_gateway):
    with elements({"one": tree_of(*(f"/d/{n}" for n in range(3)))}) as running:
        gateway = start_gateway(
            config=configuration(tables(running), federation={"max_list_items": 3})
        )
        assert names_in(f"{gateway.url}/d") == ["0", "1", "2"]


# -- compression ---------------------------------------------------------------------------------------


@pytest.mark.row("D51")
@pytest.mark.parametrize("path", ["/small/", "/long/"])
@pytest.mark.parametrize("method", ["PROPFIND", "GET"])
@pytest.mark.parametrize(
    ("accepted", "used"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate;q=0.1, identity;q=0", "deflate"),
    ],
)
def test_listings_are_compressed_for_who_wants_it(forgetful, method, path, accepted, used):
    url, wanted = forgetful.url + path, {"Depth": "1", "Accept": "text/html"}
    plain = ask(method, url, headers=wanted)
    assert "content-encoding" not in plain.headers
    packed = ask(method, url, headers={**wanted, "Accept-Encoding": accepted})
    assert packed.headers["content-encoding"] == used
    assert "Accept-Encoding" in packed.headers["vary"]
    assert len(packed.body) < len(plain.body) / 2
    body = gzip.decompress(packed.body) if used == "gzip" else zlib.decompress(packed.body)
    if method == "PROPFIND":
        same = [{one.href for one in parse_multistatus(text)} for text in (body, plain.body)]
        assert same[0] == same[1]
    else:
        same_page = ageless(body) == ageless(plain.body)
        assert same_page  # without a look at how two of a megabyte differ


@pytest.mark.row("D51")
def test_curl_unpacks_what_it_asked_for(forgetful, curl):
    got = curl("-sS", "--compressed", "-w", "%header{content-encoding}", f"{forgetful.url}/small/")
    assert got.check().text.endswith("gzip")
    assert "<table>" in got.text


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", ""])
def test_others_get_it_as_it_is(forgetful, accepted):
    answer = ask("GET", f"{forgetful.url}/small/", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert b"<table>" in answer.body


# -- news of single names ---------------------------------------------------------------------------------


@pytest.mark.row("D59")
def test_a_file_found_by_its_name_is_in_the_listing_at_once(start_gateway):
    with elements({"one": tree_of("/d/old"), "two": tree_of("/d/other")}) as running:
        gateway = start_gateway(config=configuration(tables(running)))
        assert names_in(f"{gateway.url}/d") == ["old", "other"]
        running["two"].tree.add_file("/d/new", running["two"].tree.files["/d/other"])
        assert names_in(f"{gateway.url}/d") == ["old", "other"]
        before = asks(running["two"])[("PROPFIND", "/d")]
        assert ask("HEAD", f"{gateway.url}/d/new").status == 200
        # HEAD is answered by the first who has it; the listing learns of it when all have spoken
        until(
            lambda: names_in(f"{gateway.url}/d") == ["new", "old", "other"],
            "the new file is listed",
        )
        assert "new" in [t for _, t in links_of(ask("GET", f"{gateway.url}/d/").body.decode())]
        assert asks(running["two"])[("PROPFIND", "/d")] == before

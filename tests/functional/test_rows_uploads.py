"""Uploads: where they go, what becomes visible when, and what does not (rows D58, D60 to D68, K39 to K44, K47)."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.functional.helpers.answers import names_in, parse_multistatus, propfind
from tests.functional.helpers.asking import Wire, metric, request, until, wait_for_service
from tests.functional.writable import GRACE_S, Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench
from ugrpy.testing import StorageElement, in_thread

pytestmark = pytest.mark.functional

LENGTH = {"Content-Length": "5"}
EXPECT = {"Expect": "100-continue"}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with Bench() as bench, site(bench, tmp_path_factory.mktemp("here"), fixed=True) as made:
        yield made


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    """A site that replaces nothing, makes no collections by itself, and knows how much room its endpoints have."""
    changes = {"allow_overwrite": False}
    endpoint = {"create_parents": False, "free_bytes": 1000}
    folder = tmp_path_factory.mktemp("careful")
    with (
        Bench() as bench,
        site(bench, folder, ("nginx",), changes=changes, endpoint=endpoint) as made,
    ):
        yield made


# -- the redirect ---------------------------------------------------------------------------------


@pytest.mark.row("D60", "K39")
def test_a_client_that_expects_a_word_gets_its_redirect_before_any_byte_is_sent(here: Site):
    with Wire(here.gateway) as wire:
        wire.send(request("PUT", "/d60/f", "Expect: 100-continue", "Content-Length: 1000000"))
        answer = wire.receive()
    assert answer.status == 307
    assert answer.headers["location"] == here.storages["nginx"].url + "/d60/f"


@pytest.mark.row("K40")
@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_body_on_its_way_hides_no_redirect_and_is_no_request(here: Site, size):
    body = (b"DELETE /k40/keep HTTP/1.1\r\nHost: x\r\n\r\n" * (size // 38 + 1))[:size]
    here.write("/k40/keep", b"k", "nginx")
    with Wire(here.gateway) as wire:
        wire.send(request("PUT", "/k40/f", f"Content-Length: {size}"))
        wire.send_all_it_takes(body)
        assert wire.receive().status == 307
        # the body was taken in: the next answer is that to the next request, and to nothing in between
        wire.send_all_it_takes(request("GET", "/livez", "Connection: close"))
        assert wire.receive().text == "alive\n"
        assert wire.at_end()
    assert here.file("nginx", "/k40/keep").exists()


@pytest.mark.row("K41")
def test_a_chunked_upload_is_redirected(here: Site):
    with Wire(here.gateway) as wire:
        wire.send(request("PUT", "/k41/f", "Transfer-Encoding: chunked"))
        wire.send_all_it_takes(b"5\r\nhello\r\n0\r\n\r\n")
        assert wire.receive().status == 307


@pytest.mark.row("D62")
@pytest.mark.parametrize("near", ["nginx", "apache", "xrootd"])
def test_an_upload_goes_to_the_nearest_that_takes_it(here: Site, near):
    assert here.put(f"/d62/{near}", b"hello", near=near) == near
    assert here.holders(f"/d62/{near}") == [near]


@pytest.mark.row("D61")
def test_where_nobody_takes_changes_nothing_is_written(tmp_path):
    with Bench() as bench, site(bench, tmp_path, (), fixed=True) as closed:
        answer = closed.ask("PUT", "/d61", EXPECT | LENGTH)
        assert answer.status in (403, 404, 405), answer
        assert closed.holders("/d61") == []
        assert not [line for line in closed.storages["fixed"].requests() if line.startswith("PUT")]


@pytest.mark.row("D61")
def test_an_endpoint_that_is_not_writable_is_never_chosen(here: Site):
    # 127.0.3.1 stands nowhere, so all are level; the one that takes no changes is not among them
    for number in range(10):
        assert here.put(f"/d61/{number}", b"hello") != "fixed"


def test_clients_of_other_networks_change_nothing(tmp_path):
    changes = {"write_from": ["127.0.1.0/24"]}
    with Bench() as bench, site(bench, tmp_path, ("nginx",), changes=changes) as strict:
        strict.write("/f", b"old", "nginx")
        for method in ("PUT", "DELETE", "MKCOL", "MOVE", "COPY"):
            headers = {"Destination": strict.at("/g")} if method in ("MOVE", "COPY") else {}
            answer = strict.ask(method, "/g" if method == "MKCOL" else "/f", headers)
            assert answer.status == 403, (method, answer)
        assert strict.ask("PUT", "/f2", EXPECT | LENGTH, near="apache").status == 307
        assert strict.file("nginx", "/f").read_bytes() == b"old"
        assert not strict.file("nginx", "/g").exists()


# -- visible --------------------------------------------------------------------------------------


@pytest.mark.row("D63", "K42")
@pytest.mark.parametrize("near", ["nginx", "apache", "xrootd"])
def test_after_misses_an_upload_is_visible_at_once(here: Site, near):
    path = f"/d63-{near}/f"
    for _ in range(3):
        assert here.status(path, near=near) == 404
        assert here.ask("PROPFIND", path, {"Depth": "0"}).status == 404
    here.put(path, b"hello", near=near)
    assert here.status(path, near=near) == 200
    assert here.read(path, near=near) == b"hello"
    (itself,) = parse_multistatus(propfind(here.at(path), "0").body)
    assert itself.size_bytes == 5
    assert names_in(here.at(f"/d63-{near}/")) == ["f"]
    assert f"d63-{near}/" in names_in(here.at("/"))


@pytest.mark.row("D58")
def test_an_upload_is_at_once_in_the_listing_that_was_remembered(here: Site):
    here.write("/d58/old", b"old", "nginx")
    assert names_in(here.at("/d58/")) == ["old"]
    assert names_in(here.at("/d58/")) == ["old"]
    here.put("/d58/new", b"new")
    assert names_in(here.at("/d58/")) == ["new", "old"]


@pytest.mark.row("D68")
def test_a_redirect_that_nobody_followed_leaves_no_name(here: Site):
    assert here.ask("PUT", "/d68/f", EXPECT | LENGTH).status == 307
    assert here.status("/d68/f") == 404
    assert here.ask("GET", "/d68/f").status == 404
    assert names_in(here.at("/d68/")) == []
    time.sleep(GRACE_S)
    until(
        lambda: metric(here.gateway, 'ugrpy_uploads_total{outcome="nothing came"}') > 0, "given up"
    )
    assert here.status("/d68/f") == 404


def test_an_upload_that_broke_off_leaves_no_name(here: Site):
    answer = here.ask("PUT", "/broken/f", EXPECT | {"Content-Length": "100000"}, near="xrootd")
    send_half(answer.headers["location"])
    until(lambda: here.status("/broken/f", near="xrootd") == 404, "no part of it is shown")


def send_half(url: str) -> None:
    """Send half of what is announced to a storage, and leave."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10) as wire:
        wire.sendall(
            f"PUT {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode()
        )
        wire.sendall(b"x" * 50_000)


# -- replacing ------------------------------------------------------------------------------------


@pytest.mark.row("K43")
@pytest.mark.parametrize("near", ["nginx", "apache", "xrootd"])
def test_after_a_replacement_the_new_size_and_content_show_at_once(here: Site, near):
    path = f"/k43/{near}"
    here.put(path, b"old content", near=near)
    assert here.read(path, near=near) == b"old content"
    here.put(path, b"new", near=near)
    answer = here.ask("HEAD", path)
    assert answer.headers["content-length"] == "3"
    assert here.read(path, near=near) == b"new"


@pytest.mark.row("K44")
@pytest.mark.parametrize("near", ["nginx", "apache", "xrootd"])
def test_replacing_a_file_with_replicas_leaves_no_stale_copy(here: Site, near):
    path = f"/k44/{near}"
    here.write(path, b"the old content", "nginx", "apache", "xrootd")
    assert here.read(path) == b"the old content"
    assert here.put(path, b"the new content", near=near) == near
    for place in ("nginx", "apache", "xrootd"):
        assert here.read(path, near=place) == b"the new content"
    here.until_holders(path, near)
    assert here.read(path) == b"the new content"


def test_from_the_redirect_on_nobody_is_sent_to_what_is_being_replaced(here: Site):
    here.write("/replaced/f", b"the old content", "nginx", "apache")
    assert here.ask("PUT", "/replaced/f", EXPECT | LENGTH, near="apache").status == 307
    assert here.whose(here.ask("GET", "/replaced/f").headers["location"]) == "apache"
    until(
        lambda: here.whose(here.ask("GET", "/replaced/f").headers["location"]) == "nginx",
        "nothing came, and the other copy is offered again",
    )
    assert here.holders("/replaced/f") == ["nginx", "apache"]


@pytest.mark.parametrize(
    ("condition", "existing", "missing"),
    [
        ({"If-None-Match": "*"}, 412, 307),
        ({"If-Match": "*"}, 307, 412),
        ({"If-Match": '"other"'}, 412, 412),
    ],
)
def test_conditions_are_honoured(here: Site, condition, existing, missing):
    here.write("/conditions/there", b"there", "nginx")
    assert here.ask("PUT", "/conditions/there", EXPECT | LENGTH | condition).status == existing
    assert here.ask("PUT", "/conditions/not", EXPECT | LENGTH | condition).status == missing


def test_the_tag_we_gave_permits_a_change(here: Site):
    here.write("/tag/f", b"there", "nginx")
    assert ask("GET", here.at("/tag/f") + "?metalink=4").status == 200  # then all have spoken
    tag = here.ask("HEAD", "/tag/f").headers["etag"]
    assert here.ask("PUT", "/tag/f", EXPECT | LENGTH | {"If-Match": tag}).status == 307
    here.put("/tag/f", b"other content")
    assert here.ask("PUT", "/tag/f", EXPECT | LENGTH | {"If-Match": tag}).status == 412


@pytest.mark.row("D66")
def test_where_nothing_may_be_replaced_new_names_are_allowed(careful: Site):
    careful.write("/old", b"old", "nginx")
    answer = careful.ask("PUT", "/old", EXPECT | LENGTH)
    assert answer.status == 409
    assert "may not be replaced" in answer.text
    assert careful.put("/new", b"hello") == "nginx"
    assert careful.file("nginx", "/old").read_bytes() == b"old"


# -- collections ----------------------------------------------------------------------------------


@pytest.mark.row("D64")
@pytest.mark.parametrize("near", ["apache", "nginx", "xrootd"])
def test_collections_above_an_upload_are_made(here: Site, near):
    path = f"/d64-{near}/a/b/c/d/e/f"
    assert here.put(path, b"hello", near=near) == near
    assert here.read(path, near=near) == b"hello"


@pytest.mark.row("D65")
def test_making_collections_can_be_switched_off(careful: Site):
    before = len(careful.storages["nginx"].requests())
    assert careful.ask("PUT", "/d65/a/b/f", EXPECT | LENGTH).status == 307
    asked = careful.storages["nginx"].requests()[before:]
    assert not [line for line in asked if line.startswith("MKCOL")]
    assert not careful.file("nginx", "/d65").exists()


@pytest.mark.row("K47")
def test_an_upload_into_a_collection_that_is_known_elsewhere_only(here: Site):
    here.write("/k47/a/b/other", b"other", "apache")
    assert here.put("/k47/a/b/f", b"hello", near="nginx") == "nginx"
    assert names_in(here.at("/k47/a/b/")) == ["f", "other"]
    assert here.put("/k47/new/er/f", b"hello", near="apache") == "apache"
    assert names_in(here.at("/k47/new/er/")) == ["f"]


def test_a_file_is_no_place_for_another(here: Site):
    here.write("/file-above/f", b"file", "nginx", "apache", "xrootd")
    assert here.ask("PUT", "/file-above/f/g", EXPECT | LENGTH).status in (403, 409)


def test_a_collection_is_not_replaced_by_a_file(here: Site):
    here.write("/is-collection/f", b"file", "nginx")
    for path in ("/is-collection", "/is-collection/"):
        assert here.ask("PUT", path, EXPECT | LENGTH).status == 405
    assert here.file("nginx", "/is-collection/f").exists()


# -- room -----------------------------------------------------------------------------------------


@pytest.mark.row("D67")
def test_a_full_endpoint_is_not_chosen(careful: Site, here: Site):
    answer = careful.ask("PUT", "/d67", EXPECT | {"Content-Length": "1001"})
    assert answer.status == 507
    assert "room" in answer.text
    assert careful.put("/d67-small", b"x" * 100) == "nginx"


@pytest.mark.row("D67", "M12")
def test_uploads_under_way_hold_their_room(tmp_path):
    """Two storages equally near of 1000 bytes each: the third upload of 600 finds no room."""
    endpoint = {"free_bytes": 1000}
    with Bench() as bench, site(bench, tmp_path, ("nginx", "nginx2"), endpoint=endpoint) as small:
        ask_for = EXPECT | {"Content-Length": "600"}
        chosen = {small.whose(small.ask("PUT", f"/{n}", ask_for).headers["location"]) for n in "ab"}
        assert chosen == {"nginx", "nginx2"}
        assert small.ask("PUT", "/c", ask_for).status == 507
        assert metric(small.gateway, 'ugrpy_endpoint_free_bytes{endpoint="nginx"}') == 400
        # nothing was sent, so the room is given back when the grace is over
        until(lambda: small.ask("PUT", "/c", ask_for).status == 307, "room again")


@pytest.mark.row("M12")
def test_of_two_equally_near_ones_the_fuller_gets_fewer(tmp_path):
    """One has said that it has a thousandth of the other's room."""
    with Bench() as bench, ExitStack() as stack:
        roomy = stack.enter_context(in_thread(StorageElement(writable=True, quota_bytes=1_000_000)))
        tight = stack.enter_context(in_thread(StorageElement(writable=True, quota_bytes=1000)))
        urls = {"roomy": roomy.base_url, "tight": tight.base_url}
        made = stack.enter_context(site(bench, tmp_path, (), others=urls))
        answers = [
            made.ask("PUT", f"/m12-{n}", EXPECT | {"Content-Length": "1"}) for n in range(40)
        ]
        went = [answer.headers["location"].startswith(urls["roomy"]) for answer in answers]
    assert sum(went) >= 37


# -- outages --------------------------------------------------------------------------------------


@pytest.mark.row("K62")
def test_while_a_storage_is_out_the_living_ones_serve_and_take_uploads_and_then_it_is_back(
    tmp_path,
):
    health = {"probe_interval_s": 0.2, "eject_after": 1, "return_after": 1}
    with Bench() as bench, site(bench, tmp_path, ("nginx", "apache"), health=health) as here:
        here.write("/k62/both", b"content", "nginx", "apache")
        here.write("/k62/first", b"content", "nginx")
        assert here.redirected(here.ask("GET", "/k62/both")) == "nginx"
        assert here.put("/k62/before", b"hello") == "nginx"
        here.storages["nginx"].stop()
        wait_for_service(here.gateway, "nginx", serving=False)
        assert here.redirected(here.ask("GET", "/k62/both")) == "apache"
        assert names_in(here.at("/k62/")) == ["both"]
        assert here.put("/k62/meanwhile", b"hello") == "apache"
        assert here.status("/k62/first") in (404, 503)
        here.storages["nginx"].start()
        wait_for_service(here.gateway, "nginx", serving=True)
        assert here.redirected(here.ask("GET", "/k62/both")) == "nginx"
        assert here.put("/k62/after", b"hello") == "nginx"
        assert names_in(here.at("/k62/")) == ["after", "before", "both", "first", "meanwhile"]


# -- refused --------------------------------------------------------------------------------------


def test_parts_of_a_file_are_not_written(here: Site):
    headers = LENGTH | EXPECT | {"Content-Range": "bytes 0-4/10"}
    assert here.ask("PUT", "/parts", headers).status == 400


@pytest.mark.row("K52")
def test_a_request_for_a_macaroon_gets_a_quick_answer_and_the_connection_goes_on(here: Site):
    body = b'{"caveats":["activity:LIST,DOWNLOAD"],"validity":"PT180M"}'
    with Wire(here.gateway) as wire:
        for _ in range(2):
            wire.send(
                request(
                    "POST",
                    "/k52/f",
                    "Content-Type: application/macaroon-request",
                    f"Content-Length: {len(body)}",
                )
                + body
            )
            assert wire.receive().status == 405
        wire.send(request("OPTIONS", "/"))
        allowed = wire.receive().headers["allow"]
    assert "PUT" in allowed
    assert ask("GET", here.at("/livez")).status == 200

"""Reading through the gateway: ranges, conditions, and storages that die in the middle without the client noticing.

``near`` and ``far`` are storage elements that misbehave as told; the client stands at the first.
"""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.functional.helpers.asking import Wire, metric, request, until
from tests.functional.writable import Site, site
from tests.peers.ask import Answer
from tests.peers.bench import Bench
from ugrpy.testing import Faults, StorageElement, Tree, in_thread
from ugrpy.testing.tree import FileNode

pytestmark = pytest.mark.functional

MTIME_S = 1_700_000_000
# 251 is prime, so that no shifted copy of it is equal
BIG = bytes(range(251)) * 16_384
SMALL = BIG[:1000]
IDLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Streams:
    """A gateway that streams everything below ``/s``, and its two storages."""

    here: Site
    near: StorageElement
    far: StorageElement

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.here.ask("GET", path, headers)


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Iterator[Streams]:
    files = {
        path: FileNode(BIG, MTIME_S)
        for path in (
            *("/s/reset", "/s/closed", "/s/stall", "/s/refused", "/s/busy", "/s/late", "/s/lost"),
            *("/s/many", "/s/changed", "/s/dated", "/s/everywhere", "/plain", "/s/full"),
        )
    }
    files["/s/small"] = FileNode(SMALL, MTIME_S)
    files["/s/empty"] = FileNode(b"", MTIME_S)
    with ExitStack() as stack:
        bench = stack.enter_context(Bench())
        near, far = (stack.enter_context(in_thread(StorageElement(Tree(files)))) for _ in range(2))
        near.tree.add_file("/s/alone", FileNode(BIG, MTIME_S))
        here = stack.enter_context(
            site(
                bench,
                tmp_path_factory.mktemp("both"),
                (),
                others={"nginx": near.base_url, "apache": far.base_url},
                streaming={"paths": ["/s"], "idle_s": IDLE_S},
                # a storage that fails once is asked first again, so that every test meets the same
                health={"eject_after": 0, "probe_interval_s": 600.0},
            )
        )
        yield Streams(here, near, far)


# -- as it should be --------------------------------------------------------------------------------


def test_a_file_comes_whole_with_what_head_says_of_it(both: Streams):
    both.get("/s/full")  # from now on both storages are known to hold it
    head = both.here.ask("HEAD", "/s/full")
    answer = both.get("/s/full")
    assert (answer.status, answer.body) == (200, BIG)
    told = ("content-length", "etag", "last-modified", "accept-ranges", "content-type")
    assert [answer.headers[name] for name in told] == [head.headers[name] for name in told]
    assert "location" not in answer.headers
    assert metric(
        both.here.gateway, 'ugrpy_streamed_bytes_total{direction="read",endpoint="nginx"}'
    ) >= len(BIG)


def test_others_are_redirected_as_ever(both: Streams):
    assert both.get("/plain").headers["location"] == both.near.base_url + "/plain"


def test_an_empty_file_is_empty(both: Streams):
    answer = both.get("/s/empty")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("asked", "body", "content_range"),
    [
        ("bytes=0-9", SMALL[:10], "bytes 0-9/1000"),
        ("bytes=990-", SMALL[990:], "bytes 990-999/1000"),
        ("bytes=-5", SMALL[-5:], "bytes 995-999/1000"),
        ("bytes=500-5000", SMALL[500:], "bytes 500-999/1000"),
    ],
)
def test_a_part_is_206(both: Streams, asked, body, content_range):
    answer = both.get("/s/small", {"Range": asked})
    assert (answer.status, answer.body) == (206, body)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(body))


def test_several_parts_come_in_the_order_of_the_request(both: Streams):
    answer = both.get("/s/small", {"Range": "bytes=900-909, 0-4, 995-2000"})
    assert answer.status == 206
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert int(answer.headers["content-length"]) == len(answer.body)
    parts = answer.body.split(b"\r\n--" + boundary.encode())
    assert (parts[0], parts[-1]) == (b"", b"--\r\n")
    found = [part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1) for part in parts[1:-1]]
    assert [body for _, body in found] == [SMALL[900:910], SMALL[:5], SMALL[995:]]
    assert [head.rpartition(b"Content-Range: ")[2] for head, _ in found] == [
        b"bytes 900-909/1000",
        b"bytes 0-4/1000",
        b"bytes 995-999/1000",
    ]


def test_a_part_beyond_the_end_is_416(both: Streams):
    answer = both.get("/s/small", {"Range": "bytes=1000-"})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == "bytes */1000"


def test_conditions_are_judged_by_what_we_say_of_the_file(both: Streams):
    both.get("/s/small")  # from now on both storages are known to hold it
    head = both.here.ask("HEAD", "/s/small").headers
    etag, date = head["etag"], head["last-modified"]
    asked = len(both.near.seen) + len(both.far.seen)
    assert both.get("/s/small", {"If-None-Match": etag}).status == 304
    assert both.get("/s/small", {"If-Modified-Since": date}).status == 304
    assert both.get("/s/small", {"If-Match": '"another"'}).status == 412
    long_ago = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert both.get("/s/small", long_ago).status == 412
    assert len(both.near.seen) + len(both.far.seen) == asked
    part = {"Range": "bytes=0-9"}
    assert both.get("/s/small", part | {"If-Range": date}).status == 206
    stale = both.get("/s/small", part | {"If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"})
    assert (stale.status, stale.body) == (200, SMALL)
    # a weak tag does not hold for parts (RFC 9110 section 13.1.5)
    assert both.get("/s/small", part | {"If-Range": etag}).status == 200
    # none of them was the storage's business
    sent = {
        name.lower()
        for one in (both.near, both.far)
        for method, path, headers in one.seen
        if (method, path) == ("GET", "/s/small")
        for name in headers
    }
    assert not sent & {"if-range", "if-none-match", "if-match", "if-modified-since"}


def test_an_old_client_gets_it_and_the_end_of_the_connection(both: Streams):
    with Wire(both.here.gateway) as wire:
        wire.send(request("GET", "/s/small", version="HTTP/1.0"))
        answer = wire.receive()
        assert (answer.status, answer.body) == (200, SMALL)
        assert wire.at_end()


# -- storages that fail -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "faults"),
    [
        ("/s/reset", Faults(reset_after_bytes=1_000_003)),
        ("/s/closed", Faults(reset_after_bytes=1_000_003, orderly=True)),
        ("/s/stall", Faults(stall_after_bytes=1_000_003)),
        ("/s/refused", Faults(status=403)),
        ("/s/busy", Faults(status=503)),
        ("/s/late", Faults(hang=True)),
        ("/s/lost", Faults(status=404)),
    ],
)
def test_the_client_does_not_notice_that_a_storage_fails(both: Streams, path, faults):
    both.near.faults_by["GET", path] = faults
    before = metric(both.here.gateway, "ugrpy_stream_failovers_total")
    answer = both.get(path)
    assert (answer.status, answer.body) == (200, BIG)
    assert both.near.spoilt["GET", path] == 1
    (asked,) = [headers for method, at, headers in both.far.seen if (method, at) == ("GET", path)]
    if "Range" in asked:  # what had come is not asked for again
        begun = int(asked["Range"].removeprefix("bytes=").partition("-")[0])
        assert 0 < begun <= 1_000_003
    else:
        assert faults.status or faults.hang
    assert metric(both.here.gateway, "ugrpy_stream_failovers_total") == before + 1


def test_parts_are_read_on_as_well(both: Streams):
    both.near.faults_by["GET", "/s/many"] = Faults(reset_after_bytes=50_000)
    answer = both.get("/s/many", {"Range": "bytes=100-200099,300000-300009"})
    assert answer.status == 206
    assert BIG[100:200_100] in answer.body
    assert BIG[300_000:300_010] in answer.body


def test_without_another_replica_the_connection_breaks(both: Streams):
    both.near.faults_by["GET", "/s/alone"] = Faults(reset_after_bytes=1_000_003)
    with pytest.raises(http.client.IncompleteRead) as caught:
        both.get("/s/alone")
    assert BIG.startswith(caught.value.partial)
    assert "answer broken off" in both.here.gateway.log_text()


def test_another_version_is_never_stitched_on(both: Streams):
    """Of the same size, written meanwhile: only the date tells."""
    both.near.faults_by["GET", "/s/changed"] = Faults(reset_after_bytes=1_000_003)
    assert both.here.status("/s/changed") == 200  # now both are known
    other = bytes(reversed(BIG))
    both.far.tree.add_file("/s/changed", FileNode(other, MTIME_S + 60))
    with pytest.raises(http.client.IncompleteRead) as caught:
        both.get("/s/changed")
    assert BIG.startswith(caught.value.partial)


def test_a_file_written_since_it_was_asked_about_is_looked_at_again(both: Streams):
    assert both.get("/s/dated").body == BIG
    other = bytes(reversed(BIG))
    for one in (both.near, both.far):
        one.tree.add_file("/s/dated", FileNode(other, MTIME_S + 60))
    answer = both.get("/s/dated")
    assert (answer.status, answer.body) == (200, other)
    assert (
        answer.headers["last-modified"]
        == both.here.ask("HEAD", "/s/dated").headers["last-modified"]
    )


@pytest.mark.parametrize(
    ("faults", "status"),
    [(Faults(status=500), 502), (Faults(status=503), 503), (Faults(hang=True), 504)],
)
def test_when_no_replica_can_be_read_the_answer_says_so(both: Streams, faults, status):
    for one in (both.near, both.far):
        one.faults_by["GET", "/s/everywhere"] = faults
    answer = both.get("/s/everywhere")
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


# -- clients that are slow, and too many --------------------------------------------------------------


@pytest.fixture
def picky(tmp_path) -> Iterator[Site]:
    """One transfer at a time for everybody below ``/p``, and for clients that call themselves Stuck."""
    size = 48 * 1024 * 1024
    huge = FileNode(b"x" * size, MTIME_S)
    with ExitStack() as stack:
        bench = stack.enter_context(Bench())
        element = stack.enter_context(
            in_thread(StorageElement(Tree({"/p/huge": huge, "/other": SMALL})))
        )
        yield stack.enter_context(
            site(
                bench,
                tmp_path,
                (),
                others={"nginx": element.base_url},
                streaming={"paths": ["/p"], "agents": ["stuck*"], "max_at_once": 1},
            )
        )


def test_a_slow_client_holds_back_the_storage_and_others_are_told_to_wait(picky: Site):
    series = 'ugrpy_streamed_bytes_total{direction="read",endpoint="nginx"}'
    seen: list[float] = []

    def settled() -> bool:
        seen.append(metric(picky.gateway, series))
        time.sleep(0.1)
        return seen[-1] > 0 and seen[-1] == seen[-2 if len(seen) > 1 else -1] and len(seen) > 5

    with Wire(picky.gateway) as wire:
        wire.send(request("GET", "/p/huge"))
        until(settled, "the storage is not read any more")
        # what the kernel takes for both connections, and our own buffers; the rest stays where it is
        assert seen[-1] < 24 * 1024 * 1024
        follows = picky.ask("GET", "/p/huge")
        assert follows.status == 302
        stuck = picky.ask("GET", "/other", {"User-Agent": "Stuck/1.0"})
        assert stuck.status == 503
        assert int(stuck.headers["retry-after"]) > 0
        assert metric(picky.gateway, "ugrpy_streams_refused_total") == 1
    # the client has left: its place is free
    until(
        lambda: picky.ask("GET", "/other", {"User-Agent": "Stuck/1.0"}).status == 200,
        "there is room again",
    )


def test_a_client_is_known_by_its_name(picky: Site):
    assert picky.ask("GET", "/other").status == 302
    answer = picky.ask("GET", "/other", {"User-Agent": "STUCK/2"})
    assert (answer.status, answer.body) == (200, SMALL)

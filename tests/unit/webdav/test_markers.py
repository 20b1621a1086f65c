"""Performance markers as storages send them and as davix, gfal2 and FTS read them."""

from pathlib import Path

import pytest

from ugrpy.webdav.markers import (
    MAX_LINE_BYTES,
    NOT_SAID,
    Ended,
    MarkerReader,
    Progress,
    render_end,
    render_marker,
)

DATA = Path(__file__).parents[2] / "data" / "xrootd"

DCACHE = b"""\
Perf Marker
    Timestamp: 1700000000
    State: 3
    State description: querying file metadata
    Stripe Index: 0
    Stripe Bytes Transferred: 524288
    Stripe Start Time: 1699999990
    Total Stripe Count: 1
    RemoteConnections: tcp:[2001:db8::1]:443,tcp:192.0.2.7:443
End
"""
STRIPES = (
    b"Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 5\nTotal Stripe Count: 2\nEnd\n"
    b"Perf Marker\nStripe Index: 1\nStripe Bytes Transferred: 7\nTotal Stripe Count: 2\nEnd\n"
    b"Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 6\nTotal Stripe Count: 2\nEnd\n"
)

CASES = [
    (b"", [], NOT_SAID, 0),
    (b"success: Created\n", [], Ended(True), 0),
    (b"  SUCCESS", [], Ended(True), 0),
    (b"success\r\n", [], Ended(True), 0),
    (b"failure: no space: left\n", [], Ended(False, "no space: left"), 0),
    (b"failed\n", [], Ended(False, "failed"), 0),
    (b"Aborted: by operator", [], Ended(False, "by operator"), 0),
    (
        DCACHE + b"success: Created\n",
        [Progress(524288, 1700000000, 0, 1, ("tcp:[2001:db8::1]:443", "tcp:192.0.2.7:443"))],
        Ended(True),
        524288,
    ),
    (
        STRIPES,
        [Progress(5, None, 0, 2), Progress(7, None, 1, 2), Progress(6, None, 0, 2)],
        NOT_SAID,
        13,
    ),
    # a block that breaks off is no news, and one that says nothing known is a sign of life
    (b"Perf Marker\nStripe Bytes Transferred: 5\n", [], NOT_SAID, 0),
    (b"Perf Marker\nEnd\nfailure: x", [Progress()], Ended(False, "x"), 0),
    (b"Perf Marker\nStripe Bytes Transferred: many\nEnd\n", [Progress()], NOT_SAID, 0),
    (
        b"Perf Marker\nStripe Bytes Transferred:" + b"9" * 30 + b"\nRemoteConnections:\nEnd\n",
        [Progress()],
        NOT_SAID,
        0,
    ),
    # what was said of one block does not go into the next
    (
        b"Perf Marker\nTimestamp: 1\nPerf Marker\nStripe Bytes Transferred: 3\nEnd\nEnd\n",
        [Progress(3), Progress()],
        NOT_SAID,
        3,
    ),
    (b"\xff\xfe\nnonsense\n: \n\nsuccess", [], Ended(True), 0),
    (b"x" * (3 * MAX_LINE_BYTES) + b"\nsuccess: Created\n", [], Ended(True), 0),
    (b"x" * (3 * MAX_LINE_BYTES) + b"success", [], NOT_SAID, 0),
]


@pytest.mark.parametrize(("stream", "blocks", "ended", "transferred_bytes"), CASES)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_streams_whole_and_in_pieces(stream, blocks, ended, transferred_bytes, step):
    reader = MarkerReader()
    seen = []
    for start in range(0, len(stream), step):
        seen += reader.feed(stream[start : start + step])
    assert reader.close() == ended
    assert seen == blocks
    assert reader.transferred_bytes == transferred_bytes


@pytest.mark.parametrize("tail", [b"", b"failure: later\n", b"Perf Marker\nEnd\n", b"x" * 99999])
def test_what_follows_the_last_line_is_not_looked_at(tail):
    reader = MarkerReader()
    assert reader.feed(b"success: Created\n" + tail) == []
    assert reader.ended == Ended(True)
    assert reader.feed(tail) == []
    assert reader.close() == Ended(True)


def test_closing_again_says_the_same():
    reader = MarkerReader()
    assert reader.close() == reader.close() == NOT_SAID
    assert not NOT_SAID.succeeded


def test_what_xrootd_sent():
    reader = MarkerReader()
    (block,) = reader.feed((DATA / "copy-pulled.txt").read_bytes())
    assert block == Progress(0, 1796043583, 0, 1, ("tcp:127.0.0.1:31336",))
    assert reader.ended is None
    assert reader.close() == Ended(True)
    reader = MarkerReader()
    reader.feed((DATA / "copy-source-missing.txt").read_bytes())
    assert reader.close() == Ended(
        False,
        'Remote side failed with status code 404; error message: "Unable to open /none; '
        'no such file or directory "',
    )


def test_of_a_line_without_end_only_the_beginning_is_kept():
    reader = MarkerReader()
    reader.feed(b"failure: ")
    for _ in range(1000):
        reader.feed(b"x" * 1000)
    assert reader.close() == Ended(False, "x" * (MAX_LINE_BYTES - len("failure: ")))


def test_stripes_without_end_take_no_memory_without_end():
    reader = MarkerReader()
    for stripe in range(3000):
        reader.feed(b"Perf Marker\nStripe Index: %d\nStripe Bytes Transferred: 1\nEnd\n" % stripe)
    assert reader.transferred_bytes == 1024


def test_a_block_as_it_is_sent():
    progress = Progress(1048576, 1700000000, 0, 1, ("tcp:[2001:db8::1]:1094", "tcp:192.0.2.7:443"))
    assert render_marker(progress) == (
        b"Perf Marker\n\tTimestamp: 1700000000\n\tStripe Index: 0\n"
        b"\tStripe Bytes Transferred: 1048576\n\tTotal Stripe Count: 1\n"
        b"\tRemoteConnections: tcp:[2001:db8::1]:1094,tcp:192.0.2.7:443\nEnd\n"
    )
    assert render_marker(Progress()) == (
        b"Perf Marker\n\tStripe Index: 0\n\tTotal Stripe Count: 1\nEnd\n"
    )


@pytest.mark.parametrize(
    ("ended", "line"),
    [
        (Ended(True), b"success: Created\n"),
        (Ended(True, "not told"), b"success: Created\n"),
        (Ended(False, "no room"), b"failure: no room\n"),
        (Ended(False), b"failure: no reason given\n"),
        (Ended(False, "\n \r"), b"failure: no reason given\n"),
        (Ended(False, "a\nsuccess: Created\r\n\u2028b\ud800"), b"failure: a success: Created b\n"),
    ],
)
def test_the_last_line(ended, line):
    assert render_end(ended) == line


def test_a_long_reason_stays_one_line_of_davix_and_whole_characters():
    line = render_end(Ended(False, "é" * 5000))
    assert len(line) < 1023
    assert set(line.decode().removeprefix("failure: ").rstrip("\n")) == {"é"}

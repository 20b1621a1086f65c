"""Laws of performance markers: written is read back however it is cut, and nothing but a last line is a success."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.webdav.markers import (
    MAX_LINE_BYTES,
    Ended,
    MarkerReader,
    Progress,
    render_end,
    render_marker,
)

COUNTS = st.integers(0, 10**18 - 1)
BLOCKS = st.builds(
    Progress,
    transferred_bytes=st.none() | COUNTS,
    timestamp_s=st.none() | COUNTS,
    stripe=st.integers(0, 20),
    stripes=st.integers(1, 20),
    remotes=st.lists(st.sampled_from(["tcp:[::1]:80", "tcp:192.0.2.1:443"]), max_size=3).map(tuple),
)
ENDINGS = st.builds(Ended, succeeded=st.booleans(), reason=st.text())
NOISE = st.binary() | st.text(st.sampled_from("success: failure\n\tEnd PerfMarker0123")).map(
    str.encode
)


def read(stream: bytes, cuts: list[int]) -> tuple[list[Progress], Ended]:
    reader = MarkerReader()
    blocks = []
    bounds = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    for start, end in itertools.pairwise(bounds):
        blocks += reader.feed(stream[start:end])
        assert len(reader._rest) <= MAX_LINE_BYTES
    return blocks, reader.close()


@given(st.lists(BLOCKS, max_size=5), ENDINGS, st.lists(st.integers(0, 2000), max_size=8))
def test_a_stream_is_read_back_however_it_is_cut(blocks, ended, cuts):
    stream = b"".join(map(render_marker, blocks)) + render_end(ended)
    seen, verdict = read(stream, cuts)
    assert seen == blocks
    assert verdict.succeeded is ended.succeeded
    assert stream.count(b"\nsuccess") + stream.startswith(b"success") == ended.succeeded


@given(st.lists(BLOCKS, max_size=5), st.text(), st.data())
def test_a_stream_cut_short_is_never_a_success(blocks, reason, data):
    stream = b"".join(map(render_marker, blocks)) + render_end(Ended(False, reason))
    end = data.draw(st.integers(0, len(stream)))
    assert not read(stream[:end], [])[1].succeeded


@given(NOISE, st.lists(st.integers(0, 500), max_size=8))
def test_cutting_noise_changes_nothing(noise, cuts):
    assert read(noise, cuts) == read(noise, [])

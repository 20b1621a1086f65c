"""Laws of checksums in headers: written is read back, pieces do not matter, and no text raises anything."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.namespace.model import Digest
from ugrpy.webdav.checksums import LENGTHS_BYTES
from ugrpy.webdav.digests import (
    Hasher,
    parse_digest,
    parse_repr_digest,
    parse_want_digest,
    parse_want_repr_digest,
    render_digest,
    render_repr_digest,
)

ALGORITHMS = st.sampled_from(sorted(LENGTHS_BYTES))
DIGESTS = st.dictionaries(ALGORITHMS, st.binary(min_size=64, max_size=64)).map(
    lambda values: [
        Digest(name, value[: LENGTHS_BYTES[name]].hex()) for name, value in values.items()
    ]
)
TEXTS = st.text() | st.text(st.sampled_from('md5sha-256=:;,q0.1 "()?A\t')) | st.just("\udcff")


@given(DIGESTS)
def test_what_is_written_is_read_back(digests):
    assert parse_digest(render_digest(digests)) == tuple(sorted(digests))
    assert parse_repr_digest(render_repr_digest(digests)) == tuple(sorted(digests))
    assert " " not in render_digest(digests)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_cutting_the_content_anywhere_changes_no_checksum(content, cuts):
    whole, pieces = Hasher(LENGTHS_BYTES), Hasher(LENGTHS_BYTES)
    whole.update(content)
    bounds = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    for start, end in itertools.pairwise(bounds):
        pieces.update(content[start:end])
    assert pieces.digests() == whole.digests()


@given(st.lists(st.tuples(ALGORITHMS, st.integers(1, 1000)), unique_by=lambda pair: pair[0]))
def test_the_heavier_comes_first_whatever_the_order_and_the_case(wanted):
    text = ", ".join(f"{name.swapcase()} ;Q={weight / 1000:.3f}" for name, weight in wanted)
    expected = sorted(wanted, key=lambda pair: -pair[1])
    assert parse_want_digest(text) == tuple(name for name, _ in expected)


@given(TEXTS)
def test_no_text_raises_and_nothing_unknown_comes_out(text):
    for parse in (parse_want_digest, parse_want_repr_digest):
        names = parse(text)
        assert set(names) <= LENGTHS_BYTES.keys()
        assert len(set(names)) == len(names)
    for digest in (*parse_digest(text), *parse_repr_digest(text)):
        assert len(bytes.fromhex(digest.value)) == LENGTHS_BYTES[digest.algorithm]

"""A block whose check sums are right may still be another program's: whatever is in it, readers go on."""

import io
import json

import pytest

from tests.properties.flown import FACTS, World, framed, row_of
from ugrpy.locality.drawn import Drawn
from ugrpy.locality.model import Candidate, Place
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.ranker import Ranker
from ugrpy.recording.frames import Frame, Head, read_content, render_frame, scan
from ugrpy.recording.reading import Looked, Query, every
from ugrpy.recording.rules import Ruled, Rules
from ugrpy.recording.sieve import parse_network

NONSENSE: tuple[object, ...] = (
    None,
    1,
    -1,
    1e400,
    "x",
    [],
    [[]],
    ["x"],
    [None],
    [9999],
    [-1],
    [1.5],
    {},
    {"x": []},
    [{}],
    [{"x": 1}],
)


@pytest.fixture(scope="module")
def block() -> tuple[Frame, dict[str, dict[str, object]]]:
    """One decision, as it is in a file."""
    ranker = Ranker([Candidate("a", Place())], (), RankPolicy(), lambda _address: Place())
    world = World(ranker, Rules((Ruled("a", Place()),)), ranker.zone_of(None), "10.0.0.1", {})
    data = framed([row_of(world, None, ("a",), Drawn(lambda: 0.5))], world.rules)
    file = io.BytesIO(data)
    (frame,) = scan(file, len(data))
    assert isinstance(frame, Frame)
    return frame, json.loads(read_content(file, frame))


QUERIES = (
    Query(),
    Query(path="/d", below=True, statuses=(3,), endpoint="a", ranked=True, id="3f2a-1"),
    Query(client=parse_network("10.0.0.0/8")),
)


def read_all(folder, frame: Frame, content: bytes, head: Head | None = None) -> tuple[int, Looked]:
    """How many decisions are found by any query, and what was of no use."""
    (folder / "0-00000001.flights").write_bytes(
        render_frame(head or frame.head, frame.sieve, [content])
    )
    looked = Looked()
    found = [len(list(every(folder, query, looked))) for query in QUERIES]
    return max(found), looked


def test_an_intact_block_is_read(block, tmp_path):
    frame, document = block
    assert read_all(tmp_path, frame, json.dumps(document).encode()) == (1, Looked(blocks=3))


@pytest.mark.parametrize("part", ["columns", "tables"])
def test_nonsense_in_any_place_is_read_or_counted_as_damage(block, tmp_path, part):
    frame, document = block
    for key in document[part]:
        for nonsense in NONSENSE:
            changed = {**document, part: {**document[part], key: nonsense}}
            found, looked = read_all(tmp_path, frame, json.dumps(changed).encode())
            assert found == 1 or looked.damaged, (key, nonsense)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"from":1}', b"[" * 100_000])
def test_other_content_is_damage(block, tmp_path, content):
    assert read_all(tmp_path, block[0], content)[0] == 0


@pytest.mark.parametrize(
    "head",
    [
        Head(10**12, 0.0, 1e12, FACTS),
        Head(-1, 0.0, 1e12, FACTS),
        Head(2, 0.0, 1e12, {}),
        Head(1, 0.0, 1e12, {**FACTS, "worker": "x"}),
        Head(1, 0.0, 1e12, {**FACTS, "kept": {"4": "x"}}),
        Head(1, 0.0, 1e12, {**FACTS, "kept": []}),
        Head(1, float("nan"), float("inf"), FACTS),
    ],
)
def test_other_heads_are_read_or_damage(block, tmp_path, head):
    frame, document = block
    found, looked = read_all(tmp_path, frame, json.dumps(document).encode(), head)
    assert found <= 1
    assert found or looked.damaged or looked.passed_over

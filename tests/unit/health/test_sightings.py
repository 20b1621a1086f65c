"""What processes tell each other of an endpoint, as bytes, and when it saves a probe."""

import json

import pytest

from ugrpy.core.errors import DataError
from ugrpy.endpoints.base import Probe
from ugrpy.health.sightings import (
    LONGEST_WHY,
    Sighting,
    counts_as_probe,
    parse_sighting,
    render_sighting,
    sighting,
)
from ugrpy.health.states import NoAnswer, State

WELL = Sighting(State.IN_SERVICE, True, 0.0125, False, 207, "PROPFIND answered 207", 1000.5, "gw1")
DEAD = Sighting(State.EJECTED, False, 5.0, False, None, "no answer in 5 s", 1000.5, "gw1")
WRITTEN = (
    b'{"v":1,"state":"in_service","alive":true,"refusing":false,"latency":0.0125,"status":207,'
    b'"why":"PROPFIND answered 207","at":1000.5,"by":"gw1"}'
)


def test_what_is_told_of_a_probe():
    probe = Probe(alive=True, latency_s=0.0125, status=207, detail="PROPFIND answered 207")
    assert sighting(probe, State.IN_SERVICE, 1000.5, "gw1") == WELL
    assert sighting(NoAnswer(5.0, "no answer in 5 s"), State.EJECTED, 1000.5, "gw1") == DEAD
    assert len(sighting(NoAnswer(5.0, "x" * 999), State.EJECTED, 0.0, "").detail) == LONGEST_WHY


@pytest.mark.parametrize("seen", [WELL, DEAD])
def test_there_and_back(seen):
    assert parse_sighting(render_sighting(seen)) == seen
    assert render_sighting(WELL) == WRITTEN


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        WRITTEN[:-1],
        WRITTEN.replace(b'"v":1', b'"v":2'),
        WRITTEN.replace(b"in_service", b"asleep"),
        WRITTEN.replace(b"true", b"1", 1),
        WRITTEN.replace(b"0.0125", b'"fast"'),
        WRITTEN.replace(b"0.0125", b"Infinity"),
        WRITTEN.replace(b"207", b"true", 1),
        WRITTEN.replace(b"1000.5", b"null"),
        WRITTEN + b" " * 3000,
    ],
)
def test_nonsense_is_no_record(broken):
    with pytest.raises(DataError):
        parse_sighting(broken)


def test_unknown_parts_do_no_harm():
    facts = json.loads(WRITTEN) | {"more": "later"}
    assert parse_sighting(json.dumps(facts).encode()) == WELL


@pytest.mark.parametrize(
    ("wall", "own_evidence_s", "counts"),
    [
        (1001.0, None, True),
        (1010.4, None, True),
        (1010.5, None, False),
        (996.0, None, True),
        (995.0, None, False),
        (1001.0, 1000.0, True),
        (1001.0, 1000.5, False),
        (1005.0, 1004.0, False),
    ],
)
def test_a_record_counts_while_it_is_fresh_and_newer_than_what_is_known(
    wall, own_evidence_s, counts
):
    assert counts is counts_as_probe(
        WELL, wall=wall, interval_s=10.0, own_evidence_s=own_evidence_s
    )

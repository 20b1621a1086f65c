"""The caches of the benchmark, and what it takes for right."""

import json
import math

import pytest

from benchmarks.shoal import ZONES, Tracked, heartbeat, tracked
from shoalpy.model import Heartbeat
from shoalpy.wire import parse_heartbeat


def test_the_same_seed_makes_the_same_caches_each_at_an_address_of_its_own():
    caches = tracked(10_000, 1)

    assert caches == tracked(10_000, 1)
    assert caches != tracked(10_000, 2)
    assert len({one.address for one in caches}) == 10_000
    places: dict[str, set[tuple[float, float]]] = {}
    for one in caches:
        places.setdefault(one.address.rpartition(".")[0], set()).add(one.place)
    assert all(len(there) == 1 for there in places.values())
    assert len(places) == 200


def test_its_heartbeats_are_what_agents_send():
    (one,) = tracked(1, 1)
    beat = parse_heartbeat(heartbeat(one, 1_795_365_733.0))

    assert isinstance(beat, Heartbeat)
    assert (str(beat.public_ip), beat.load_kbps) == (one.address, one.load_kbps)
    assert set(json.loads(heartbeat(one, 1.0))) >= {"uuid", "verified", "upstream"}


def test_the_cost_is_that_of_the_reference():
    batavia = Tracked(0, "192.0.2.1", ZONES["127.0.12.1"], 119_000.0)

    # reference section 7.1: 0.5 * 1.1146 / pi + 0.5 * 119000 / 122000
    assert batavia.cost(ZONES["127.0.11.1"]) == pytest.approx(
        0.5 * 1.1146 / math.pi + 0.5 * 119_000 / 122_000, abs=1e-3
    )

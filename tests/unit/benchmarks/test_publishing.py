"""What the agents of the benchmark say, one heartbeat after the other."""

import pytest

from benchmarks.publishing import Order, moved, said
from benchmarks.shoal import CAPACITY_KBPS, tables, tracked

CACHES = tracked(10, 1)


def test_heartbeats_come_from_all_caches_in_turn_with_a_new_load_each_time():
    turns = [[said(CACHES, 10 * turn + index) for index in range(10)] for turn in range(50)]

    assert turns[0] == CACHES
    for turn in turns:
        assert [one.number for one in turn] == list(range(10))
        assert all(0 <= one.load_kbps <= CAPACITY_KBPS for one in turn)
    assert len({turn[0].load_kbps for turn in turns}) == 50


@pytest.mark.parametrize("sent", [0, 3, 10, 25, 100])
def test_what_was_said_last_counts(sent):
    expected = list(CACHES)
    for number in range(sent):
        expected[number % 10] = said(CACHES, number)

    assert moved(CACHES, sent) == expected


def test_an_order_is_written_and_read():
    order = Order(5672, "shoal", 10, 1, 1000.0)

    assert '"rate": 1000.0' in order.as_json()


def test_callers_and_caches_are_placed_by_network():
    text = tables(CACHES)

    assert text.count("[[geo.networks]]") == 3 + 10
    assert 'networks = ["127.0.11.0/24"]' in text
    assert "enabled = false" in text

"""The share of one that has returned grows in tenths."""

from ugrpy.health.warming import Warming


def test_the_share_grows_from_a_tenth_to_the_whole():
    warming = Warming(30.0)
    assert warming.share(0.0) == 1.0
    warming.returned(100.0)
    assert [warming.share(at) for at in (100.0, 103.0, 103.4, 115.0, 129.9, 130.0)] == [
        0.1,
        0.1,
        0.2,
        0.5,
        0.9,
        1.0,
    ]
    assert warming.under_way(129.9)
    assert not warming.under_way(130.0)
    assert repr(warming) == "<Warming over 30 s>"


def test_without_a_time_it_is_whole_at_once():
    warming = Warming(0.0)
    warming.returned(100.0)
    assert warming.share(100.0) == 1.0

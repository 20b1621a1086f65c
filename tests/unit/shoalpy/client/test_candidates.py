"""What a server names, what is worth a test, and the order of those that passed."""

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.client.candidates import (
    BadAnswer,
    Candidate,
    Grouping,
    Passed,
    Route,
    best,
    grouped,
    is_neighbour,
    parse_answer,
    routes,
)
from shoalpy.proxylist import Proxy

PUBLIC, PRIVATE = ip_address("192.0.2.7"), ip_address("10.1.2.3")


def entry(**said):
    return {"squid_port": 3128, "public_ip": str(PUBLIC), "private_ip": None, "local": None, **said}


def answer(*entries):
    return json.dumps({str(number): one for number, one in enumerate(entries)}).encode()


def test_caches_come_in_the_order_of_their_keys():
    said = {str(number): entry(squid_port=number + 1) for number in (10, 9, 1, 0)}
    found = parse_answer(json.dumps(said).encode())
    assert [one.port for one in found] == [1, 2, 10, 11]


def test_null_names_none():
    assert parse_answer(b"null") == ()


@pytest.mark.parametrize(
    ("said", "candidate"),
    [
        (entry(squid_port="3129"), Candidate(3129, PUBLIC)),
        (entry(public_ip=None, external_ip="192.0.2.7"), Candidate(3128, PUBLIC)),
        (entry(private_ip="10.1.2.3", local=True), Candidate(3128, PUBLIC, PRIVATE)),
        (entry(private_ip="10.1.2.3"), Candidate(3128, PUBLIC)),
        (entry(private_ip="10.1.2.3", local=True, public_ip=None), Candidate(3128, None, PRIVATE)),
    ],
)
def test_an_entry_is_a_candidate(said, candidate):
    assert parse_answer(answer(said)) == (candidate,)


@pytest.mark.parametrize(
    "said",
    [
        entry(squid_port=0),
        entry(squid_port=70000),
        entry(squid_port="x"),
        entry(squid_port=None),
        entry(squid_port=3.5),
        entry(public_ip=None),
        entry(public_ip="evil;DIRECT"),
        entry(public_ip=7),
        "text",
        None,
    ],
)
def test_one_that_cannot_be_used_is_passed_over(said):
    assert parse_answer(answer(said, entry())) == (Candidate(3128, PUBLIC),)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"a"', b'{"error": {}}', b"[" * 100_000])
def test_another_answer_is_refused(body):
    with pytest.raises(BadAnswer):
        parse_answer(body)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("10.1.9.9", "10.1.2.3", True),
        ("10.2.2.3", "10.1.2.3", False),
        (None, "10.1.2.3", False),
        ("fd00::1", "10.1.2.3", False),
        ("fd00:1:2:3::1", "fd00:1:2:4::1", True),
        ("fd00:1:3::1", "fd00:1:2::1", False),
    ],
)
def test_a_private_address_is_tried_by_neighbours(own, other, expected):
    assert is_neighbour(own and ip_address(own), ip_address(other)) is expected


def test_both_ways_to_a_cache_are_tested_and_each_proxy_once():
    near, far = Candidate(3128, PUBLIC, PRIVATE), Candidate(3128, PUBLIC)
    found = routes([near, far], lambda _: ip_address("10.1.0.1"))
    assert found == (
        Route(0, Proxy("10.1.2.3", 3128), near=True),
        Route(0, Proxy("192.0.2.7", 3128)),
    )
    assert [one.near for one in routes([near], lambda _: None)] == [False]


def way(cache, rtt_s, *, near=False):
    return Passed(Route(cache, Proxy(f"{'n' if near else 'p'}{cache}", 3128), near), rtt_s)


def test_near_ones_come_first_then_the_fastest_and_one_way_to_each():
    passed = [way(0, 0.3), way(1, 0.1), way(2, 0.9, near=True), way(2, 0.05), way(3, 0.2)]
    chosen = best(passed, 3)
    assert [one.route.proxy.host for one in chosen] == ["n2", "p1", "p3"]


@pytest.mark.parametrize(
    ("times", "grouping", "sizes"),
    [
        ([0.100, 0.120, 0.130], Grouping(0.25, 0.0), [2, 1]),
        ([0.001, 0.004, 0.006], Grouping(0.0, 0.004), [2, 1]),
        # near to the fastest of the group, not to each other in a chain
        ([0.10, 0.12, 0.14, 0.16], Grouping(0.25, 0.0), [2, 2]),
        ([0.1, 0.1], Grouping(0.0, 0.0), [1, 1]),
        ([], Grouping(), []),
    ],
)
def test_near_equal_ones_share_the_load(times, grouping, sizes):
    chosen = [way(number, rtt_s) for number, rtt_s in enumerate(times)]
    assert [len(group) for group in grouped(chosen, grouping)] == sizes


def test_near_and_far_ones_never_share():
    assert len(grouped([way(0, 0.1, near=True), way(1, 0.1)], Grouping())) == 2


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 2), st.booleans()), max_size=20),
    st.integers(1, 9),
)
def test_each_cache_is_used_once_and_as_many_as_wanted(found, count):
    passed = [way(cache, rtt_s, near=near) for cache, rtt_s, near in found]
    chosen = best(passed, count)
    caches = [one.route.cache for one in chosen]
    assert len(caches) == len(set(caches)) == min(count, len({one for one, _, _ in found}))
    groups = grouped(chosen, Grouping())
    assert sorted(map(str, (one for group in groups for one in group))) == sorted(
        str(one.route.proxy) for one in chosen
    )

"""What is asked and what must be answered."""

import random
from collections import Counter

from benchmarks.corpus import Corpus, lookup_path
from benchmarks.workload import Ask, build, poisson_arrivals, zipf_order

CORPUS = Corpus()


def test_each_name_once_with_the_status_it_must_get():
    load = build(Ask("each", CORPUS.as_json(), names=200, first=50), "127.0.0.1:80")
    assert not load.wraps
    for offset, (request, expected) in enumerate(zip(load.requests, load.expected, strict=True)):
        index = 50 + offset
        assert request.startswith(b"GET " + lookup_path(index).encode() + b" HTTP/1.1\r\n")
        assert request.endswith(b"\r\n\r\n")
        assert expected == (b"302" if CORPUS.holders(index) else b"404")
    assert b"404" in load.expected


def test_zipf_asks_the_same_for_the_same_seed():
    ask = Ask("zipf", CORPUS.as_json(), names=100, seed=5, accept="text/plain", found=200)
    load = build(ask, "h:1")
    assert load.wraps
    assert list(load.requests[:1000]) == list(build(ask, "h:1").requests[:1000])
    assert b"\r\nAccept: text/plain\r\n" in load.requests[0]
    assert set(load.expected) == {b"200", b"404"}


def test_zipf_frequencies_fall_with_the_rank():
    counts = Counter(zipf_order(1000, 100_000, random.Random(1))).most_common()
    total = sum(1 / rank for rank in range(1, 1001))
    assert abs(counts[0][1] / 100_000 - 1 / total) < 0.01
    assert 1.7 < counts[0][1] / counts[1][1] < 2.3


def test_lists_are_asked_with_depth_1_and_a_constant_expects_its_one_status():
    load = build(Ask("lists", CORPUS.as_json(), names=3, found=207), "h:1")
    assert [r.partition(b" HTTP")[0] for r in load.requests] == [
        b"PROPFIND /lists/000000/",
        b"PROPFIND /lists/000001/",
        b"PROPFIND /lists/000002/",
    ]
    assert all(b"\r\nDepth: 1\r\n" in request for request in load.requests)
    assert all(b"\r\nAccept-Encoding: identity\r\n" in request for request in load.requests)
    assert not load.wraps
    again = build(Ask("lists", CORPUS.as_json(), names=1, repeat=True, encoding="gzip"), "h:1")
    assert again.wraps
    assert b"\r\nAccept-Encoding: gzip\r\n" in again.requests[0]
    constant = build(Ask("fixed", CORPUS.as_json()), "h:1")
    assert (constant.expected, constant.wraps, len(constant.requests)) == ([b"302"], True, 1)


def test_arrivals_are_ordered_fixed_and_about_as_many_as_asked_for():
    times = poisson_arrivals(200, 10, random.Random(2))
    assert times == sorted(times)
    assert times == poisson_arrivals(200, 10, random.Random(2))
    assert 1800 < len(times) < 2200
    assert times[-1] < 10


def test_one_path_for_ever():
    load = build(Ask("path", {}, path="/nearest", found=200), "h:1")
    assert load.wraps
    assert [request.partition(b"\r\n")[0] for request in load.requests] == [
        b"GET /nearest HTTP/1.1"
    ]
    assert list(load.expected) == [b"200"]

"""The servers and the load generator together, for a moment: they start, answer, are counted, and are gone afterwards."""

import os
from dataclasses import replace

import pytest

from benchmarks.corpus import Corpus, list_path, lookup_path
from benchmarks.habits import Habit
from benchmarks.model import WrongAnswer
from benchmarks.rounds import interleave, load, same_every_round
from benchmarks.scene import Scene, set_up
from benchmarks.topology import CannotRun, Server, Topology, fetch, python

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def scene():
    with Topology() as topology:
        yield set_up(topology, Corpus(list_entries=50), delay_ms=20, bad={Habit.HANG: 0})


@pytest.fixture(scope="module")
def bare(scene: Scene) -> Server:
    return scene.topology.bare_aiohttp(scene.location())


def ask_element(scene: Scene, member: int, method: str, path: str, **headers: str):
    host, _, number = scene.urls[member].removeprefix("http://").partition(":")
    return fetch(int(number), method, path, host=host, headers=headers, timeout_s=1.0)


def test_elements_hold_what_the_corpus_says(scene):
    index = next(i for i in range(100) if scene.corpus.holders(i) == (1,))
    assert [ask_element(scene, m, "HEAD", lookup_path(index))[0] for m in range(3)] == [
        404,
        200,
        404,
    ]
    status, _, body = ask_element(scene, 2, "PROPFIND", list_path(3), Depth="1")
    assert status == 207
    assert body.count(b"<D:response>") == 1 + len(scene.corpus.children(2, list_path(3)))


def test_the_closed_loop_counts_every_answer(scene, bare):
    plan = scene.plan(bare, scene.ask("fixed"), 0.2, connections=4)
    sample = load(scene.topology, plan)
    assert sample.statuses == {"302": sample.figures["requests"]}
    assert sample.figures["cpu_us"] > 0
    assert sample.figures["p50_us"] <= sample.figures["p99_us"] <= sample.figures["max_us"]


def test_the_open_loop_sends_what_was_planned(scene, bare):
    plan = scene.plan(bare, scene.ask("fixed"), 0.5, connections=4, rate=100.0, seed=3)
    rounds = interleave(scene.topology, {"bare": same_every_round(plan)}, 2)
    assert all(20 < count < 90 for count in rounds.values("bare", "requests"))
    assert rounds.values("bare", "requests") != [0, 0]


def test_a_workload_that_must_not_wrap_ends(scene, bare):
    ask = replace(scene.ask("each", names=30), corpus=Corpus(miss_percent=0).as_json())
    sample = load(scene.topology, scene.plan(bare, ask, 30.0))
    assert sample.statuses == {"302": 30}


def test_wrong_statuses_fail_the_run(scene, bare):
    with pytest.raises(WrongAnswer, match=r"first: GET /bench/.*: 302 instead of 200"):
        load(scene.topology, scene.plan(bare, scene.ask("fixed", found=200), 0.1, connections=2))


def test_a_server_that_hangs_fails_the_run(scene):
    with pytest.raises(OSError, match="timed out"):
        ask_element(scene, 3, "GET", lookup_path(0))


def test_a_process_that_dies_is_reported_with_its_log(scene):
    process = scene.topology.start(
        "dying", python("-c", "raise SystemExit('no more')"), scene.topology.other_cores
    )
    with pytest.raises(CannotRun, match="no more"):
        scene.topology.first_line("dying", process)


@pytest.mark.peer("nginx")
def test_nginx_is_the_yardstick(scene):
    server = scene.topology.nginx(scene.location())
    status, headers, _ = fetch(server.port, "GET", "/any")
    assert (status, headers["location"]) == (302, scene.location())
    load(scene.topology, scene.plan(server, scene.ask("fixed"), 0.1))


def test_nothing_is_left_behind():
    with Topology() as topology:
        server = topology.bare_aiohttp("http://127.0.1.1/")
        directory = topology.directory
        assert os.sched_getaffinity(server.pid) == topology.server_cores
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)

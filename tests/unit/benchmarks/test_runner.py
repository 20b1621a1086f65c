"""The command line, the catalogue and the parts the servers are made of; no sockets."""

import json
import os
import tomllib
from pathlib import Path

import pytest

from benchmarks import __main__, environment, federation, one, procfs, programs
from benchmarks.catalogue import HERE, KINDS, catalogue
from benchmarks.corpus import Corpus, list_path, lookup_path
from benchmarks.model import Settings
from benchmarks.storage import Answers
from benchmarks.timing import Work, timed
from benchmarks.topology import render_toml
from ugrpy.webdav.multistatus import MultistatusReader


def test_every_benchmark_is_listed_with_its_question(capsys):
    assert __main__.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(catalogue()) > 10
    for item in catalogue().values():
        assert item.summary.endswith(("?", "."))
        assert any(line.startswith(item.name) and item.summary in line for line in listed)


def test_names_are_unique_across_kinds():
    files = [file.stem for kind in KINDS for file in (HERE / kind).glob("[a-z]*.py")]
    assert sorted(files) == sorted(catalogue())


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit) as left:
        __main__.main(["no_such_benchmark"])
    assert left.value.code == 2
    assert "no_such_benchmark" in capsys.readouterr().err


def test_a_run_in_a_fresh_process_is_reported_as_json(capsys):
    assert __main__.main(["path", "--json", "--seconds", "0.1", "--repeat", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"] == {"seed": 1, "repeat": 2, "seconds": 0.1}
    assert document["results"]["path"]["subjects"]["work"]["ns"]["min"] > 0
    assert document["environment"]["python"]


def test_a_benchmark_that_cannot_run_says_why(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "run_fresh", lambda *_: {"error": "CannotRun: no nginx"})
    assert __main__.main(["path"]) == 1
    assert "FAILED: CannotRun: no nginx" in capsys.readouterr().out


def test_results_are_kept_under_the_name_of_a_version(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(__main__, "RESULTS", tmp_path)
    monkeypatch.setattr(__main__, "run_fresh", lambda *_: {"error": "CannotRun: no nginx"})
    assert __main__.main(["path", "--save", "0.2.0.dev1"]) == 1
    kept = json.loads((tmp_path / "0.2.0.dev1.json").read_text())
    assert kept["results"] == {"path": {"error": "CannotRun: no nginx"}}
    assert kept["settings"]["repeat"] == 5
    assert "FAILED" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        __main__.main(["path", "--save", "../quick"])
    assert "expected a version such as 0.2.0" in capsys.readouterr().err


def test_programs_that_were_started_stand_in_the_result(monkeypatch, capsys):
    monkeypatch.setattr(programs, "_taking_part", {})
    programs.note("rabbitmq", "3.10.8")
    programs.note("nginx", "1.22.1")
    assert one.main(["path", "1", "1", "0.1"]) == 0
    assert json.loads(capsys.readouterr().out)["peers"] == {"nginx": "1.22.1", "rabbitmq": "3.10.8"}


def test_the_environment_names_versions_and_no_paths():
    found = json.dumps(environment.describe())
    assert '"aiohttp"' in found
    assert str(Path(__file__).parents[3]) not in found
    assert os.uname().nodename not in found


def test_timing_refuses_work_that_is_wrong():
    def check(result):
        assert result == 2

    good = timed(lambda seed, size: Work(lambda: 2, 1, check))
    assert good(Settings(repeat=2, seconds=0.1)).subjects["work"]["ns"].minimum > 0
    with pytest.raises(AssertionError):
        timed(lambda seed, size: Work(lambda: 3, 1, check))(Settings(repeat=1, seconds=0.1))


def test_settings_for_the_gateway_are_toml():
    tree = federation.settings(
        ["http://127.0.1.1:1"], Path("zones.mmdb"), service={"access_log": ""}
    )
    parsed = tomllib.loads(render_toml(tree))
    assert parsed["endpoints"]["se0"] == {
        "url": "http://127.0.1.1:1",
        "location": [48.46, -123.31],
    }
    assert parsed["service"] == {"access_log": ""}
    assert parsed["locality"]["geoip"] == ["zones.mmdb"]


def test_clients_belong_to_their_nearest_holder():
    west, europe, asia = federation.ZONES
    assert [federation.nearest(zone, (0, 1, 2)) for zone in (west, europe, asia)] == [0, 1, 2]
    assert federation.nearest(west, (1, 2)) == 1
    corpus = Corpus()
    index = next(i for i in range(100) if corpus.holders(i) == (1,))
    assert federation.right_location(west, corpus, "abc", index) == "b" + lookup_path(index)


def test_own_cpu_and_memory_are_read():
    before = procfs.cpu_s(os.getpid())
    sum(range(2_000_000))
    assert procfs.cpu_s(os.getpid()) > before > 0
    assert procfs.peak_rss_bytes(os.getpid()) >= procfs.rss_bytes(os.getpid()) > 1_000_000
    gone = 2**22 + 1  # above the largest process number Linux gives
    assert procfs.family(gone) == [gone]
    assert procfs.cpu_s(gone) == procfs.peak_rss_bytes(gone) == 0


@pytest.fixture
def answers():
    return Answers(Corpus(list_entries=30, replicas_min=3, miss_percent=0), 0)


def read(answer: bytes):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    reader = MultistatusReader()
    return head[9:12], reader.feed(body) + reader.close()


def test_an_element_lists_what_the_corpus_says(answers):
    status, resources = read(answers.answer("PROPFIND", list_path(1), "1"))
    assert status == b"207"
    assert [r.path for r in resources[:2]] == [
        "/lists/000001",
        "/lists/000001/evt.000001.000000.root",
    ]
    assert len(resources) == 31
    assert answers.answer("PROPFIND", list_path(1), "1") == answers.answer(
        "PROPFIND", list_path(1), "1"
    )


def test_an_element_describes_one_name(answers):
    status, (resource,) = read(answers.answer("PROPFIND", lookup_path(5), "0"))
    item = answers._corpus.stat(0, lookup_path(5))
    assert status == b"207"
    assert (resource.path, resource.size_bytes, resource.mtime_s) == (
        lookup_path(5),
        item.size_bytes,
        item.mtime_s,
    )
    head, _, body = answers.answer("GET", lookup_path(5), "").partition(b"\r\n\r\n")
    assert len(body) == item.size_bytes
    assert answers.answer("HEAD", lookup_path(5), "") == head + b"\r\n\r\n"


def test_an_element_refuses_the_rest(answers):
    assert answers.answer("GET", "/nowhere", "").startswith(b"HTTP/1.1 404 ")
    assert answers.answer("PUT", lookup_path(5), "").startswith(b"HTTP/1.1 405 ")
    answers = Answers(Corpus(), 0)
    for number in range(40):
        answers.answer("PROPFIND", list_path(number), "1")
    assert len(answers._listings) == 32

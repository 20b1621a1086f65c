"""``ugrpy flights`` where there is little to tell: nothing recorded, no rules, damage, names that would steer a terminal."""

import json

import pytest

from tests.functional.test_cli import ugrpy
from tests.properties.flown import World, framed, row_of
from ugrpy.locality.drawn import Drawn
from ugrpy.locality.model import Candidate, Place
from ugrpy.locality.rank import RankPolicy
from ugrpy.locality.ranker import Ranker
from ugrpy.recording.ring import RingWriter
from ugrpy.recording.rules import Ruled, Rules

pytestmark = pytest.mark.functional

RED = "/odd/\x1b[31m[bold]red"
ID = "3f2a-1"


@pytest.fixture
def ring(tmp_path):
    """Two decisions, of a name that no request of ours could have; the rules are not there."""
    ranker = Ranker([Candidate("a", Place())], (), RankPolicy(), lambda _address: Place())
    world = World(ranker, Rules((Ruled("a", Place()),)), ranker.zone_of(None), "10.0.0.1", {})
    rows = [
        row_of(world, None, ("a",), Drawn(lambda: 0.5), path=RED),
        row_of(
            world,
            None,
            (),
            Drawn(lambda: 0.5),
            path="/none",
            status=404,
            number=2,
            at_s=6.0,
            why="no",
        ),
    ]
    folder = tmp_path / "flights"
    writer = RingWriter(folder, 0, 1_000_000)
    writer.append(framed(rows, world.rules))
    writer.close()
    return folder


def test_what_is_there_is_listed_and_names_do_not_steer_the_terminal(ring):
    done = ugrpy("flights", "--folder", str(ring))
    assert done.returncode == 0
    assert r"/odd/\x1b[31m[bold]red" in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "/none" in done.stdout
    one = ugrpy("flights", "--folder", str(ring), "--most", "1")
    assert "there are more" in one.stderr
    assert json.loads(ugrpy("flights", "--folder", str(ring), "--json").stdout)[1]["path"] == RED


def test_without_the_rules_the_order_is_told_and_the_reasons_are_not(ring):
    done = ugrpy("flights", "show", ID, "--folder", str(ring))
    assert done.returncode == 0
    assert "order: a" in done.stdout
    assert "the rules 00ff are not there" in done.stderr
    refused = ugrpy("flights", "show", "3f2a-2", "--folder", str(ring))
    assert "why: no" in refused.stdout
    assert refused.stderr == ""
    summary = ugrpy("flights", "replay", "--folder", str(ring), "--json")
    assert json.loads(summary.stdout)["why_unusable"] == {
        "the rules 00ff are not there: No such file or directory": 1
    }
    assert ugrpy("flights", "replay", ID, "--folder", str(ring)).returncode == 75


def test_damage_is_told_beside_the_answer(ring):
    (file,) = ring.iterdir()
    file.write_bytes(b"torn" + file.read_bytes())
    done = ugrpy("flights", "--folder", str(ring), "--json")
    assert len(json.loads(done.stdout)) == 2
    assert "1 damaged places of 4 bytes" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 78, "nothing is recorded by a gateway without a state folder"),
        (("--folder", "/nowhere"), 1, "No such file"),
        (("--folder", "/nowhere", "--since", "soon"), 2, "is no time"),
        (("show", "3f2a-99", "--folder", "{ring}"), 1, "no decision 3f2a-99 is recorded"),
        (("replay", "3f2a-2", "--folder", "{ring}"), 75, "the rules 00ff are not there"),
    ],
)
def test_what_cannot_be_told_is_said_so(ring, arguments, code, words):
    done = ugrpy("flights", *(argument.format(ring=ring) for argument in arguments))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr

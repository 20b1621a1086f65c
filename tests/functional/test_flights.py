"""The flight recorder over real storages and two workers: what was decided is found again, and decided again under other rules (row M8)."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.functional.helpers.asking import ask_from, until
from tests.functional.helpers.settings import configuration
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.programs import require
from tests.peers.server import PeerServer

pytestmark = pytest.mark.functional

PLACES = {"west": [48.43, -123.37], "east": [46.20, 6.14], "westby": [48.43, -123.36]}
CLIENTS = {"west": "127.0.71.1", "east": "127.0.73.1"}
NOWHERE = "127.0.79.1"
EACH = 30
# Enough for each of two workers to be asked once, but for one time in 2^23.
WARM = 24


def settings(storages: dict[str, PeerServer], state: Path, **moved: list[float]) -> str:
    """West and westby share the clients of the west; the other rules have some of them elsewhere."""
    return configuration(
        {
            name: {"url": storages[name].url, "location": moved.get(name, at), "writable": True}
            for name, at in PLACES.items()
        },
        service={"workers": 2, "access_log": str(state.parent / "access.log")},
        changes={"state_dir": str(state), "write_from": ["127.0.0.0/8"]},
        arrays=[
            ("locality.networks", {"networks": [f"{address}/32"], "position": PLACES[name]})
            for name, address in CLIENTS.items()
        ],
    )


class Here:
    """A gateway of two workers whose clients have been there; what its commands and its admin listener say."""

    def __init__(self, gateway: Gateway, folder: Path, storages: dict[str, PeerServer]) -> None:
        self.gateway = gateway
        self.folder = folder
        self.storages = storages
        self.ring = folder / "state" / "flights"

    def flights(self, *arguments: str) -> Any:
        """What ``ugrpy flights`` prints, as JSON."""
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments: str) -> str:
        """What it prints to people."""
        ran = subprocess.run(
            [sys.executable, "-m", "ugrpy", "flights", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def rules(self, name: str, **moved: list[float]) -> Path:
        """A configuration in which some endpoints are elsewhere."""
        path = self.folder / f"{name}.toml"
        path.write_text(settings(self.storages, self.folder / "state", **moved))
        return path

    def recorded(self, **said: str) -> list[dict[str, Any]]:
        """What the admin listener tells."""
        query = "&".join(f"{key}={value}" for key, value in {"most": "1000", **said}.items())
        answer = ask("GET", f"{self.gateway.admin_url}/v1/flights?{query}")
        assert answer.status == 200, answer.text
        return list(json.loads(answer.body)["flights"])


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Here]:
    require("nginx")
    folder = tmp_path_factory.mktemp("flights")
    with ExitStack() as stack:
        bench = stack.enter_context(Bench())
        storages = {name: bench.nginx_dav() for name in PLACES}
        for server in storages.values():
            server.write("/d/f", b"content")
        storages["east"].write("/d/only-east", b"content")
        start = stack.enter_context(GatewayStarter(folder))
        gateway = start(config=settings(storages, folder / "state"))
        made = Here(gateway, folder, storages)
        until(lambda: gateway.log_text().count("event=listening") == 3, "both workers listen")
        for _ in range(WARM):  # a metalink waits for everybody's word
            assert ask_from(NOWHERE, "GET", f"{gateway.url}/d/f?metalink=4").status == 200
        for _ in range(EACH):
            for address in CLIENTS.values():
                assert ask_from(address, "GET", f"{gateway.url}/d/f").status == 302
        assert ask_from(CLIENTS["west"], "GET", f"{gateway.url}/d/only-east").status == 302
        assert ask_from(CLIENTS["east"], "GET", f"{gateway.url}/d/f?metalink=4").status == 200
        assert ask_from(CLIENTS["east"], "GET", f"{gateway.url}/d/none").status == 404
        expect = {"Expect": "100-continue", "Content-Length": "5"}
        assert ask_from(CLIENTS["east"], "PUT", f"{gateway.url}/d/new", expect).status == 307
        everything = WARM + 2 * EACH + 4
        until(lambda: len(made.recorded()) >= everything, "all are written down")
        yield made


@pytest.mark.row("M8")
def test_decisions_are_found_by_path_client_and_time(here):
    ring = ("--folder", str(here.ring))
    all_of_them = here.flights(*ring, "--most", "1000")
    lines = (here.folder / "access.log").read_text().splitlines()
    assert {one["id"] for one in all_of_them} == set(re.findall(r" id=(\S+)", "\n".join(lines)))
    assert len({one["worker"] for one in all_of_them}) == 2

    of_f = here.flights(*ring, "--path", "/d/f", "--most", "1000")
    assert len(of_f) == WARM + 2 * EACH + 1
    assert {one["path"] for one in of_f} == {"/d/f"}
    from_west = here.flights(*ring, "--client", "127.0.71.0/24", "--path", "/d/", "--most", "1000")
    assert Counter(one["path"] for one in from_west) == {"/d/f": EACH, "/d/only-east": 1}
    assert {one["client"] for one in from_west} == {CLIENTS["west"]}

    times = sorted(one["time"] for one in all_of_them)
    early = here.flights(*ring, "--until", times[10], "--most", "1000")
    late = here.flights(*ring, "--since", times[10], "--most", "1000")
    assert len(early) == len([t for t in times if t < times[10]])
    assert len(early) + len(late) == len(all_of_them)
    assert here.flights(*ring, "--since", "2030-01-01") == []

    (refused,) = here.flights(*ring, "--status", "4xx")
    assert (refused["path"], refused["status"], refused["endpoint"]) == ("/d/none", 404, "")
    assert "none" in refused["why"]
    assert {one["id"] for one in here.recorded(status="404")} == {refused["id"]}


def test_one_decision_is_told_in_full(here):
    (sent,) = here.recorded(path="/d/only-east")
    told = here.text("show", sent["id"], "--folder", str(here.ring))
    assert "held by: east" in told
    assert "absent at: west, westby" in told
    assert f"client: {CLIENTS['west']} (anonymous), at 48.43, -123.37" in told
    assert re.search(r"│ 1 +│ east +│ 8\d\d\d km from the client", told), told
    assert re.search(r"│ ✗ +│ west +│ does not hold it", told), told


@pytest.mark.row("M8")
def test_the_rules_of_then_give_the_same_order_again(here):
    same = here.rules("same")
    summary = here.flights("replay", "--config", str(same))
    decisions = WARM + 2 * EACH + 3
    assert summary["replayed"] == summary["exact"] == decisions
    assert (summary["elsewhere"], summary["reordered"], summary["unusable"]) == (0, 0, 0)
    # the draw between west and westby is replayed with them
    shares = summary["went_to"]
    assert shares["west"]
    assert shares["westby"]
    assert shares["east"] > EACH
    live = ask("GET", f"{here.gateway.admin_url}/v1/flights/replay?path=/d/f")
    assert json.loads(live.body)["exact"] == WARM + 2 * EACH + 1


@pytest.mark.row("M8")
def test_under_other_rules_it_is_shown_who_would_go_elsewhere_and_why(here):
    moved = here.rules("moved", west=[46.20, 6.15], westby=[35.68, 139.65])
    ring = ("--folder", str(here.ring), "--config", str(moved))
    summary = here.flights("replay", *ring, "--path", "/d/f", "--client", CLIENTS["west"])
    assert (summary["replayed"], summary["exact"]) == (EACH, EACH)
    # west has gone to Geneva and westby to Tokyo, which is nearer to Victoria
    (move,) = summary["moves"]
    assert (move["from"], move["to"]) == ("west", "westby")
    assert summary["would_go_to"] == {"westby": EACH}
    assert move["flights"] == summary["elsewhere"] == summary["went_to"]["west"]

    example = summary["examples"][0]
    told = here.text("replay", example["id"], *ring)
    assert "the client would go to westby instead of west" in told
    assert re.search(
        r"west: 8\d\d\d km from the client.*; westby: 7\d\d\d km from the client", told
    ), told
    people = here.text("replay", *ring, "--client", CLIENTS["west"], "--path", "/d/f")
    assert f"of {EACH} decisions {summary['elsewhere']} would go elsewhere" in people


def test_places_for_uploads_are_replayed_too(here):
    (placed,) = here.recorded(path="/d/new")
    assert (placed["status"], placed["endpoint"]) == (307, "east")
    assert placed["among"]["rooms"].keys() == PLACES.keys()
    one = here.flights("replay", placed["id"], "--config", str(here.rules("swap", east=[0.0, 0.0])))
    assert one["exact"]
    assert (one["elsewhere"], one["would_go_to"]) == (False, "east")
    far = here.rules("far", east=[-80.0, -170.0])
    one = here.flights("replay", placed["id"], "--config", str(far))
    assert one["elsewhere"]
    assert one["would_go_to"] in ("west", "westby")


@pytest.mark.parametrize(
    "query", ["what=1", "most=0", "most=x", "since=soon", "status=9", "client=x"]
)
def test_a_question_that_is_not_understood_is_refused(here, query):
    answer = ask("GET", f"{here.gateway.admin_url}/v1/flights?{query}")
    assert answer.status == 400, answer.text


def test_one_decision_is_replayed_on_the_admin_listener(here):
    (sent,) = here.recorded(path="/d/only-east")
    answer = ask("GET", f"{here.gateway.admin_url}/v1/flights/replay?id={sent['id']}")
    told = json.loads(answer.body)
    assert (told["exact"], told["elsewhere"], told["would_go_to"]) == (True, False, "east")
    gone = ask("GET", f"{here.gateway.admin_url}/v1/flights/replay?id=1-1")
    assert gone.status == 404

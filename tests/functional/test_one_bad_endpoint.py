"""What do clients notice of an endpoint that loses questions, hangs or tells lies? A gateway over real connections.

``near`` is the one that every client is sent to when it may be. Virtual time tells how long things take
(``tests/unit/federation/test_second_asks.py`` and ``test_one_bad_of_8.py``); here it is shown that the questions
are really put, answered and given up on the wire.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from aiohttp import web

from tests.functional.helpers.asking import health_of, metric, until, wait_for_service
from tests.functional.helpers.settings import configuration
from tests.functional.helpers.storage import HANGING, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.testing import Faults, StorageElement, in_thread
from ugrpy.testing.faults import Xml

pytestmark = [pytest.mark.functional, pytest.mark.fault]

NAMES = ("near", "far", "farther")
DEADLINE_S = 1.5
WARM = tuple(f"/warm/{n}" for n in range(20))
BOTH = tuple(f"/both/{n}" for n in range(8))
ALL = tuple(f"/all/{n}" for n in range(8))
LATER = tuple(f"/later/{n}" for n in range(4))
ONLY_NEAR = tuple(f"/near/{n}" for n in range(4))


class Losing(StorageElement):
    """Loses the first so many questions about a name, and counts what is under way."""

    lose: Counter[str]
    pending = 0

    def faults_of(self, method: str, path: str) -> Faults:
        if method == "PROPFIND" and self.lose[path] > 0:
            self.lose[path] -= 1
            return HANGING
        return super().faults_of(method, path)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.pending += 1
        try:
            return await super()._handle(request)
        finally:
            self.pending -= 1


# How it is bad, and what is then said of it; nothing where it is as good as any but for this.
SHAPES = {
    "denies": (Faults(status=404), ""),
    "oversizes": (Faults(size_off=1), ""),
    "elsewhere": (Faults(xml=Xml.ELSEWHERE), "the answer is about another path"),
    "redirects": (Faults(location="/elsewhere"), "redirected elsewhere"),
    # what was not announced is the beginning of the next answer on the same connection
    "cuts": (Faults(content_length_off=-60), r"not well-formed XML|not HTTP"),
    "announces": (Faults(content_length_off=60), "ended before its announced end"),
    "hangs": (HANGING, "no answer"),
}
EJECTED = [name for name, (_, reason) in SHAPES.items() if reason]
TREES = {
    "near": tree_of(*WARM, *BOTH, *ALL, *LATER, *ONLY_NEAR),
    "far": tree_of(*WARM, *BOTH, *ALL, *LATER),
    "farther": tree_of(*ALL),
}


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, Losing]]:
    """Three that are well, and one for each way to be bad."""
    trees = TREES | dict.fromkeys(SHAPES, TREES["near"])
    with ExitStack() as stack:
        running = {name: Losing(tree) for name, tree in trees.items()}
        for element in running.values():
            element.lose = Counter()
            stack.enter_context(in_thread(element))
        yield running


@pytest.fixture(scope="module")
def gateway(
    storage: dict[str, Losing], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """It has seen enough of all of them to know what is usual."""
    everywhere = ["/well = /", *(f"/{shape} = /" for shape in SHAPES)]
    mounts = {"near": ["/well = /"], "far": everywhere, "farther": everywhere}
    text = configuration(
        {
            name: {"url": element.base_url, "mounts": mounts.get(name, [f"/{name} = /"])}
            for name, element in storage.items()
        },
        federation={
            "deadline_s": DEADLINE_S,
            "again_floor_s": 0.2,
            "again_share": 0.2,
            "give_up_floor_s": 0.5,
        },
        health={"probe_interval_s": 600.0},
        arrays=[
            (
                "locality.rules",
                {"networks": ["127.0.0.0/8"], "prefer": ["near", *SHAPES, "far", "farther"]},
            )
        ],
    )
    with GatewayStarter(tmp_path_factory.mktemp("one-bad")) as starter:
        running = starter(config=text)
        for part in ("well", *SHAPES):
            nearest = "near" if part == "well" else part
            assert {place_of(storage, running, f"/{part}{path}") for path in WARM} == {nearest}
        for shape, (faults, _) in SHAPES.items():
            storage[shape].faults = faults
        yield running


def place_of(storage: dict[str, Losing], gateway: Gateway, path: str) -> str:
    """To whom a client is sent for a path like ``/well/both/1``."""
    answer = ask("GET", gateway.url + path)
    assert answer.status == 302, answer
    inner = path[path.index("/", 1) :]
    url = answer.headers["location"].removesuffix(inner)
    (name,) = [name for name, element in storage.items() if element.base_url == url]
    return name


def second_asks(gateway: Gateway, outcome: str) -> float:
    """How many questions to ``near`` were put twice, and came to this."""
    return metric(gateway, f'ugrpy_second_asks_total{{endpoint="near",outcome="{outcome}"}}')


def none_under_way(*elements: Losing) -> None:
    until(lambda: not any(element.pending for element in elements), "nothing is asked any more")


# -- lost questions -------------------------------------------------------------------------------


@pytest.mark.row("M4")
def test_enough_is_known_the_late_one_is_asked_again_and_the_rest_is_cancelled(storage, gateway):
    near, far = storage["near"], storage["far"]
    # answered when enough is known: another one that holds the file is silent, and cannot be better
    far.lose["/both/0"] = 1
    assert place_of(storage, gateway, "/well/both/0") == "near"
    until(lambda: far.lose["/both/0"] == 0, "it was asked as well")
    # it should have answered long ago, and is given up
    none_under_way(far)
    assert health_of(gateway, "far")["last_error"].startswith("no answer within")
    # the first question is lost; the second one is answered on a connection of its own, and the first one given up
    near.lose["/near/0"] = 1
    assert place_of(storage, gateway, "/well/near/0") == "near"
    assert near.counts["PROPFIND", "/near/0"] == 2
    assert second_asks(gateway, "won") == 1
    none_under_way(near)
    # both are lost: then the deadline decides, and silence is no absence
    near.lose["/nowhere"] = 2
    assert ask("GET", f"{gateway.url}/well/nowhere").status == 504
    assert near.counts["PROPFIND", "/nowhere"] == 2
    none_under_way(near)
    # a listing is answered at the deadline and says what it lacks
    near.lose["/all"] = 1
    listing = ask("PROPFIND", f"{gateway.url}/well/all", headers={"Depth": "1"})
    assert listing.status == 207
    assert "near" in listing.headers["proxy-status"]
    assert listing.text.count("<D:href>") == 1 + len(ALL)
    none_under_way(near, far, storage["farther"])


# -- liars ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_clients_are_sent_to_those_who_tell_the_truth(storage, gateway, shape):
    for path in (*ALL, *BOTH):
        place_of(storage, gateway, f"/{shape}{path}")  # each is a redirect, to whomever
    none_under_way(storage[shape], storage["far"], storage["farther"])
    places = {place_of(storage, gateway, f"/{shape}{path}") for path in ALL}
    assert places <= {"far", "farther"}


def test_one_that_tells_wrong_sizes_is_not_believed_against_one_other(storage, gateway):
    for path in ALL:
        place_of(storage, gateway, f"/oversizes{path}")  # two contradict it each time
    until(lambda: health_of(gateway, "oversizes")["doubted"], "its word counts less")
    for path in LATER:
        place_of(storage, gateway, f"/oversizes{path}")
    none_under_way(storage["oversizes"], storage["far"])
    assert {place_of(storage, gateway, f"/oversizes{path}") for path in LATER} == {"far"}


@pytest.mark.parametrize("shape", EJECTED)
def test_one_that_makes_no_sense_is_put_out_of_service_and_the_reason_is_kept(
    storage, gateway, shape
):
    for path in ALL:
        place_of(storage, gateway, f"/{shape}{path}")
    wait_for_service(gateway, shape, serving=False)
    health = health_of(gateway, shape)
    assert re.search(SHAPES[shape][1], health["note"])
    assert health["last_error"] in health["note"]


def test_the_usual_pace_is_shown(gateway):
    usual = health_of(gateway, "near")["usual_s"]
    assert 0 < usual["stat"]["p50"] <= usual["stat"]["p95"] < DEADLINE_S
    assert health_of(gateway, "far")["doubted"] is False

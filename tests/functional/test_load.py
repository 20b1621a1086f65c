"""One network floods, hangs or comes too often: the others do not notice, and it is told when to come back.

Client networks are parts of 127.0.0.0/8: whoever asks from 127.0.5.1 comes from 127.0.5.0/24.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.functional.helpers.asking import ask_from, metric, until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import WELL, elements, tree_of
from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.testing import Faults, StorageElement

pytestmark = pytest.mark.functional

FLOOD, OTHER = "127.0.5.1", "127.0.6.1"
HUNDREDS = 240
MANY = range(1000)
PLACES = 16
SLOW = Faults(delay_s=0.25)
HANG = Faults(hang=True)
FILES = [f"/{folder}/{number}" for folder in ("slow", "quick") for number in MANY]


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, StorageElement]]:
    with elements({"one": tree_of(*FILES), "two": tree_of(*FILES)}) as running:
        yield running


@pytest.fixture
def one(storage) -> Iterator[StorageElement]:
    yield storage["one"]
    for element in storage.values():
        element.faults = WELL
        element.faults_at.clear()
        element.faults_by.clear()


@pytest.fixture(scope="module")
def starter(tmp_path_factory) -> Iterator[GatewayStarter]:
    with GatewayStarter(tmp_path_factory.mktemp("load")) as start:
        yield start


Start = Callable[..., Gateway]


@pytest.fixture
def start(starter, one) -> Iterator[Start]:
    """A gateway with these settings of ``[load]``; ``two``: with the other storage as well."""
    running: list[Gateway] = []

    def gateway(
        *, two: StorageElement | None = None, deadline_s: float = 10.0, **load: object
    ) -> Gateway:
        storages = {"one": one} if two is None else {"one": one, "two": two}
        text = configuration(
            {name: {"url": element.base_url, **QUIET} for name, element in storages.items()},
            load=load,
            federation={"deadline_s": deadline_s},
            health=NEVER_EJECT,
        )
        running.append(starter(config=text))
        return running[-1]

    yield gateway
    for each in running:
        each.stop()


class Crowd:
    """Clients of one network, all at once, each with a connection of its own."""

    def __init__(self, gateway: Gateway, source: str, method: str, paths: Sequence[str]) -> None:
        self._pool = ThreadPoolExecutor(len(paths))
        self.asked: list[Future[Answer]] = [
            self._pool.submit(ask_from, source, method, gateway.url + path) for path in paths
        ]

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def answers(self) -> list[Answer]:
        return [one.result() for one in self.asked]


def load_of(gateway: Gateway) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(ask("GET", f"{gateway.admin_url}/v1/load").body)
    return page


def network(gateway: Gateway, source: str) -> dict[str, Any]:
    """The row of a client's network."""
    name = source.rpartition(".")[0] + ".0/24"
    (row,) = [one for one in load_of(gateway)["networks"] if one["network"] == name]
    return dict(row)


def test_others_are_answered_at_once_while_one_network_floods(start, one):
    one.faults_at = {f"/slow/{number}": SLOW for number in MANY}
    gateway = start(max_at_work=PLACES)
    paths = [f"/slow/{number}" for number in range(HUNDREDS)]
    with Crowd(gateway, FLOOD, "GET", paths) as flood:
        until(lambda: load_of(gateway)["waiting"] > 100, "the flood waits")
        statuses = {
            ask_from(OTHER, "GET", f"{gateway.url}/quick/{number}").status for number in range(20)
        }
        waiting = load_of(gateway)["waiting"]
        answers = flood.answers()
    assert statuses == {302}
    assert waiting > 0, "the flood was over before the others were done"
    row = network(gateway, OTHER)
    assert (row["admitted"], row["waited"], row["refused"]) == (20, 0, 0)
    # and the flood itself has lost nothing but time
    assert [answer.status for answer in answers] == [302] * HUNDREDS
    row = network(gateway, FLOOD)
    assert (row["admitted"], row["refused"]) == (HUNDREDS, 0)
    assert row["waited"] == metric(gateway, 'ugrpy_admissions_total{outcome="waited"}') > 100
    assert metric(gateway, 'ugrpy_requests_at_work{state="at work"}') == 0


def test_a_network_alone_has_the_whole_gateway(start):
    """No limit but that of the machine: as many as there are places, none waits and none is refused."""
    gateway = start(max_at_work=HUNDREDS)
    with Crowd(gateway, FLOOD, "HEAD", [f"/quick/{n}" for n in range(HUNDREDS)]) as crowd:
        assert [answer.status for answer in crowd.answers()] == [200] * HUNDREDS
    row = network(gateway, FLOOD)
    assert (row["admitted"], row["waited"], row["refused"]) == (HUNDREDS, 0, 0)


def test_who_is_refused_is_told_which_limit_and_when_to_come_back(start, one, curl, tmp_path):
    one.faults_at = {f"/slow/{number}": SLOW for number in MANY}
    gateway = start(max_at_work=1, max_waiting=3)
    with Crowd(gateway, FLOOD, "GET", [f"/slow/{number}" for number in range(30)]) as crowd:
        until(lambda: load_of(gateway)["waiting"] == 3, "the queue is full")
        shown = curl(*("-sS", "-i", "--interface", FLOOD, f"{gateway.url}/slow/100")).check()
        # the network with few requests takes the place of one of the many
        other = ask_from(OTHER, "GET", f"{gateway.url}/quick/1")
        answers = crowd.answers()
    assert other.status == 302
    head, _, body = shown.text.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 429 Too Many Requests")
    assert "application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["title"]) == (429, "Too Many Requests")
    assert (problem["limit"], problem["most"]) == ("full", 3)
    assert "3 wait in all" in problem["detail"]
    assert f"Retry-After: {problem['retry_after_s']}" in head
    refused = [answer for answer in answers if answer.status == 429]
    assert 20 <= len(refused) <= 28
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert {answer.status for answer in answers} == {302, 429}
    assert metric(gateway, 'ugrpy_admissions_total{outcome="full"}') == len(refused) + 1
    assert "network=127.0.5.0/24" in gateway.log_text().replace('"', "")
    # who comes back has what he wants
    again = curl(
        "-sS",
        "-o",
        "-",
        "-w",
        "%{http_code}",
        "--retry",
        "5",
        "--interface",
        FLOOD,
        f"{gateway.url}/slow/100",
    )
    assert again.check().text == "302"

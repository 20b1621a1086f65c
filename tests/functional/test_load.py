"""One network floods, hangs or comes too often: the others do not notice, and it is told when to come back.

Client networks are parts of 127.0.0.0/8: whoever asks from 127.0.5.1 comes from 127.0.5.0/24.
"""

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator

import pytest

from tests.functional.helpers.asking import ask_from, metric, until
from tests.functional.helpers.crowd import Crowd, load_of, network
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, Table, configuration
from tests.functional.helpers.storage import WELL, elements, tree_of
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.testing import Faults, StorageElement

pytestmark = pytest.mark.functional

FLOOD, OTHER = "127.0.5.1", "127.0.6.1"
HUNDREDS = 160
MANY = range(1000)
PLACES = 16
SLOW = Faults(delay_s=0.25)
HANG = Faults(hang=True)
NOTHING: Table = {}
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
    """A gateway with these settings of ``[load]``; ``two``: with the other storage as well, ``endpoint``: what is set of each."""
    running: list[Gateway] = []

    def gateway(
        *,
        two: StorageElement | None = None,
        deadline_s: float = 10.0,
        endpoint: Table = QUIET,
        service: Table = NOTHING,
        streaming: Table = NOTHING,
        **load: object,
    ) -> Gateway:
        storages = {"one": one} if two is None else {"one": one, "two": two}
        text = configuration(
            {name: {"url": each.base_url, **QUIET, **endpoint} for name, each in storages.items()},
            load=load,
            federation={"deadline_s": deadline_s},
            health=NEVER_EJECT,
            service=service,
            streaming=streaming,
        )
        running.append(starter(config=text))
        return running[-1]

    yield gateway
    for each in running:
        each.stop()


def test_others_are_answered_at_once_while_one_network_floods(start, one):
    one.faults_at = {f"/slow/{number}": SLOW for number in MANY}
    gateway = start(max_at_work=PLACES)
    # while there is room one network has all of it
    with Crowd(gateway, FLOOD, "HEAD", [f"/quick/{900 + n}" for n in range(PLACES)]) as crowd:
        assert [answer.status for answer in crowd.answers()] == [200] * PLACES
    row = network(gateway, FLOOD)
    assert (row["admitted"], row["waited"], row["refused"]) == (PLACES, 0, 0)
    paths = [f"/slow/{number}" for number in range(HUNDREDS)]
    with Crowd(gateway, FLOOD, "GET", paths) as flood:
        until(lambda: load_of(gateway)["waiting"] > 50, "the flood waits")
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
    assert {answer.text for answer in answers if answer.status != 302} == set()
    row = network(gateway, FLOOD)
    assert (row["admitted"], row["refused"]) == (PLACES + HUNDREDS, 0)
    assert row["waited"] == metric(gateway, 'ugrpy_admissions_total{outcome="waited"}') > 100
    assert metric(gateway, 'ugrpy_requests_at_work{state="at work"}') == 0


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


def test_a_rate_that_an_operator_sets_holds_for_each_network_and_clients_come_back(
    start, curl, rclone
):
    gateway = start(network_rate=4.0, network_burst=3)
    with Crowd(gateway, FLOOD, "HEAD", [f"/quick/{number}" for number in range(60)]) as crowd:
        answers = crowd.answers()
    assert {answer.status for answer in answers} == {200, 429}
    assert {answer.headers["retry-after"] for answer in answers if answer.status == 429} == {"1"}
    first = ask_from(OTHER, "HEAD", f"{gateway.url}/quick/7")
    assert first.status == 200
    # what is remembered is not counted
    again = {ask_from(OTHER, "HEAD", f"{gateway.url}/quick/7").status for _ in range(20)}
    assert again == {200}
    status = ("-sS", "-o", "-", "-w", "%{http_code}", "--interface", FLOOD, "--retry", "9")
    shown = curl(*status, f"{gateway.url}/quick/100").check().text
    assert shown.endswith("302")
    # rclone comes back by itself: for each of its listings and looks one token, of which four come in a second
    env = {"RCLONE_WEBDAV_URL": gateway.url}
    listed = rclone("lsf", "--retries=1", "--low-level-retries=30", ":webdav:", env=env).check()
    assert listed.text.split() == ["quick/", "slow/"]
    for number in (5, 6, 7):
        name = f":webdav:quick/{number}"
        read = rclone("cat", "--retries=1", "--low-level-retries=30", name, env=env).check()
        assert read.stdout == b"0123456789"


def test_listings_that_hang_do_not_keep_names_from_being_asked_for(start, one):
    one.tree.add_collection("/deep")
    for number in range(30):
        one.tree.add_collection(f"/deep/{number}")
        one.faults_at[f"/deep/{number}"] = HANG
        one.faults_at[f"/deep/{number}/"] = HANG
    gateway = start(endpoint={"max_connections": 4}, deadline_s=3.0)
    with Crowd(gateway, FLOOD, "GET", [f"/deep/{number}/" for number in range(30)]) as flood:
        until(lambda: load_of(gateway)["endpoints"]["one"]["waiting"] > 20, "listings wait")
        turns = load_of(gateway)["endpoints"]["one"]
        statuses = [
            ask_from(FLOOD, "HEAD", f"{gateway.url}/quick/{number}").status for number in range(10)
        ]
        still = load_of(gateway)["endpoints"]["one"]
        answers = flood.answers()
    assert turns["at_work"] == still["at_work"] == 3
    assert statuses == [200] * 10
    # those that were asked were silent until the deadline, the others were not asked
    assert sorted({answer.status for answer in answers}) == [503, 504]
    busy = [answer for answer in answers if answer.status == 503]
    assert len(busy) == 27
    assert all(answer.headers["retry-after"] == "5" for answer in busy)
    assert all("busy: not asked" in answer.headers["proxy-status"] for answer in busy)
    assert metric(gateway, 'ugrpy_endpoint_held_back_total{endpoint="one"}') == 27


def test_an_endpoint_that_hangs_keeps_few_waiting_and_others_answer(start, one, storage):
    """Everything at ``one`` hangs; ``two`` has the files. Beyond a share, ``one`` is not even asked."""
    one.faults = HANG
    gateway = start(two=storage["two"], max_at_work=40, silent_after_s=0.5, deadline_s=2.0)
    statuses = set()
    for number in range(60):
        answer = ask_from(FLOOD, "GET", f"{gateway.url}/quick/{number}")
        statuses.add(answer.status)
        assert answer.headers["location"].startswith(storage["two"].base_url)
    assert statuses == {302}
    turns = load_of(gateway)["endpoints"]
    assert turns["two"]["held_back"] == 0
    with Crowd(gateway, FLOOD, "GET", [f"/slow/{number}" for number in range(80)]) as crowd:
        assert {answer.status for answer in crowd.answers()} == {302}
    turns = load_of(gateway)["endpoints"]
    assert turns["one"]["held_back"] > 0
    assert turns["one"]["at_work"] + turns["one"]["waiting"] <= 45


def test_transfers_and_connections_are_shared_among_networks(start, one):
    """One network has all transfers; the next of its own is refused, and another network's is not. So it is with connections."""
    gateway = start(
        streaming={"agents": ["python*"], "max_at_once": 4, "idle_s": 2},
        service={"max_connections_per_network": 6},
    )
    one.faults_by = {("GET", f"/slow/{number}"): Faults(stall_after_bytes=5) for number in range(4)}
    headers = {"User-Agent": "python"}
    with Crowd(gateway, FLOOD, "GET", [f"/slow/{n}" for n in range(4)], headers):
        until(lambda: load_of(gateway)["streams"]["under_way"] == 4, "all transfers")
        own = ask_from(FLOOD, "GET", f"{gateway.url}/quick/1", headers)
        other = ask_from(OTHER, "GET", f"{gateway.url}/quick/1", headers)
        streams = load_of(gateway)["streams"]
    assert (own.status, own.headers["retry-after"]) == (429, "5")
    assert '"limit": "streams"' in own.text
    assert (other.status, other.body) == (200, b"0123456789")
    assert streams["networks"] == {"127.0.5.0/24": 4}

    with contextlib.ExitStack() as stack:
        for _ in range(6):
            kept = http.client.HTTPConnection(
                gateway.process.address, gateway.process.port, source_address=(FLOOD, 0)
            )
            stack.callback(kept.close)
            kept.request("HEAD", "/quick/1")
            assert kept.getresponse().read() == b""
        refused = ask_from(FLOOD, "HEAD", f"{gateway.url}/quick/1")
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        assert ask_from(OTHER, "HEAD", f"{gateway.url}/quick/1").status == 200
    until(lambda: ask_from(FLOOD, "HEAD", f"{gateway.url}/quick/1").status == 200, "there is room")
    assert metric(gateway, 'ugrpy_client_faults_total{reason="network_crowded"}') >= 1

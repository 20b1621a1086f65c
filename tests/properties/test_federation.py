"""Laws of the whole federation in virtual time: any storage, any delays, any clients."""

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.federation.world import (
    CERN,
    GENEVA_CLIENT,
    TRIUMF,
    UVIC,
    VICTORIA_CLIENT,
    World,
    world,
)
from ugrpy.core.errors import Forbidden, NotFound, RequestError, Unavailable
from ugrpy.federation import Member
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import (
    Absent,
    Cause,
    Denied,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.testing import HANG, Reply, ScriptedEndpoint, run_virtual

DEADLINE_S, HEDGE_S = 10.0, 0.25
# The last digits of sums of floats, and the shortest nap of a timer.
SLACK_S = 0.01
NAMES = (UVIC, TRIUMF, CERN)
FILE = Found(Entry("f", Kind.FILE, 10))
DOUBTS = tuple(Unknown(cause, "why") for cause in Cause)


@dataclass(frozen=True)
class Storage:
    """How one endpoint behaves. ``observation`` is ``None`` when it hangs."""

    name: EndpointId
    observation: Observation | None
    after_s: float
    drained: bool
    strict: bool

    def make(self) -> ScriptedEndpoint:
        endpoint = ScriptedEndpoint(self.name)
        if self.observation is None:
            endpoint.everything(HANG)
        else:
            endpoint.on("/f", Reply(self.observation, after_s=self.after_s))
        return endpoint


@dataclass(frozen=True)
class Client:
    """Who asks for the file, when, and for how long (``None``: until it is answered)."""

    address: str
    want: Want
    at_s: float
    patience_s: float | None


DELAYS_S = st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.3, 1.0, 9.9, 10.0, 30.0])
STORAGES = st.tuples(
    *(
        st.builds(
            Storage,
            st.just(name),
            st.sampled_from([FILE, FILE, Absent(), Absent(), Denied(), None, *DOUBTS]),
            DELAYS_S,
            st.sampled_from([False, False, False, True]),
            st.booleans(),
        )
        for name in NAMES
    )
)
CLIENTS = st.lists(
    st.builds(
        Client,
        st.sampled_from([VICTORIA_CLIENT, GENEVA_CLIENT]),
        st.sampled_from(Want),
        st.sampled_from([0.0, 0.0, 0.15, 2.0]),
        st.sampled_from([None, None, None, 0.05, 1.0]),
    ),
    min_size=1,
    max_size=6,
)


def built(storages: tuple[Storage, ...]) -> tuple[World, dict[EndpointId, ScriptedEndpoint]]:
    endpoints = {storage.name: storage.make() for storage in storages}
    small = world(
        *(Member(endpoints[storage.name], strict=storage.strict) for storage in storages),
        health=HealthPolicy(eject_after=0),
    )
    return small, endpoints


def drain(small: World, storages: tuple[Storage, ...]) -> None:
    for storage in storages:
        if storage.drained:
            small.disable(storage.name)


def judge(storages: tuple[Storage, ...], error: RequestError, took_s: float) -> None:
    """Whether the refusal is one that the absence rule allows."""
    in_service = [one for one in storages if not one.drained]
    words = [
        one.observation if one.observation is not None and one.after_s < DEADLINE_S else None
        for one in in_service
    ]
    assert FILE not in words, "somebody in service holds it and said so in time"
    doubtful = [word for word in words if word is None or isinstance(word, Unknown)]
    late = any(one.after_s == DEADLINE_S for one in in_service)
    match error:
        case NotFound():
            assert not doubtful or (late and took_s >= DEADLINE_S)
            assert not any(one.strict for one in storages if one.drained)
            assert set(error.missing) == {one.name for one in storages if one.drained}
        case Forbidden():
            assert any(isinstance(word, Denied) for word in words)
        case Unavailable():
            assert doubtful or any(one.strict for one in storages if one.drained)
        case _:
            raise AssertionError(f"no refusal of the absence rule: {error!r}")


def check(storages: tuple[Storage, ...], client: Client, merged: Merged, took_s: float) -> None:
    """Whether the holders are true, and the client did not wait for longer than patience allows."""
    truth = {one.name for one in storages if one.observation == FILE and not one.drained}
    assert set(merged.holders) <= truth
    if client.want is Want.BEST and client.at_s == 0.0:
        quickest_s = min(one.after_s for one in storages if one.name in truth)
        assert took_s <= quickest_s + HEDGE_S + SLACK_S


async def visit(small: World, storages: tuple[Storage, ...], client: Client) -> None:
    """One client's request, and what has to be true of its answer."""
    await asyncio.sleep(client.at_s)
    started_s = small.now_s
    try:
        async with asyncio.timeout(client.patience_s):
            known, _ = await small.locate("/f", client.want, client.address)
    except TimeoutError:
        return
    took_s = small.now_s - started_s
    assert took_s <= DEADLINE_S + SLACK_S
    assert known.silent.isdisjoint(known.knowledge)
    assert client.want is not Want.ALL or not known.silent
    try:
        merged = small.federation.expect(known)
    except RequestError as error:
        judge(storages, error, took_s)
    else:
        check(storages, client, merged, took_s)


@given(STORAGES, CLIENTS)
def test_every_client_gets_one_true_answer_in_time(
    storages: tuple[Storage, ...], clients: list[Client]
):
    async def story() -> None:
        small, endpoints = built(storages)
        drain(small, storages)
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(visit(small, storages, client))
        await asyncio.sleep(2 * DEADLINE_S)
        # whatever happened, nothing is left behind
        assert all(endpoint.pending == 0 for endpoint in endpoints.values())
        await small.federation.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not any(endpoints[one.name].calls for one in storages if one.drained)

    run_virtual(story())


@given(
    STORAGES, st.lists(st.sampled_from([VICTORIA_CLIENT, GENEVA_CLIENT]), min_size=2, max_size=8)
)
def test_clients_at_the_same_time_ask_each_endpoint_once(
    storages: tuple[Storage, ...], addresses: list[str]
):
    async def story() -> None:
        small, endpoints = built(storages)
        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(small.locate("/f", Want.BEST, address))
        for endpoint in endpoints.values():
            assert endpoint.calls == [("stat", "/f")]

    run_virtual(story())


@given(STORAGES)
def test_a_listing_tells_of_everybody_whose_children_are_not_in_it(storages: tuple[Storage, ...]):
    async def story() -> None:
        small, endpoints = built(storages)
        whole: set[str] = set()
        for storage in storages:
            if storage.observation == FILE and storage.after_s < DEADLINE_S:
                child = Entry(f"from-{storage.name}", Kind.FILE, 1)
                folder = Reply(
                    Found(Entry("d", Kind.COLLECTION)), (child,), after_s=storage.after_s
                )
                endpoints[storage.name].on("/d", folder)
                if not storage.drained:
                    whole.add(storage.name)
            elif storage.observation is not None:
                word = Absent() if storage.observation == FILE else storage.observation
                endpoints[storage.name].on("/d", Reply(word, after_s=storage.after_s))
        drain(small, storages)
        try:
            listing = await small.federation.list("/d")
        except RequestError:
            assert not whole
            return
        assert {child.entry.name for child in listing.children} == {f"from-{n}" for n in whole}
        absent = {
            one.name
            for one in storages
            if one.observation in (Absent(), FILE) and not one.drained and one.name not in whole
        }
        told = set(listing.missing)
        assert told.isdisjoint(whole)
        assert {one.name for one in storages} - whole - told <= absent

    run_virtual(story())

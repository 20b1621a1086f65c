"""Laws of asking twice: the same answers as without, never later, within the budget, and nothing left running."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.federation.world import CERN, TRIUMF, UVIC, World, world
from ugrpy import telemetry
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.federation import Policies
from ugrpy.health.budget import AT_LEAST
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.fanout import FanoutPolicy, Want
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

NAMES = (UVIC, TRIUMF, CERN)
FILE, FOLDER = Found(Entry("f", Kind.FILE, 10)), Found(Entry("d", Kind.COLLECTION))
DEADLINE_S, USUAL_S, SLACK_S = 10.0, 0.01, 0.01
WARM = 16
SHARE = 0.05

# How long the first and the second question to an endpoint take; ``None``: for ever.
DELAYS_S = st.sampled_from([0.0, 0.01, 0.02, 0.03, 0.1, 0.9, 3.0, None])
WORDS = st.sampled_from([FILE, FILE, Absent(), Absent(), Denied(), Unknown(Cause.FAILED, "500")])


@dataclass(frozen=True)
class Storage:
    """What one endpoint says of the name, whenever it comes to say it."""

    name: EndpointId
    word: Observation
    first_s: float | None
    second_s: float | None

    def make(self, path: str, children: tuple[Entry, ...] = ()) -> ScriptedEndpoint:
        endpoint = ScriptedEndpoint(self.name, latency_s=USUAL_S)
        endpoint.on(
            path, *(self._reply(after_s, children) for after_s in (self.first_s, self.second_s))
        )
        return endpoint

    def _reply(self, after_s: float | None, children: tuple[Entry, ...]) -> Reply:
        if after_s is None:
            return HANG
        return Reply(self.word, children, after_s=after_s, piece_size=1, gap_s=0.02)


STORAGES = st.tuples(
    *(st.builds(Storage, st.just(name), WORDS, DELAYS_S, DELAYS_S) for name in NAMES)
)


def warmed(endpoints: list[ScriptedEndpoint], share: float) -> World:
    """A federation that knows what is usual for these."""
    policies = Policies(fanout=FanoutPolicy(DEADLINE_S, again_share=share))
    small = world(*endpoints, policies=policies, health=HealthPolicy(eject_after=0))
    asking = small.federation.asking
    for endpoint in endpoints:
        for _ in range(WARM):
            for verb in ("stat", "list"):
                asking.expecting.began(endpoint.id, verb, USUAL_S, small.now_s)
        asking.expecting.heard(endpoint.id, Absent())
        small.board.heard(endpoint.id, None, USUAL_S, small.now_s)
    return small


async def leave(small: World, endpoints: list[ScriptedEndpoint]) -> None:
    """The first and the second questions have all ended."""
    await asyncio.sleep(2 * DEADLINE_S)
    assert [endpoint.pending for endpoint in endpoints] == [0] * len(endpoints)
    await small.federation.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def seconds_put(small: World, name: EndpointId) -> int:
    return sum(
        small.tally.of(telemetry.SECOND_ASKS, name, outcome)
        for outcome in ("won", "lost", "failed")
    )


def located(
    storages: tuple[Storage, ...], want: Want, share: float
) -> tuple[dict[str, Observation], float]:
    """What everybody is known to say in the end, and when the client had its answer."""

    async def story() -> tuple[dict[str, Observation], float]:
        endpoints = [storage.make("/f") for storage in storages]
        small = warmed(endpoints, share)
        known, took_s = await small.locate("/f", want)
        await leave(small, endpoints)
        for endpoint in endpoints:
            # a second one may be cancelled before it has begun
            again = endpoint.calls.count(("stat", "/f")) - 1
            assert again <= seconds_put(small, endpoint.id) <= 1
        return {name: one.observation for name, one in known.knowledge.items()}, took_s

    return run_virtual(story())


@given(STORAGES)
def test_who_waits_for_all_hears_the_same_and_not_later(storages: tuple[Storage, ...]):
    without, took_without_s = located(storages, Want.ALL, 0.0)
    with_, took_with_s = located(storages, Want.ALL, SHARE)
    assert took_with_s <= took_without_s + SLACK_S
    truth: dict[str, Observation] = {storage.name: storage.word for storage in storages}
    for name, said in with_.items():
        # silence may have become a word, and that word is true; nothing else changes
        silent = isinstance(without[name], Unknown) and without[name] != truth[name]
        assert said == without[name] or (silent and said == truth[name])


@given(STORAGES, st.sampled_from([Want.ANY, Want.BEST, Want.MOST]))
def test_no_other_answer_comes_later_or_says_what_is_not_true(
    storages: tuple[Storage, ...], want: Want
):
    without, took_without_s = located(storages, want, 0.0)
    with_, took_with_s = located(storages, want, SHARE)
    assert took_with_s <= took_without_s + SLACK_S
    truth = {storage.name: storage.word for storage in storages}
    for said in (without, with_):
        for name, observation in said.items():
            timed_out = isinstance(observation, Unknown) and observation.cause is Cause.TIMEOUT
            assert timed_out or observation == truth[EndpointId(name)]
    # a miss is one with and without: absence needs the word of all
    found = [any(isinstance(one, Found) for one in said.values()) for said in (without, with_)]
    assert found[1] or not found[0]


@given(STORAGES, st.sampled_from([0.0, SHARE]))
def test_a_time_out_is_never_a_404(storages: tuple[Storage, ...], share: float):
    async def story() -> None:
        endpoints = [storage.make("/f") for storage in storages]
        small = warmed(endpoints, share)
        known, _ = await small.locate("/f")
        try:
            small.federation.expect(known)
        except RequestError as error:
            if error.status == 404:
                assert all(storage.word == Absent() for storage in storages)
                assert not known.summary.unknown
        await leave(small, endpoints)

    run_virtual(story())


LISTED = st.tuples(
    *(st.builds(Storage, st.just(name), st.just(FOLDER), DELAYS_S, DELAYS_S) for name in NAMES)
)


def listed(storages: tuple[Storage, ...], share: float) -> tuple[set[str], set[str], float]:
    """The children, who is missing, and when the client had its answer."""

    async def story() -> tuple[set[str], set[str], float]:
        endpoints = [
            storage.make("/d", tuple(Entry(f"{storage.name}{n}", Kind.FILE, n) for n in range(3)))
            for storage in storages
        ]
        small = warmed(endpoints, share)
        before_s = small.now_s
        try:
            listing = await small.federation.list("/d")
        except Unavailable as error:
            return set(), set(error.missing), small.now_s - before_s
        took_s = small.now_s - before_s
        names = [child.entry.name for child in listing.children]
        assert len(names) == len(set(names)), "each child once, whoever named it"
        await leave(small, endpoints)
        return set(names), set(listing.missing), took_s

    return run_virtual(story())


@given(LISTED)
def test_a_listing_is_as_whole_as_without_and_not_later(storages: tuple[Storage, ...]):
    without, missing_without, took_without_s = listed(storages, 0.0)
    with_, missing_with, took_with_s = listed(storages, SHARE)
    assert without <= with_
    assert missing_with <= missing_without
    # a second answer may begin last, and takes as long to name its children as the first would have
    assert took_with_s <= took_without_s + 3 * 0.02 + SLACK_S
    for storage in storages:
        told = {name for name in with_ if name.startswith(storage.name)}
        assert len(told) == (0 if storage.name in missing_with else 3)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 2.0]), st.integers(1, 20)), max_size=8))
def test_the_budget_is_kept_when_an_endpoint_has_become_slow(bursts: list[tuple[float, int]]):
    async def story() -> None:
        uvic = ScriptedEndpoint("uvic", latency_s=USUAL_S)
        small = warmed([uvic], SHARE)
        before, questions = len(uvic.calls), 0
        uvic.latency_s = 0.5
        async with asyncio.TaskGroup() as group:
            for pause_s, clients in bursts:
                await asyncio.sleep(pause_s)
                for _ in range(clients):
                    questions += 1
                    group.create_task(small.locate(f"/{questions}"))
        put = seconds_put(small, UVIC)
        assert len(uvic.calls) - before == questions + put
        # the bursts span three windows at most
        assert put <= max(SHARE * questions, 3 * AT_LEAST) + 3 * AT_LEAST
        await leave(small, [uvic])

    run_virtual(story())


@pytest.mark.parametrize("share", [0.0, SHARE])
def test_the_laws_see_what_they_are_about(share: float):
    """Without asking twice a lost question costs the deadline, and with it next to nothing."""
    storages = (
        Storage(UVIC, FILE, None, 0.01),
        Storage(TRIUMF, Absent(), 0.01, None),
        Storage(CERN, Absent(), 0.01, None),
    )
    said, took_s = located(storages, Want.ALL, share)
    if share:
        assert said[UVIC] == FILE
        assert took_s < 0.1
    else:
        assert said[UVIC] != FILE
        assert took_s >= DEADLINE_S

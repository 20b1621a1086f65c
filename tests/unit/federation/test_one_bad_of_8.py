"""One of eight endpoints is bad, and it is the one nearest to the clients: they get the same answers, as soon as without it.

As the benchmarks of the same names, in virtual time: latencies are exact, and neither machine nor chance has a part in them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import pytest

from tests.unit.federation.world import VICTORIA, VICTORIA_CLIENT, World, world
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import Unavailable
from ugrpy.endpoints.base import Probe
from ugrpy.health.prober import run_prober
from ugrpy.locality import Place, Position
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import (
    Absent,
    Cause,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.testing import ScriptedEndpoint, run_virtual

MEMBERS, DELAY_S = 8, 0.005
BAD = EndpointId("se0")
# what it costs may be so much more than without the bad one
SHARE, EXTRA_S = 1.10, 0.002
RATE, FIRST_S, STEADY_S = 60, 2.0, 6.0
LATER = 60
HEDGE_S = 0.25
ELSEWHERE = "the answer is about another path"
HEALTHY = Probe(alive=True, latency_s=DELAY_S, status=200)


class Storage(ScriptedEndpoint):
    """Holds every name whose number says so; there are too many to be scripted."""

    def __init__(self, number: int) -> None:
        super().__init__(f"se{number}", latency_s=DELAY_S)
        self.number = number

    async def stat(self, path: str) -> Observation:
        with self._recorded("stat", path):
            await asyncio.sleep(self.latency_s)
            return self.truth(path)

    def truth(self, path: str) -> Observation:
        name = int(path[1:])
        if (self.number - name) % MEMBERS >= 2 + name // MEMBERS % 2:
            return Absent()
        return Found(Entry(path[1:], Kind.FILE, 1000 + name))


class Hanging(Storage):
    async def stat(self, path: str) -> Observation:
        with self._recorded("stat", path):
            await asyncio.Event().wait()
        raise AssertionError

    async def probe(self) -> Probe:
        await asyncio.Event().wait()
        raise AssertionError


class Dead(Storage):
    async def stat(self, path: str) -> Observation:
        return Unknown(Cause.UNREACHABLE, "refused")

    async def probe(self) -> Probe:
        return Probe(alive=False, latency_s=0.0, detail="refused")


class WrongSizes(Storage):
    def truth(self, path: str) -> Observation:
        match super().truth(path):
            case Found(entry):
                return Found(replace(entry, size_bytes=(entry.size_bytes or 0) + 1))
            case other:
                return other


class Denying(Storage):
    """404 for what it has."""

    def truth(self, path: str) -> Observation:
        return Absent()


class Elsewhere(Storage):
    """PROPFIND of another directory."""

    def truth(self, path: str) -> Observation:
        return Unknown(Cause.MALFORMED, ELSEWHERE)


class Mixed(WrongSizes):
    """By turns a size that is wrong, an answer that is announced longer than it is, and one cut off."""

    async def stat(self, path: str) -> Observation:
        match crc32(path.encode()) % 3:
            case 0:
                return await super().stat(path)
            case 1:
                with self._recorded("stat", path):
                    await asyncio.Event().wait()
                raise AssertionError
            case _:
                await asyncio.sleep(DELAY_S)
                return Unknown(Cause.MALFORMED, "the answer ends in the middle")


class Forgetful(Storage):
    """Answers as it should, but every third question is lost there: it never fails several times in a row."""

    async def stat(self, path: str) -> Observation:
        if int(path[1:]) % 3:
            return await super().stat(path)
        with self._recorded("stat", path):
            await asyncio.Event().wait()
        raise AssertionError


class Flapping(Storage):
    """Well for two seconds and away for two: refusing one time, silent the next."""

    @property
    def up(self) -> bool:
        return asyncio.get_running_loop().time() % 4 < 2

    @property
    def refuses(self) -> bool:
        return asyncio.get_running_loop().time() % 8 < 4

    async def stat(self, path: str) -> Observation:
        with self._recorded("stat", path):
            if self.up:
                return await super().stat(path)
            if self.refuses:
                return Unknown(Cause.UNREACHABLE, "refused")
            await asyncio.Event().wait()
        raise AssertionError

    async def probe(self) -> Probe:
        if self.up:
            await asyncio.sleep(DELAY_S)
            return HEALTHY
        if self.refuses:
            return Probe(alive=False, latency_s=0.0, detail="refused")
        await asyncio.Event().wait()
        raise AssertionError


@dataclass(frozen=True)
class Seen:
    """What the clients of one federation saw: seconds, and where they were sent, by name. ``later``: who asks again for one of the last names."""

    first_s: list[float]
    steady_s: list[float]
    places: Mapping[int, str]
    later: Mapping[int, str]

    def p(self, share: float, *, first: bool = False) -> float:
        ordered = sorted(self.first_s if first else self.steady_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def federated(nearest: Storage) -> tuple[World, list[Storage]]:
    storages = [nearest, *(Storage(number) for number in range(1, MEMBERS))]
    # each farther from the clients than the one before
    places: dict[str, Place] = {
        storage.id: Place(Position(48.0 - 10 * storage.number, -123.0), "CA")
        for storage in storages
    }
    return world(*storages, places={**places, BAD: VICTORIA}), storages


async def crowd(nearest: Storage) -> Seen:
    """Clients that come at a fixed rate, each for a name of his own."""
    small, storages = federated(nearest)
    federation = small.federation
    prober = spawn(
        run_prober(
            small.board,
            lambda name: federation.members[name].endpoint.probe(),
            federation.clock,
            lambda: 0.5,
            federation.note_transition,
        ),
        name="prober",
    )
    seen = Seen([], [], places := {}, later := {})
    steady_s = STEADY_S * 2 if isinstance(nearest, Flapping) else STEADY_S
    clients = int((FIRST_S + steady_s) * RATE)
    zone = small.zone(VICTORIA_CLIENT)

    async def client(number: int) -> None:
        known, took_s = await small.locate(f"/{number}")
        early = number < FIRST_S * RATE
        (seen.first_s if early else seen.steady_s).append(took_s)
        places[number] = federation.order(known, zone)[0]

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
            await asyncio.sleep(1 / RATE)
    for number in range(clients - LATER, clients):
        known, _ = await small.locate(f"/{number}", Want.MOST)
        later[number] = federation.order(known, zone)[0]
    await cancel_and_wait(prober)
    await federation.close()
    await asyncio.sleep(0)
    assert [storage.pending for storage in storages] == [0] * MEMBERS
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()
    return seen


def is_honest(number: int, place: str) -> bool:
    """Whether that one holds the name, and tells the truth of it."""
    storage = Storage(int(place.removeprefix("se")))
    return isinstance(storage.truth(f"/{number}"), Found)


KINDS = [Hanging, Dead, WrongSizes, Denying, Elsewhere, Mixed, Forgetful, Flapping]


_seen: dict[str, Seen] = {}


def crowd_of(nearest: type[Storage]) -> Seen:
    """One crowd for all that is to be seen of it."""
    if nearest.__name__ not in _seen:
        _seen[nearest.__name__] = run_virtual(crowd(nearest(0)))
    return _seen[nearest.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_it_costs_nobody_anything(kind: type[Storage]):
    well, bad = crowd_of(Storage), crowd_of(kind)
    for share in (0.5, 0.99):
        assert bad.p(share) <= well.p(share) * SHARE + EXTRA_S
    # the first ones pay for the lesson, and only some of them
    assert bad.p(0.5, first=True) <= well.p(0.5, first=True) * SHARE + EXTRA_S
    assert max(bad.first_s) <= DELAY_S + HEDGE_S + EXTRA_S
    assert all(is_honest(number, place) for number, place in bad.places.items())


@pytest.mark.parametrize("kind", KINDS)
def test_once_all_have_spoken_nobody_is_sent_to_one_that_tells_lies(kind: type[Storage]):
    bad = crowd_of(kind)
    assert all(is_honest(number, place) for number, place in bad.later.items())
    if kind not in (Flapping, Forgetful):  # which tell no lies
        assert BAD not in bad.later.values()


def test_a_liar_that_is_believed_by_the_toss_of_a_size_is_doubted_in_the_end():
    """Of a name with two holders the larger size is believed, until the liar has been outvoted elsewhere; then it is not, nor ever again."""

    async def story() -> None:
        small, _ = federated(WrongSizes(0))
        zone, federation = small.zone(VICTORIA_CLIENT), small.federation

        async def believed(number: int) -> tuple[EndpointId, ...]:
            known, _ = await small.locate(f"/{number}", Want.ALL)
            return federation.order(known, zone)

        assert await believed(0) == (BAD,)
        for number in (8, 24, 40):  # three holders: it is one against two
            assert BAD not in await believed(number)
        assert federation.asking.credit.doubted == {BAD}
        assert await believed(16) == ("se1",)
        # what was merged before is not merged anew, but nobody is refused for it when the liar is put out of service
        assert await believed(0) == (BAD,)
        small.disable(BAD)
        assert await believed(0) == ("se1",)
        await federation.close()

    run_virtual(story())


def test_a_dead_one_that_is_not_doubted_is_still_believed_against_one_that_differs():
    """The larger copy may be the only whole one: its storage being away makes the other one no better."""

    async def story() -> None:
        small, _ = federated(WrongSizes(0))
        known, _ = await small.locate("/0", Want.ALL)
        small.disable(BAD)
        with pytest.raises(Unavailable):
            small.federation.order(known, small.zone(VICTORIA_CLIENT))
        await small.federation.close()

    run_virtual(story())


@pytest.mark.parametrize("kind", [Hanging, Dead, Elsewhere])
def test_the_reason_is_kept(kind: type[Storage]):
    async def story() -> None:
        small, _ = federated(kind(0))
        for number in range(4):
            await small.locate(f"/{number}")
        await asyncio.sleep(20.0)
        health = small.board[BAD]
        assert not health.in_service
        assert health.last_error in health.out_reason(small.now_s)
        assert health.last_error in ("no answer within 10 s", "refused", ELSEWHERE)
        await small.federation.close()

    run_virtual(story())

"""Who is asked for a checksum, in which order, how often, and what a client is told who gets none."""

import asyncio
import hashlib

from tests.unit.summing.world import (
    CONTENT,
    GOOD,
    MTIME_S,
    PATH,
    A,
    B,
    C,
    World,
    a_federation,
    hold,
)
from ugrpy.federation import KnownName
from ugrpy.namespace.fanout import Want
from ugrpy.namespace.model import Cause, Digest, EndpointId, Unknown
from ugrpy.summing import Answered, Summing, SumSettings
from ugrpy.summing.sources import MOST_AT_A_STORAGE, Source
from ugrpy.testing import HANG, Reply

SHA = Digest("sha-256", hashlib.sha256(CONTENT).hexdigest())
QUIET = SumSettings(compare=False)


def asked(world: World, verb: str = "digest") -> list[EndpointId]:
    return [name for name, one in world.storages.items() for call in one.calls if call[0] == verb]


async def ask(world: World, summing: Summing, *wanted: str, order=(A, B, C)) -> Answered:
    known = await world.federation.locate(PATH, Want.ALL)
    return await summing.ask(known, wanted, order)


async def test_the_best_is_asked_first_and_the_next_when_it_tells_none():
    world = a_federation()
    world.storages[B].told_digests = world.storages[C].told_digests = ("md5",)
    summing = Summing(world.federation, QUIET)
    assert await ask(world, summing, "sha-256", "md5") == Answered((GOOD,), Source.STORAGE)
    assert asked(world) == [A, B]
    assert await ask(world, summing, "md5") == Answered((GOOD,), Source.KNOWN)
    assert await ask(world, summing, "adler32", "md5") == Answered((GOOD,), Source.KNOWN)
    assert asked(world) == [A, B]
    await world.federation.close()


async def test_those_that_were_silent_are_waited_for_when_the_others_tell_none():
    world = a_federation()
    world.storages[C].told_digests = ("md5",)
    summing = Summing(world.federation, QUIET)
    whole = await world.federation.locate(PATH, Want.ALL)
    partial = KnownName(
        PATH, whole.summary, {A: whole.knowledge[A]}, frozenset({B, C}), {}, whole.at_s
    )
    assert await summing.ask(partial, ("md5",), (A,)) == Answered((GOOD,), Source.STORAGE)
    assert asked(world) == [A, B, C]
    await world.federation.close()


async def test_a_storage_that_is_switched_off_is_not_asked():
    world = a_federation(silent=(A, C))
    summing = Summing(world.federation, QUIET)
    answered = await ask(world, summing, "md5")
    assert answered == Answered((), Source.NONE, "no storage element tells one of them")
    assert asked(world) == [B]
    await world.federation.close()


async def test_it_is_computed_when_nobody_tells_it_and_then_known():
    world = a_federation()
    summing = Summing(world.federation, SumSettings(compute=True, compare=False))
    assert await ask(world, summing, "sha-256", order=(B, A)) == Answered((SHA,), Source.COMPUTED)
    assert asked(world, "open") == [B]
    world.federation.memory.names.clear()
    assert await ask(world, summing, "sha-256") == Answered((SHA,), Source.KNOWN)
    assert asked(world, "open") == [B]
    known = await world.federation.locate(PATH, Want.ALL)
    assert known.merged is not None
    assert known.merged.entry.digests == (SHA,)
    await world.federation.close()


async def test_a_file_of_another_length_than_told_has_no_checksum():
    world = a_federation()
    for one in world.storages.values():
        hold(one, size_bytes=7)
    summing = Summing(world.federation, SumSettings(compute=True, compare=False))
    answered = await ask(world, summing, "md5")
    assert (answered.digests, answered.source) == ((), Source.NONE)
    assert "not as long" in answered.why
    await world.federation.close()


async def test_a_changed_file_is_asked_for_anew():
    world = a_federation()
    for one in world.storages.values():
        one.told_digests = ("md5",)
    summing = Summing(world.federation, QUIET)
    await ask(world, summing, "md5")
    for one in world.storages.values():
        hold(one, mtime_s=MTIME_S + 1)
    world.federation.memory.names.clear()
    assert (await ask(world, summing, "md5")).source is Source.STORAGE
    assert asked(world) == [A, A]
    await world.federation.close()


async def test_those_who_want_the_same_wait_for_the_same_work():
    world = a_federation()
    world.storages[A].told_digests = ("md5", "adler32")
    summing = Summing(world.federation, QUIET)
    answers = await asyncio.gather(*(ask(world, summing, "md5") for _ in range(5)))
    assert set(answers) == {Answered((GOOD,), Source.STORAGE)}
    assert asked(world) == [A]
    assert (await ask(world, summing, "adler32")).digests[0].algorithm == "adler32"
    await world.federation.close()


async def test_who_leaves_does_not_stop_it():
    world = a_federation()
    world.storages[A].told_digests = ("md5",)
    world.storages[A].latency_s = 0.05
    summing = Summing(world.federation, QUIET)
    known = await world.federation.locate(PATH, Want.ALL)
    impatient = asyncio.ensure_future(summing.ask(known, ("md5",), (A,)))
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.sleep(0.1)
    assert await ask(world, summing, "md5") == Answered((GOOD,), Source.KNOWN)
    assert asked(world) == [A]
    await world.federation.close()


async def test_it_takes_no_longer_than_it_may():
    world = a_federation()
    summing = Summing(world.federation, SumSettings(timeout_s=0.05))
    known = await world.federation.locate(PATH, Want.ALL)
    for one in world.storages.values():
        one.everything(HANG)
    answered = await summing.ask(known, ("md5",), (A, B, C))
    assert answered == Answered((), Source.NONE, "it takes longer than 0.05 s")
    await world.federation.close()


async def test_why_there_is_none_is_said_without_places():
    world = a_federation()
    summing = Summing(world.federation, QUIET)
    known = await world.federation.locate(PATH, Want.ALL)
    broken = Reply(Unknown(Cause.FAILED, "answered 500", inside="https://a.example/secret"))
    world.storages[A].everything(broken)
    assert (await summing.ask(known, ("md5",), (A, B))).why == "answered 500"
    await summing.close()
    await world.federation.close()


async def test_a_storage_is_not_asked_for_too_many_at_once():
    world = a_federation()
    for number in range(2 * MOST_AT_A_STORAGE):
        world.storages[A].add_file(f"/many/{number}", 5, MTIME_S)
    summing = Summing(world.federation, SumSettings(compare=False, timeout_s=0.2))
    names = [
        await world.federation.locate(f"/many/{number}", Want.ALL)
        for number in range(2 * MOST_AT_A_STORAGE)
    ]
    world.storages[A].everything(HANG)
    waiting = [asyncio.ensure_future(summing.ask(name, ("md5",), (A,))) for name in names]
    await asyncio.sleep(0.05)
    assert world.storages[A].pending == MOST_AT_A_STORAGE
    assert {one.source for one in await asyncio.gather(*waiting)} == {Source.NONE}
    await world.federation.close()


# -- comparing -----------------------------------------------------------------------------------------------


async def compared(world: World, summing: Summing, *wanted: str) -> None:
    await ask(world, summing, *wanted)
    await summing.comparing.compare(PATH, wanted[0])


async def test_a_replica_that_differs_is_found_outvoted_and_reported():
    world = a_federation()
    for one in world.storages.values():
        one.told_digests = ("md5",)
    hold(world.storages[A], b"54321")
    summing = Summing(world.federation, QUIET)
    await compared(world, summing, "md5")
    known = await world.federation.locate(PATH, Want.ALL)
    assert known.merged is not None
    assert known.merged.holders == (B, C)
    assert known.merged.entry.digests == (GOOD,)
    report = world.federation.asking.disagreements
    assert [(one.path, one.endpoint, one.about) for one in report] == [(PATH, A, "md5")]
    listing = await world.federation.list("/d")
    assert [child.holders for child in listing.children] == [(B, C)]
    hold(world.storages[A], mtime_s=MTIME_S + 1)
    world.federation.memory.names.clear()
    await world.federation.locate(PATH, Want.ALL)
    assert list(report) == []
    await world.federation.close()


async def test_each_is_asked_once_and_who_is_known_not_at_all():
    world = a_federation()
    world.storages[A].told_digests = world.storages[C].told_digests = ("md5",)
    summing = Summing(world.federation, SumSettings(compute=True))
    task = asyncio.ensure_future(summing.comparing.run())
    for _again in range(3):
        await ask(world, summing, "md5")
    while len(world.federation.asking.learnt) < 3:
        await asyncio.sleep(0.005)
    assert asked(world) == [A, B, C]
    assert asked(world, "open") == [B]
    await ask(world, summing, "md5")
    await asyncio.sleep(0.02)
    assert asked(world) == [A, B, C]
    task.cancel()
    await world.federation.close()


async def test_what_has_just_been_written_is_compared_later():
    world = a_federation()
    for one in world.storages.values():
        one.told_digests = ("md5",)
        hold(one, mtime_s=int(world.clock.wall()))
    summing = Summing(world.federation, QUIET)
    await compared(world, summing, "md5")
    assert asked(world) == [A]
    assert len(world.federation.asking.learnt) == 0
    world.clock.advance(5)
    await compared(world, summing, "md5")
    assert sorted(asked(world)) == [A, A, B, C]
    await world.federation.close()

"""Names in use are asked for anew before their time is over, and nobody notices."""

from tests.unit.federation.world import CERN, UVIC, World, asked, holding, virtual, world
from ugrpy import telemetry
from ugrpy.cache.entries import CachePolicy
from ugrpy.federation import Policies
from ugrpy.federation.locating import MOST_AHEAD
from ugrpy.namespace.fanout import FanoutPolicy, Want
from ugrpy.namespace.model import Absent
from ugrpy.namespace.origin import Origin
from ugrpy.testing import HANG, Reply

CACHE = CachePolicy(ttl_s=100.0, negative_ttl_s=10.0, incomplete_ttl_s=5.0, refresh_ahead=0.2)
POLICIES = Policies(FanoutPolicy(deadline_s=3.0), CACHE)


async def ask_at(small: World, path: str, *times_s: float) -> list[float]:
    """Ask at these times; how long each answer took."""
    took = []
    for at_s in times_s:
        await small.pass_s(at_s - small.now_s)
        took.append((await small.locate(path, Want.ALL))[1])
    return took


@virtual
async def test_a_name_in_use_never_has_to_be_waited_for_again():
    uvic = holding("uvic", "/f", latency_s=1.0)
    small = world(uvic, policies=POLICIES)
    took = await ask_at(small, "/f", *range(0, 1000, 7))
    assert took == [1.0] + [0.0] * (len(took) - 1)
    assert asked(uvic) == [12]
    assert small.tally.of(telemetry.CACHE_AHEAD) == 11


@virtual
async def test_many_uses_ask_once():
    uvic = holding("uvic", "/f", latency_s=1.0)
    small = world(uvic, policies=POLICIES)
    await ask_at(small, "/f", 0, 85, 85.1, 85.2, 85.3, 87)
    assert asked(uvic) == [2]


@virtual
async def test_a_name_that_is_not_used_late_is_not_asked_for():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    await ask_at(small, "/f", 0, 10, 50, 79)
    await small.pass_s(100)
    assert asked(uvic) == [1]


@virtual
async def test_a_change_at_the_storage_is_seen_by_it():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    await ask_at(small, "/f", 0)
    uvic.add_file("/f", 99)
    await ask_at(small, "/f", 90, 91)
    known, _ = await small.locate("/f")
    assert small.federation.expect(known).entry.size_bytes == 99


@virtual
async def test_a_name_that_has_gone_is_gone():
    uvic = holding("uvic", "/f")
    small = world(uvic, policies=POLICIES)
    await ask_at(small, "/f", 0)
    uvic.everything(Reply(Absent()))
    await ask_at(small, "/f", 90)
    await small.pass_s(0.1)
    assert (await small.refused("/f")).status == 404


@virtual
async def test_doubt_takes_nothing_away_and_prolongs_nothing():
    """What was known stays as it was until its time is over, and not a moment longer."""
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    await ask_at(small, "/f", 0)
    uvic.everything(HANG)
    cern.everything(HANG)
    assert await ask_at(small, "/f", 90, 95, 99) == [0.0, 0.0, 0.0]
    assert asked(uvic) == [2]
    (took_s,) = await ask_at(small, "/f", 101)
    assert took_s == 3.0
    known, _ = await small.locate("/f")
    assert known.origin is Origin.LAST_KNOWN


@virtual
async def test_one_that_is_out_of_service_then_loses_nobody_his_answer():
    uvic, cern = holding("uvic", "/f"), holding("cern", "/f")
    small = world(uvic, cern, policies=POLICIES)
    await ask_at(small, "/f", 0)
    small.disable(CERN)
    await ask_at(small, "/f", 90, 95)
    assert asked(uvic, cern) == [2, 1]
    small.enable(CERN)
    assert sorted(await small.holders("/f")) == [CERN, UVIC]
    assert asked(uvic, cern) == [2, 1]


@virtual
async def test_misses_are_not_asked_for_ahead():
    uvic = holding("uvic")
    small = world(uvic, policies=POLICIES)
    await ask_at(small, "/f", 0, 9, 9.5, 9.9)
    await small.pass_s(1)
    assert asked(uvic) == [1]


@virtual
async def test_few_at_once():
    paths = [f"/{number}" for number in range(2 * MOST_AHEAD)]
    uvic = holding("uvic", *paths)
    small = world(uvic, policies=POLICIES)
    for path in paths:
        await small.locate(path)
    await small.pass_s(90)
    uvic.everything(HANG)
    for path in paths:
        await small.locate(path)
    await small.pass_s(0.1)
    assert small.tally.of(telemetry.CACHE_AHEAD) == MOST_AHEAD


@virtual
async def test_it_can_be_turned_off_and_ends_with_the_federation():
    uvic = holding("uvic", "/f")
    off = world(uvic, policies=Policies(cache=CachePolicy(ttl_s=100.0, refresh_ahead=0.0)))
    await ask_at(off, "/f", 0, 99)
    await off.pass_s(0.5)
    assert asked(uvic) == [1]
    cern = holding("cern", "/f")
    small = world(cern, policies=POLICIES)
    await small.locate("/f")
    cern.everything(HANG)
    await small.pass_s(90)
    await small.locate("/f")
    await small.pass_s(0)
    await small.federation.close()
    await small.pass_s(10)
    assert asked(cern) == [2]

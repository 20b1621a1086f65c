"""A table survives a restart whole, or as it was before; never as half of one."""

import asyncio
import errno
import json
import os

import pytest

from shoalpy.model import Health, Verification
from shoalpy.registry import Registry, RegistryPolicy
from shoalpy.store import (
    Store,
    StorePolicy,
    judged_alike,
    parse_snapshot,
    render_snapshot,
    still_known,
    write_whole,
)
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, beat
from ugrpy.locality import Place
from ugrpy.locality.facts import GeoFacts
from ugrpy.testing import FakeClock

POLICY = RegistryPolicy()


def a_table(*keys, at_s=NOW):
    registry = Registry()
    for number, key in enumerate(keys):
        place = Place((GENEVA, BATAVIA)[number % 2], "CH")
        facts = GeoFacts(place, city="Genève", organisation='O\'X "& Söhne"', accuracy_km=1.5)
        public = "2001:db8::7" if number % 2 else f"192.0.2.{number + 1}"
        one = beat(key, public=public, private="10.0.0.1", max_load=5.0, sent_at_s=at_s, load=3.25)
        registry.apply(one, facts, at_s)
    registry.verified(
        keys[0], Verification(Health.PASSED, "fine", at_s, at_s + 60, failures=0, rtt_s=0.1)
    )
    return registry


def test_what_is_written_is_read_again_field_by_field():
    caches = list(a_table("a", "b", "c").live(NOW))

    assert list(parse_snapshot(render_snapshot(caches, NOW)).caches) == caches
    assert parse_snapshot(render_snapshot([], NOW)).saved_at_s == NOW


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"null", b"[]", b'{"format": 1}', b"\xff\xfe", b"\0" * 4096),
        render_snapshot([], NOW).replace(b'"format":1', b'"format":2'),
        render_snapshot(list(a_table("a").live(NOW)), NOW)[:-40],
        render_snapshot(list(a_table("a").live(NOW)), NOW).replace(b"192.0.2.1", b"192.0.2.x"),
    ],
)
def test_anything_else_is_no_snapshot(data):
    with pytest.raises(ValueError, match=r"places|format"):
        parse_snapshot(data)


def test_a_short_absence_changes_nothing_and_a_long_one_leaves_time_to_be_heard_of():
    snapshot = parse_snapshot(render_snapshot(list(a_table("a").live(NOW)), NOW + 10))
    policy = StorePolicy(grace_s=60, longest_s=3600)

    def left_s(now_s):
        return [one.last_active_s + POLICY.inactive_s - now_s for one in still_known(snapshot, now_s, POLICY, policy)]  # fmt: skip

    assert left_s(NOW + 11) == [169]
    assert left_s(NOW + 150) == [60]
    assert left_s(NOW + 3000) == [60]
    assert left_s(NOW + 3611) == []
    # a clock that went back: heard of now, not in the future
    assert left_s(NOW - 500) == [180]


def test_caches_that_were_gone_already_do_not_come_back():
    snapshot = parse_snapshot(render_snapshot(list(a_table("a").live(NOW)), NOW + 180))

    assert still_known(snapshot, NOW + 181, POLICY, StorePolicy()) == []


def test_a_verdict_of_another_rule_is_not_believed():
    passed, pending = a_table("a", "b").live(NOW)
    pending_now, off = Verification(), Verification(Health.OFF)

    assert judged_alike(passed, pending_now) == passed
    assert judged_alike(passed, off).verification == off
    assert judged_alike(pending.with_verification(off), pending_now).verification == pending_now
    assert judged_alike(pending.with_verification(off), off).is_global


async def test_caches_kept_while_verification_was_on_are_served_when_it_is_then_off(tmp_path):
    policy = StorePolicy(file=str(tmp_path / "table.json"))
    registry = a_table("passed", "pending", "failed")
    registry.verified("failed", Verification(Health.FAILED, "Access Denied", NOW, NOW + 60))
    assert await Store(policy, registry, FakeClock(wall_s=NOW)).save()

    off = Registry(unverified=Verification(Health.OFF))
    assert await Store(policy, off, FakeClock(wall_s=NOW + 5)).load() == 3
    assert [one.is_global for one in off.live(NOW + 5)] == [True, True, True]
    # and none of them is believed when it is switched on again
    assert await Store(policy, off, FakeClock(wall_s=NOW + 6)).save()
    on = Registry()
    assert await Store(policy, on, FakeClock(wall_s=NOW + 7)).load() == 3
    assert [one.verification for one in on.live(NOW + 7)] == [Verification()] * 3


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "table.json"
    write_whole(path, b"old")

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["table.json"]


async def test_a_store_brings_a_table_over_a_restart(tmp_path):
    policy = StorePolicy(file=str(tmp_path / "table.json"))
    registry = a_table("a", "b")
    assert await Store(policy, registry, FakeClock(wall_s=NOW)).save()

    again = Registry()
    assert await Store(policy, again, FakeClock(wall_s=NOW + 5)).load() == 2

    assert list(again.live(NOW + 5)) == list(registry.live(NOW))


async def test_nothing_new_is_not_written(tmp_path):
    path = tmp_path / "table.json"
    registry = a_table("a")
    kept = Store(StorePolicy(file=str(path)), registry, FakeClock(wall_s=NOW))
    assert await kept.save()
    path.unlink()

    assert await kept.save()
    assert not path.exists()
    registry.remove("a")
    assert await kept.save()
    assert json.loads(path.read_bytes())["caches"] == []


async def test_no_file_and_a_broken_one_begin_with_an_empty_table(tmp_path):
    path = tmp_path / "table.json"
    registry = Registry()
    kept = Store(StorePolicy(file=str(path)), registry, FakeClock(wall_s=NOW))

    assert await kept.load() == 0
    path.write_bytes(b'{"format":1,"saved')
    assert await kept.load() == 0
    assert len(registry) == 0
    assert os.listdir(tmp_path) == ["table.json.bad"]


async def test_a_folder_that_is_not_there_is_told_of_and_harmless(tmp_path):
    heard: list[OSError] = []
    path = tmp_path / "missing" / "table.json"
    kept = Store(
        StorePolicy(file=str(path)), a_table("a"), FakeClock(wall_s=NOW), failed=heard.append
    )

    assert not await kept.save()
    assert [error.errno for error in heard] == [errno.ENOENT]
    path.parent.mkdir()
    assert await kept.save()


async def test_the_last_state_is_written_when_it_ends(tmp_path):
    path = tmp_path / "table.json"
    kept = Store(StorePolicy(file=str(path)), a_table("a"), FakeClock(wall_s=NOW))
    running = asyncio.get_running_loop().create_task(kept.run())
    await asyncio.sleep(0)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [one.key for one in parse_snapshot(path.read_bytes()).caches] == ["a"]

"""Live and packed values: the bounds, what cannot be packed, paths whose hashes are alike."""

import pytest

from ugrpy.cache.tiers import EXTRA_BYTES, LIVE_BYTES, TwoTiers


def pack(_path: str, value: bytes) -> bytes | None:
    return None if value == b"no" else value


def unpack(_path: str, data: bytes, start: int) -> bytes:
    return data[start:]


def tiers(max_items: int = 100, max_bytes: int = 1 << 30, live_items: int = 1) -> TwoTiers[bytes]:
    return TwoTiers(max_items, max_bytes, pack, unpack, live_items)


def test_what_is_asked_for_is_live_and_the_rest_is_packed():
    held = tiers()
    held.put("/a", b"1")
    held.put("/b", b"2")
    assert (held.live_count, len(held)) == (1, 2)
    assert held.peek("/a") == b"1"
    assert held.unpacked == 0, "a look is no use"
    assert held.get("/a") == b"1"
    assert held.get("/a") == b"1"
    assert held.unpacked == 1
    assert repr(held).startswith("<TwoTiers 1 live, 1 packed in 1")


def test_the_oldest_go_when_there_are_too_many():
    held = tiers(max_items=3)
    for number in range(5):
        held.put(f"/{number}", b"x")
    assert list(held.paths()) == ["/2", "/3", "/4"]
    assert held.evicted == 2


def test_the_oldest_go_when_they_take_too_many_bytes():
    held = tiers(max_bytes=10 * LIVE_BYTES)
    for number in range(100):
        held.put(f"/{number}", bytes(1000))
        assert held.bytes_held <= 10 * LIVE_BYTES
    assert len(held) == 1 + (9 * LIVE_BYTES) // (1000 + EXTRA_BYTES + 5)
    assert held.evicted == 100 - len(held)
    for number in range(100):
        held.pop(f"/{number}")
    assert (len(held), held.bytes_held) == (0, 0)


def test_of_very_many_some_go_at_once():
    held = tiers(max_items=1000)
    for number in range(1001):
        held.put(f"/{number}", b"")
    assert (len(held), held.evicted) == (1000 - 2, 3)


def test_what_cannot_be_packed_is_forgotten():
    held = tiers()
    held.put("/a", b"no")
    assert held.get("/a") == b"no"
    held.put("/b", b"x")
    assert held.get("/a") is None
    long = "/" + "a" * 70_000
    held.put(long, b"x")
    assert held.get(long) == b"x"
    assert held.get("/b") == b"x"
    assert held.get(long) is None
    assert (len(held), held.evicted) == (1, 2)


class Path(str):
    """Of which all have one hash."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7


def test_of_two_paths_with_one_hash_the_older_is_forgotten_and_none_is_taken_for_the_other():
    held = tiers()
    one, two = Path("/one"), Path("/two")
    held.put(one, b"1")
    held.put("/x", b"")
    assert held.get(two) is None
    assert not held.pop(two)
    held.put(two, b"2")
    held.put("/y", b"")
    assert held.get(one) is None
    assert held.get(two) == b"2"
    assert list(held.paths()) == ["/x", "/y", "/two"]


def test_names_that_are_no_unicode():
    held = tiers()
    held.put("/\udcff", b"1")
    held.put("/b", b"2")
    assert list(held.paths()) == ["/\udcff", "/b"]
    assert held.get("/\udcff") == b"1"


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        tiers(max_items=0)

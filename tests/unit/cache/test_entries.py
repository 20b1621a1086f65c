"""The cache: absolute age, the bound, prefixes by component, counters."""

import pytest

from ugrpy.cache.entries import AgingCache, CachePolicy


def test_defaults_of_the_policy():
    policy = CachePolicy()
    assert (policy.max_items, policy.ttl_s, policy.negative_ttl_s) == (200_000, 300.0, 10.0)
    assert (policy.listing_ttl_s, policy.incomplete_ttl_s) == (60.0, 5.0)


def test_a_constantly_read_entry_still_goes_at_its_time():
    cache: AgingCache[str] = AgingCache(10)
    cache.put("/a", "x", expires_at=30.0, now=0.0)
    for now in range(30):
        assert cache.get("/a", float(now)) == "x"
    assert cache.get("/a", 30.0) is None
    assert len(cache) == 0
    assert (cache.hits, cache.misses, cache.evicted) == (30, 1, 0)


def test_a_second_put_replaces_value_and_life():
    cache: AgingCache[str] = AgingCache(10)
    cache.put("/a", "old", expires_at=100.0, now=0.0)
    cache.put("/a", "new", expires_at=5.0, now=1.0)
    assert cache.get("/a", 4.9) == "new"
    assert cache.expires_at("/a") == 5.0
    assert cache.get("/a", 5.0) is None
    assert cache.expires_at("/a") is None


def test_a_put_without_life_stores_nothing_and_drops_the_older_value():
    cache: AgingCache[str] = AgingCache(10)
    cache.put("/a", "old", expires_at=100.0, now=0.0)
    cache.put("/a", "new", expires_at=1.0, now=1.0)
    assert cache.get("/a", 1.0) is None
    assert len(cache) == 0


def test_the_least_recently_used_goes_first():
    cache: AgingCache[int] = AgingCache(2)
    cache.put("/a", 1, 100.0, 0.0)
    cache.put("/b", 2, 100.0, 0.0)
    assert cache.get("/a", 1.0) == 1
    cache.put("/c", 3, 100.0, 2.0)
    assert cache.get("/b", 3.0) is None
    assert (cache.get("/a", 3.0), cache.get("/c", 3.0)) == (1, 3)
    assert (len(cache), cache.evicted) == (2, 1)


@pytest.mark.parametrize(
    ("prefix", "left"),
    [
        ("/a", ["/ab", "/ab/c"]),
        ("/a/", ["/ab", "/ab/c"]),
        ("/a/b", ["/a", "/a/bc", "/ab", "/ab/c"]),
        ("/", []),
        ("", []),
        ("/none", ["/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/ab/c"]),
    ],
)
def test_prefixes_are_whole_components(prefix, left):
    cache: AgingCache[int] = AgingCache(10)
    names = ["/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/ab/c"]
    for name in names:
        cache.put(name, 1, 100.0, 0.0)
    assert cache.pop_prefix(prefix) == len(names) - len(left)
    assert [name for name in names if cache.get(name, 1.0)] == left


def test_pop_and_clear():
    cache: AgingCache[int] = AgingCache(10)
    cache.put("/a", 1, 100.0, 0.0)
    cache.put("/b", 1, 100.0, 0.0)
    assert cache.pop("/a")
    assert not cache.pop("/a")
    cache.clear()
    assert len(cache) == 0
    assert cache.get("/b", 0.0) is None


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        AgingCache(0)


def test_repr_shows_the_state():
    cache: AgingCache[int] = AgingCache(7)
    cache.put("/a", 1, 100.0, 0.0)
    cache.get("/a", 0.0)
    cache.get("/b", 0.0)
    assert repr(cache) == "<AgingCache 1/7 items, 1 hits, 1 misses, 0 evicted>"


def test_a_peek_sees_what_get_sees_and_leaves_no_trace():
    cache: AgingCache[str] = AgingCache(2)
    cache.put("/a", "one", 10.0, 0.0)
    cache.put("/b", "two", 10.0, 0.0)
    assert (cache.peek("/a", 9.9), cache.peek("/a", 10.0), cache.peek("/c", 0.0)) == (
        "one",
        None,
        None,
    )
    assert (cache.hits, cache.misses) == (0, 0)
    cache.put("/c", "three", 10.0, 0.0)
    assert cache.peek("/a", 0.0) is None, "looked at, but still the least recently used"

"""Keys are spread evenly over servers, and few of them move when there is a server more or less."""

from collections import Counter

import pytest

from ugrpy.shared.ring import Ring

KEYS = [f"g{number:x}" for number in range(4096)]
SERVERS = [f"10.0.0.{number}:11211" for number in range(1, 6)]


def test_every_server_has_about_the_same_share():
    shares = Counter(map(Ring(SERVERS).home, KEYS))
    assert set(shares) == set(SERVERS)
    fair = len(KEYS) / len(SERVERS)
    assert all(0.6 * fair < share < 1.5 * fair for share in shares.values())


@pytest.mark.parametrize("gone", SERVERS)
def test_only_the_keys_of_the_server_that_goes_move(gone):
    before, after = Ring(SERVERS), Ring([one for one in SERVERS if one != gone])
    moved = [key for key in KEYS if before.home(key) != after.home(key)]
    assert {before.home(key) for key in moved} == {gone}
    assert {after.home(key) for key in moved} == set(SERVERS) - {gone}
    assert len(moved) < 1.5 * len(KEYS) / len(SERVERS)


def test_the_order_in_the_configuration_means_nothing():
    assert list(map(Ring(SERVERS).home, KEYS)) == list(map(Ring(SERVERS[::-1]).home, KEYS))


def test_one_server_has_everything_and_none_is_no_ring():
    assert set(map(Ring(SERVERS[:1]).home, KEYS)) == set(SERVERS[:1])
    with pytest.raises(ValueError, match="needs a server"):
        Ring([])

"""Who is seen to owe nothing, since when, by one's own clock?"""

import pytest

from ugrpy.shared.generations import LONG_AGO_S
from ugrpy.shared.membership import LINEAGE_BITS, Roster, Sign, parse_sign

LEASE_S, FORGET_S = 5.0, 60.0


def roster(**more) -> Roster:
    return Roster(LEASE_S, FORGET_S, **more)


def sign(tick: int, member: str = "a.0", debts: int = 0, run: str = "r1", **more) -> Sign:
    return Sign(member, run, tick, debts, **more)


def look(one: Roster, at_s: float, tick: int | None, *signs: Sign) -> list[str]:
    """A look that takes a tenth of a second."""
    return one.looked(at_s, at_s + 0.1, tick, signs)


def test_with_nobody_there_a_look_is_good_for_a_lease():
    one = roster()
    assert one.trusted_until_s == LONG_AGO_S
    look(one, 10.0, None)
    assert one.trusted_until_s == 15.0


def test_a_sign_is_as_old_as_the_last_look_at_which_its_tick_was_not_given_yet():
    one = roster()
    look(one, 10.0, 5, sign(5))
    assert one.trusted_until_s == LONG_AGO_S, "the tick may have been got an hour ago"
    look(one, 11.0, 6, sign(6))
    assert one.trusted_until_s == 15.0, "it was got after the look at 10"
    look(one, 12.0, 8, sign(6))
    assert one.trusted_until_s == 15.0, "he has not shown himself since"
    look(one, 13.0, 9, sign(9))
    assert one.trusted_until_s == 17.0
    assert one.silent(16.9) == []
    assert one.silent(17.0) == ["a.0"]


def test_a_sign_that_was_held_up_is_as_old_as_its_tick():
    """A store that stood still for an hour takes up then what was sent to it before."""
    one = roster()
    look(one, 10.0, 5, sign(5))
    look(one, 11.0, 6, sign(6))
    for at_s, tick in ((20.0, 6), (21.0, 7), (3600.0, 8)):
        look(one, at_s, tick, sign(6))
    look(one, 3601.0, 9, sign(7))
    assert one.trusted_until_s == 20.0 + LEASE_S


def test_everybody_is_waited_for_but_oneself_and_those_who_have_left():
    one = roster(own="me.0")
    for at_s, tick in ((10.0, 5), (11.0, 8)):
        look(one, at_s, tick, sign(tick), sign(tick, "b.0"), sign(1, "me.0"))
    assert one.trusted_until_s == 15.0
    look(one, 12.0, 9, sign(9), sign(8, "b.0"))
    assert one.trusted_until_s == 15.0
    look(one, 13.0, 10, sign(10), sign(8, "b.0", left=True))
    assert one.trusted_until_s == 17.0


def test_who_is_not_to_be_found_any_more_is_silent_and_forgotten_in_the_end():
    one = roster()
    look(one, 10.0, 5, sign(5))
    look(one, 11.0, 6, sign(6))
    assert look(one, 12.0, 6) == []
    assert one.trusted_until_s == 15.0
    for passed_s in range(3, int(FORGET_S)):
        assert look(one, 10.0 + passed_s, 6) == []
    assert one.trusted_until_s == 15.0
    assert look(one, 10.0 + FORGET_S, 6, sign(6)) == ["a.0"]
    assert look(one, 12.0 + FORGET_S, 6, sign(6)) == [], (
        "what he left behind does not bring him back"
    )
    assert one.trusted_until_s == 12.0 + FORGET_S + LEASE_S
    look(one, 13.0 + FORGET_S, 7, sign(7))
    assert set(one.members) == {"a.0"}


def test_nobody_is_forgotten_for_a_time_in_which_the_store_was_away():
    one = roster()
    look(one, 10.0, 5, sign(5))
    look(one, 11.0, 6, sign(6))
    assert look(one, 11.0 + 9 * FORGET_S, 7, sign(6)) == []
    assert one.trusted_until_s == 15.0


def test_what_was_confirmed_before_somebody_paid_is_void():
    one = roster()
    look(one, 10.0, 5, sign(5))
    look(one, 11.0, 6, sign(6))
    assert one.trusted_since_s == 10.1, "somebody new may have owed before"
    look(one, 12.0, 7, sign(7, debts=1))
    assert one.trusted_since_s == 12.1
    look(one, 13.0, 8, sign(8, debts=1))
    assert one.trusted_since_s == 12.1
    look(one, 14.0, 9, sign(9, run="r2"))
    assert one.trusted_since_s == 14.1


def test_numbers_of_another_lineage_say_nothing():
    old, new = 900 << LINEAGE_BITS, 5 << LINEAGE_BITS
    one = roster()
    look(one, 10.0, old + 5, sign(old + 5))
    look(one, 11.0, old + 6, sign(old + 6))
    look(one, 12.0, new + 1, sign(old + 7))
    assert one.trusted_until_s == 16.0, "got after the look at 11"
    look(one, 13.0, new + 2, sign(old + 9))
    assert one.trusted_until_s == 16.0, "not after those at a smaller number of another lineage"
    look(one, 14.0, new + 3, sign(new + 3))
    assert one.trusted_until_s == 18.0


def test_with_fewer_than_there_are_nothing_is_believed():
    one = roster(own="me.0", expected=2)
    look(one, 10.0, 5)
    assert one.trusted_until_s == LONG_AGO_S
    look(one, 11.0, 6, sign(6))
    assert one.trusted_until_s == 15.0


def test_signs_are_written_and_read():
    for one in (sign(7), sign(2**59, debts=3, left=True)):
        assert parse_sign(one.render()) == one


@pytest.mark.parametrize(
    "value", [b"", b"a", b"a r 1 0", b"a r x 0 here", b"a r 1 0 gone", b" r 1 0 here", b"\xff" * 9]
)
def test_what_is_no_sign_is_none(value):
    assert parse_sign(value) is None

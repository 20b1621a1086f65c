"""The fan-out machine and what is usual: when an endpoint is asked again, and when it is given up before the deadline."""

import pytest

from tests.unit.namespace.test_fanout import (
    FAR,
    FILE,
    FOLDER,
    MID,
    NEAR,
    POLICY,
    answer,
    nearer_first,
    play,
)
from ugrpy.namespace.fanout import (
    Ask,
    AskAgain,
    Cancel,
    Expected,
    Fanout,
    Finished,
    Heard,
    Joined,
    Left,
    ListingPart,
    Tick,
    WakeAt,
    Want,
)
from ugrpy.namespace.model import Absent, Cause, EndpointId, Entry, Kind, Unknown

QUICK = Expected(again_s=0.05, give_up_s=1.0)
LATE = Unknown(Cause.TIMEOUT, "no answer within 1 s")
LAST = Unknown(Cause.TIMEOUT, "no answer within 10 s")


def machine(*endpoints: EndpointId, expected: Expected = QUICK) -> Fanout:
    return Fanout(endpoints, POLICY, 0.0, {}, dict.fromkeys(endpoints, expected))


# -- asking again ---------------------------------------------------------------------------------


def test_the_last_silent_one_is_asked_again_and_a_miss_is_known_sooner():
    play(
        machine(NEAR, FAR),
        (0.00, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(FAR, Absent()), [WakeAt(0.05)]),
        (0.05, Tick(), [AskAgain(NEAR), WakeAt(10.0)]),
        (
            0.07,
            Heard(NEAR, Absent()),
            [answer(0, {FAR: (0.01, Absent()), NEAR: (0.07, Absent())}), Finished()],
        ),
    )


def test_the_only_one_that_could_be_better_is_asked_again_within_its_patience():
    play(
        machine(NEAR, MID, FAR),
        (0.00, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(MID, FILE), [WakeAt(0.05)]),
        (0.05, Tick(), [AskAgain(NEAR), WakeAt(0.26)]),
        (0.26, Tick(), [answer(0, {MID: (0.01, FILE)}, {NEAR, FAR}, {NEAR}), WakeAt(1.0)]),
    )


def test_while_several_are_silent_nobody_is_asked_again():
    play(
        machine(NEAR, MID, FAR),
        (0.00, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(MID, Absent()), []),
        (0.08, Tick(), [WakeAt(10.0)]),
        # the other one speaks when the time of this one has passed already
        (0.09, Heard(FAR, Absent()), [AskAgain(NEAR)]),
    )


def test_it_is_asked_again_once_whoever_waits():
    play(
        machine(NEAR),
        (0.00, Joined(0, Want.ALL), [Ask(NEAR), WakeAt(0.05)]),
        (0.05, Tick(), [AskAgain(NEAR), WakeAt(10.0)]),
        (0.06, Joined(1, Want.BEST, nearer_first), []),
        (3.00, Tick(), [WakeAt(10.0)]),
    )


def test_a_listing_that_has_begun_is_not_asked_for_again():
    play(
        machine(NEAR),
        (0.00, Joined(0, Want.ALL), [Ask(NEAR), WakeAt(0.05)]),
        (0.02, ListingPart(NEAR, [Entry("a", Kind.FILE)]), [WakeAt(10.0)]),
        (5.00, Tick(), [WakeAt(10.0)]),
    )


@pytest.mark.parametrize("want", [Want.ANY, Want.BEST])
def test_nobody_is_asked_again_for_those_who_have_their_answer(want: Want):
    play(
        machine(FAR, NEAR),
        (0.00, Joined(0, want, nearer_first), [Ask(FAR), Ask(NEAR), WakeAt(10.0)]),
        (0.01, Heard(NEAR, FILE), [answer(0, {NEAR: (0.01, FILE)}, {FAR}), WakeAt(1.0)]),
        (0.50, Tick(), [WakeAt(1.0)]),
    )


def test_one_whose_pace_is_unknown_is_not_asked_again():
    play(
        machine(NEAR, expected=Expected()),
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), WakeAt(10.0)]),
        (9.0, Tick(), [WakeAt(10.0)]),
    )


# -- giving up ------------------------------------------------------------------------------------


def test_who_should_have_answered_long_ago_is_given_up_when_another_has_the_file():
    play(
        machine(NEAR, FAR),
        (0.00, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(NEAR, FILE), [answer(0, {NEAR: (0.01, FILE)}, {FAR}), WakeAt(1.0)]),
        (1.00, Tick(), [Cancel(FAR), Finished()]),
    )


def test_a_metalink_does_without_the_one_that_should_have_answered_long_ago():
    play(
        machine(NEAR, FAR, expected=Expected(give_up_s=1.0)),
        (0.00, Joined(0, Want.MOST), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(NEAR, FILE), [WakeAt(1.0)]),
        (
            1.00,
            Tick(),
            [Cancel(FAR), answer(0, {NEAR: (0.01, FILE), FAR: (1.0, LATE)}), Finished()],
        ),
    )


@pytest.mark.parametrize("want", [Want.ANY, Want.BEST, Want.MOST, Want.ALL])
def test_a_miss_waits_for_the_deadline_however_quick_they_usually_are(want: Want):
    play(
        machine(NEAR, FAR, expected=Expected(give_up_s=1.0)),
        (0.00, Joined(0, want), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(FAR, Absent()), []),
        (5.00, Tick(), [WakeAt(10.0)]),
        (
            10.0,
            Tick(),
            [Cancel(NEAR), answer(0, {FAR: (0.01, Absent()), NEAR: (10.0, LAST)}), Finished()],
        ),
    )


def test_who_wants_the_word_of_all_gets_it_and_the_others_wait_with_him():
    play(
        machine(NEAR, FAR, expected=Expected(give_up_s=1.0)),
        (0.00, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(NEAR, FILE), []),
        (0.02, Joined(1, Want.MOST), []),
        (1.50, Left(0), [WakeAt(1.5)]),
        (
            1.50,
            Tick(),
            [Cancel(FAR), answer(1, {NEAR: (0.01, FILE), FAR: (1.5, LATE)}), Finished()],
        ),
    )


def test_a_listing_waits_for_the_deadline():
    play(
        machine(NEAR, FAR, expected=Expected(give_up_s=1.0)),
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.1, ListingPart(NEAR, [Entry("a", Kind.FILE)]), []),
        (0.2, Heard(NEAR, FOLDER), []),
        (5.0, Tick(), [WakeAt(10.0)]),
    )


def test_the_deadline_comes_first_where_it_is_shorter():
    play(
        machine(NEAR, FAR, expected=Expected(give_up_s=60.0)),
        (0.00, Joined(0, Want.MOST), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(NEAR, FILE), []),
        (
            10.0,
            Tick(),
            [Cancel(FAR), answer(0, {NEAR: (0.01, FILE), FAR: (10.0, LAST)}), Finished()],
        ),
    )

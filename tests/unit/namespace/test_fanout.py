"""The fan-out machine, told as stories: at this time this happens, and these commands follow."""

from collections.abc import Callable

import pytest

from ugrpy.namespace.fanout import (
    Answer,
    Ask,
    Cancel,
    Command,
    Event,
    Fanout,
    FanoutPolicy,
    Finished,
    Heard,
    Joined,
    Left,
    ListingPart,
    Tick,
    WakeAt,
    Want,
    no_preference,
)
from ugrpy.namespace.merge import Sighting
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

NEAR, MID, FAR = EndpointId("near"), EndpointId("mid"), EndpointId("far")
POLICY = FanoutPolicy(deadline_s=10.0, hedge_s=0.25)
FILE = Found(Entry("f", Kind.FILE, 10))
FOLDER = Found(Entry("d", Kind.COLLECTION))
DENIED = Denied()
LATE = Unknown(Cause.TIMEOUT, "no answer within 10 s")

Step = tuple[float, Event, list[Command]]


def nearer_first(silent: EndpointId, holder: EndpointId) -> bool:
    """The preference of a client that stands beside ``near``."""
    order = [NEAR, MID, FAR]
    return order.index(silent) < order.index(holder)


def farther_first(silent: EndpointId, holder: EndpointId) -> bool:
    """The preference of a client at the other end of the world."""
    return nearer_first(holder, silent)


def machine(*endpoints: EndpointId, **patience_s: float) -> Fanout:
    return Fanout(endpoints, POLICY, 0.0, {EndpointId(n): s for n, s in patience_s.items()})


def play(fanout: Fanout, *steps: Step) -> None:
    for number, (at_s, event, expected) in enumerate(steps, 1):
        assert fanout.handle(event, at_s) == expected, f"step {number}, {event} at {at_s}"


def answer(
    waiter: int,
    said: dict[EndpointId, tuple[float, Observation]],
    silent: set[EndpointId] | None = None,
    stalled: set[EndpointId] | None = None,
) -> Answer:
    knowledge = {name: Sighting(what, at_s) for name, (at_s, what) in said.items()}
    return Answer(waiter, knowledge, frozenset(silent or ()), frozenset(stalled or ()))


# -- when a redirect is answered -----------------------------------------------------------------


def test_the_nearest_has_the_file_and_nobody_waits_for_the_others():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.02, Heard(NEAR, FILE), [answer(0, {NEAR: (0.02, FILE)}, {MID, FAR})]),
        (0.05, Heard(MID, Absent()), []),
        (0.30, Heard(FAR, FILE), [Finished()]),
    )


def test_the_far_one_is_quick_and_the_near_one_still_in_time():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [WakeAt(0.35)]),
        (
            0.30,
            Heard(NEAR, FILE),
            [answer(0, {NEAR: (0.30, FILE), FAR: (0.10, FILE)}), Finished()],
        ),
    )


def test_the_near_one_has_nothing_and_the_far_one_is_answered_at_once():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(MID, FILE), [WakeAt(0.35)]),
        (
            0.12,
            Heard(NEAR, DENIED),
            [answer(0, {MID: (0.10, FILE), NEAR: (0.12, DENIED)}, {FAR}), WakeAt(10.0)],
        ),
    )


def test_the_hedge_runs_out_and_the_near_one_is_told_on():
    fanout = machine(NEAR, MID, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(MID, FILE), [WakeAt(0.35)]),
        (0.35, Tick(), [answer(0, {MID: (0.10, FILE)}, {NEAR, FAR}, {NEAR}), WakeAt(10.0)]),
        # what comes late changes no reply, and is kept
        (0.90, Heard(NEAR, FILE), []),
        (1.00, Heard(FAR, Absent()), [Finished()]),
    )
    assert fanout.knowledge[NEAR] == Sighting(FILE, 0.90)


def test_a_better_holder_leaves_fewer_rivals_but_patience_counts_from_the_first():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [WakeAt(0.35)]),
        (0.30, Heard(MID, FILE), []),
        (
            0.35,
            Tick(),
            [
                answer(0, {FAR: (0.10, FILE), MID: (0.30, FILE)}, {NEAR}, {NEAR}),
                WakeAt(10.0),
            ],
        ),
    )


def test_patience_is_given_to_each_by_what_is_usual_for_it():
    play(
        machine(NEAR, MID, FAR, near=0.04, mid=0.16),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [WakeAt(0.10 + 0.16)]),
        (0.12, Heard(MID, Absent()), [WakeAt(0.10 + 0.04)]),
        (
            0.14,
            Tick(),
            [
                answer(0, {FAR: (0.10, FILE), MID: (0.12, Absent())}, {NEAR}, {NEAR}),
                WakeAt(10.0),
            ],
        ),
    )


def test_the_hedge_bounds_the_patience_with_anybody():
    play(
        machine(NEAR, FAR, near=5.0),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [WakeAt(0.35)]),
    )


def test_a_sluggish_one_is_asked_and_not_waited_for():
    play(
        machine(NEAR, FAR, near=0.0),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [answer(0, {FAR: (0.10, FILE)}, {NEAR}, {NEAR})]),
        (0.50, Heard(NEAR, FILE), [Finished()]),
    )


def test_a_client_without_preference_takes_the_first():
    assert not no_preference(NEAR, FAR)
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [answer(0, {FAR: (0.10, FILE)}, {NEAR})]),
    )


def test_an_outvoted_replica_is_not_the_best():
    other = Found(Entry("f", Kind.FILE, 99))
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.BEST, farther_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(NEAR, FILE), [WakeAt(0.35)]),
        (0.20, Heard(MID, FILE), []),
        (
            0.30,
            Heard(FAR, other),
            [
                answer(0, {NEAR: (0.10, FILE), MID: (0.20, FILE), FAR: (0.30, other)}),
                Finished(),
            ],
        ),
    )


def test_a_collection_has_no_nearest_replica():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FOLDER), [answer(0, {FAR: (0.10, FOLDER)}, {NEAR})]),
    )


# -- other wants -----------------------------------------------------------------------------------


def test_existence_is_answered_by_the_first_who_knows():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.ANY), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.01, Heard(MID, Absent()), []),
        (
            0.02,
            Heard(FAR, FILE),
            [answer(0, {MID: (0.01, Absent()), FAR: (0.02, FILE)}, {NEAR})],
        ),
    )


@pytest.mark.parametrize("want", list(Want))
def test_a_miss_waits_for_everybody(want: Want):
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, want, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.02, Heard(NEAR, Absent()), []),
        (
            5.0,
            Heard(FAR, Absent()),
            [answer(0, {NEAR: (0.02, Absent()), FAR: (5.0, Absent())}), Finished()],
        ),
    )


def test_a_listing_waits_for_all_and_collects_their_parts():
    one, two, three = (Entry(name, Kind.FILE) for name in "123")
    fanout = machine(NEAR, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.1, ListingPart(NEAR, [one]), []),
        (0.2, ListingPart(FAR, [one, three]), []),
        (0.3, ListingPart(NEAR, [two]), []),
        (0.4, Heard(NEAR, FOLDER), []),
        (0.5, ListingPart(NEAR, [three]), []),  # after its final word nothing more is taken
        (
            0.6,
            Heard(FAR, FOLDER),
            [answer(0, {NEAR: (0.4, FOLDER), FAR: (0.6, FOLDER)}), Finished()],
        ),
    )
    assert fanout.gathered is not None
    assert fanout.gathered.named_by == {NEAR: 2, FAR: 2}
    assert {child.entry: child.holders for child in fanout.gathered.take(10)} == {
        one: (FAR, NEAR),
        two: (NEAR,),
        three: (FAR,),
    }


# -- the deadline ------------------------------------------------------------------------------------


@pytest.mark.parametrize("want", list(Want))
def test_silence_until_the_deadline_is_unknown_and_never_absent(want: Want):
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, want, nearer_first), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.1, Heard(MID, Absent()), []),
        (
            10.0,
            Tick(),
            [
                Cancel(FAR),
                Cancel(NEAR),
                answer(0, {MID: (0.1, Absent()), FAR: (10.0, LATE), NEAR: (10.0, LATE)}),
                Finished(),
            ],
        ),
    )


def test_a_partial_listing_at_the_deadline_keeps_what_was_handed_over():
    one, two = Entry("1", Kind.FILE), Entry("2", Kind.FILE)
    fanout = machine(NEAR, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.1, ListingPart(NEAR, [one]), []),
        (0.2, Heard(NEAR, FOLDER), []),
        (9.9, ListingPart(FAR, [two]), []),
        (
            10.0,
            Tick(),
            [
                Cancel(FAR),
                answer(0, {NEAR: (0.2, FOLDER), FAR: (10.0, LATE)}),
                Finished(),
            ],
        ),
    )
    assert fanout.gathered is not None
    assert {child.entry for child in fanout.gathered.take(10)} == {one, two}


def test_who_lists_earns_time_and_who_is_silent_beside_it_does_not():
    names = [Entry(str(n), Kind.FILE) for n in range(2500)]
    fanout = machine(NEAR, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (9.0, ListingPart(FAR, names), []),
        (10.0, Tick(), [Cancel(NEAR), WakeAt(12.0)]),
        (11.0, ListingPart(FAR, [Entry("more", Kind.FILE)]), []),
        (
            12.0,
            Tick(),
            [
                Cancel(FAR),
                answer(
                    0,
                    {
                        NEAR: (10.0, LATE),
                        FAR: (12.0, Unknown(Cause.TIMEOUT, "not finished within 12 s")),
                    },
                ),
                Finished(),
            ],
        ),
    )
    assert fanout.gathered is not None
    assert len(fanout.gathered.take(5000)) == 2501


def test_an_answer_exactly_at_the_deadline_counts_if_it_is_heard_before_the_tick():
    play(
        machine(NEAR),
        (0.0, Joined(0, Want.BEST), [Ask(NEAR), WakeAt(10.0)]),
        (10.0, Heard(NEAR, FILE), [answer(0, {NEAR: (10.0, FILE)}), Finished()]),
        (10.0, Tick(), []),
    )


def test_an_answer_exactly_at_the_deadline_is_too_late_after_the_tick():
    play(
        machine(NEAR),
        (0.0, Joined(0, Want.BEST), [Ask(NEAR), WakeAt(10.0)]),
        (10.0, Tick(), [Cancel(NEAR), answer(0, {NEAR: (10.0, LATE)}), Finished()]),
        (10.0, Heard(NEAR, FILE), []),
    )


def test_the_deadline_cuts_patience_short():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (9.9, Heard(FAR, FILE), []),
        (
            10.0,
            Tick(),
            [Cancel(NEAR), answer(0, {FAR: (9.9, FILE), NEAR: (10.0, LATE)}), Finished()],
        ),
    )


@pytest.mark.parametrize("early_s", [0.0004, 1e-12])
def test_a_timer_that_rings_too_early_is_set_again(early_s: float):
    """uvloop rounds timers to milliseconds, and sums of floats are not exact: nobody may be forgotten over that."""
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [WakeAt(0.35)]),
        (0.35 - early_s, Tick(), [WakeAt(0.35)]),
        (0.35, Tick(), [answer(0, {FAR: (0.10, FILE)}, {NEAR}, {NEAR}), WakeAt(10.0)]),
        (10.0 - early_s, Tick(), [WakeAt(10.0)]),
        (10.0, Tick(), [Cancel(NEAR), Finished()]),
    )


def test_a_client_that_joins_after_an_unpunctual_deadline_is_not_asked_to_wait_for_the_past():
    play(
        machine(NEAR),
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), WakeAt(10.0)]),
        (10.5, Joined(1, Want.ALL), [WakeAt(10.5)]),
        (
            10.6,
            Tick(),
            [
                Cancel(NEAR),
                answer(0, {NEAR: (10.6, LATE)}),
                answer(1, {NEAR: (10.6, LATE)}),
                Finished(),
            ],
        ),
    )


# -- several clients on one machine -----------------------------------------------------------------


def test_clients_with_different_wants_share_the_asks():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.0, Joined(1, Want.BEST, nearer_first), []),
        (0.0, Joined(2, Want.BEST, farther_first), []),
        (0.0, Joined(3, Want.ANY), []),
        (
            0.10,
            Heard(MID, FILE),
            [answer(3, {MID: (0.10, FILE)}, {NEAR, FAR}), WakeAt(0.35)],
        ),
        (
            0.20,
            Heard(FAR, FILE),
            [answer(2, {MID: (0.10, FILE), FAR: (0.20, FILE)}, {NEAR})],
        ),
        (
            0.35,
            Tick(),
            [answer(1, {MID: (0.10, FILE), FAR: (0.20, FILE)}, {NEAR}, {NEAR}), WakeAt(10.0)],
        ),
        (
            0.90,
            Heard(NEAR, Absent()),
            [
                answer(0, {MID: (0.10, FILE), FAR: (0.20, FILE), NEAR: (0.90, Absent())}),
                Finished(),
            ],
        ),
    )


def test_who_joins_late_is_answered_at_once_from_what_is_known():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, farther_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.10, Heard(FAR, FILE), [answer(0, {FAR: (0.10, FILE)}, {NEAR})]),
        (2.00, Joined(1, Want.ANY), [answer(1, {FAR: (0.10, FILE)}, {NEAR})]),
        # the hedge counts from the first found, and is long over
        (
            2.00,
            Joined(2, Want.BEST, nearer_first),
            [answer(2, {FAR: (0.10, FILE)}, {NEAR}, {NEAR})],
        ),
        (2.00, Joined(3, Want.ALL), []),
        (
            3.00,
            Heard(NEAR, FILE),
            [answer(3, {FAR: (0.10, FILE), NEAR: (3.00, FILE)}), Finished()],
        ),
    )


# -- clients that go away ----------------------------------------------------------------------------


def test_the_only_client_gone_before_any_answer_cancels_the_asks():
    play(
        machine(NEAR, MID, FAR),
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(MID), Ask(FAR), WakeAt(10.0)]),
        (0.1, Heard(MID, FILE), []),
        (0.2, Left(0), [Cancel(FAR), Cancel(NEAR), Finished()]),
        (0.3, Heard(NEAR, FILE), []),
        (10.0, Tick(), []),
    )


def test_one_client_gone_of_two_changes_nothing_for_the_other():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.0, Joined(1, Want.ALL), []),
        (0.1, Heard(FAR, FILE), [WakeAt(0.35)]),
        (0.2, Left(0), [WakeAt(10.0)]),  # nobody's hedge is waited for any more
        (
            0.5,
            Heard(NEAR, FILE),
            [answer(1, {FAR: (0.1, FILE), NEAR: (0.5, FILE)}), Finished()],
        ),
    )


def test_after_the_first_answer_the_asks_go_on_even_when_the_others_leave():
    fanout = machine(NEAR, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.ANY), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.0, Joined(1, Want.ALL), []),
        (0.1, Heard(FAR, FILE), [answer(0, {FAR: (0.1, FILE)}, {NEAR})]),
        (0.2, Left(1), []),
        (0.9, Heard(NEAR, FILE), [Finished()]),
    )
    assert fanout.finished
    assert set(fanout.knowledge) == {NEAR, FAR}


def test_a_farewell_after_the_answer_is_harmless():
    play(
        machine(NEAR, FAR),
        (0.0, Joined(0, Want.ANY), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.1, Heard(FAR, FILE), [answer(0, {FAR: (0.1, FILE)}, {NEAR})]),
        (0.2, Left(0), []),
        (0.2, Left(77), []),
    )


# -- small machines, odd events, what it shows ---------------------------------------------------------


def test_a_single_endpoint_is_asked_and_believed():
    play(
        machine(NEAR),
        (0.0, Joined(0, Want.BEST, nearer_first), [Ask(NEAR), WakeAt(10.0)]),
        (0.1, Heard(NEAR, FILE), [answer(0, {NEAR: (0.1, FILE)}), Finished()]),
    )


def test_a_machine_without_endpoints_answers_at_once():
    play(machine(), (0.0, Joined(0, Want.ALL), [answer(0, {}), Finished()]))


def test_the_first_final_word_of_an_endpoint_counts_and_strangers_do_not():
    fanout = machine(NEAR, FAR)
    play(
        fanout,
        (0.0, Joined(0, Want.ALL), [Ask(NEAR), Ask(FAR), WakeAt(10.0)]),
        (0.1, Heard(NEAR, Absent()), []),
        (0.2, Heard(NEAR, FILE), []),
        (0.3, Heard(MID, FILE), []),
        (
            0.4,
            Heard(FAR, Absent()),
            [answer(0, {NEAR: (0.1, Absent()), FAR: (0.4, Absent())}), Finished()],
        ),
    )


def test_an_answer_is_a_snapshot():
    fanout = machine(NEAR, FAR)
    fanout.handle(Joined(0, Want.ANY), 0.0)
    (given,) = fanout.handle(Heard(FAR, FILE), 0.1)
    assert isinstance(given, Answer)
    fanout.handle(Heard(NEAR, FILE), 0.2)
    assert set(given.knowledge) == {FAR}


def test_its_deadline_counts_from_the_start():
    assert Fanout((NEAR,), POLICY, 1000.0).deadline_s == 1010.0


@pytest.mark.parametrize(
    ("prepare", "shown"),
    [
        (lambda fanout: None, "Fanout(heard {}, silent ['far', 'near'], 0 waiting)"),
        (
            lambda fanout: (
                fanout.handle(Joined(0, Want.ALL), 0.0),
                fanout.handle(Heard(NEAR, FILE), 0.1),
            ),
            "Fanout(heard {near: Found}, silent ['far'], 1 waiting)",
        ),
        (
            lambda fanout: (
                fanout.handle(Joined(0, Want.ALL), 0.0),
                fanout.handle(Left(0), 0.1),
            ),
            "Fanout(heard {}, silent ['far', 'near'], 0 waiting, finished)",
        ),
    ],
)
def test_what_it_shows(prepare: Callable[[Fanout], object], shown: str):
    fanout = machine(NEAR, FAR)
    prepare(fanout)
    assert repr(fanout) == shown

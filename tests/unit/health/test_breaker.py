"""The breaker as stories: at this second that happens, and then the endpoint is in this state."""

from collections.abc import Callable

import pytest

from ugrpy.endpoints.base import Probe
from ugrpy.health.breaker import Breaker
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.showing import snapshot_of
from ugrpy.health.states import State, Transition
from ugrpy.namespace.model import Cause, EndpointId

IN, REFUSING, OUT = State.IN_SERVICE, State.REFUSING, State.EJECTED
TRIAL, DRAINED, DISABLED, DOWNTIME = (
    State.TRIAL,
    State.DRAINED,
    State.DISABLED,
    State.DOWNTIME,
)

Event = Callable[[Breaker, float], object]


def ok(latency_s: float | None = 0.01) -> Event:
    return lambda b, now: b.heard(None, latency_s, now)


def fails(cause: Cause = Cause.TIMEOUT, detail: str = "") -> Event:
    return lambda b, now: b.heard(cause, 1.0, now, detail)


refused = fails(Cause.UNREACHABLE, "connection refused")


def probe_ok(latency_s: float = 0.01) -> Event:
    return lambda b, now: b.probed(Probe(alive=True, latency_s=latency_s, status=200), now)


def probe_refused(b: Breaker, now: float) -> object:
    return b.probed(
        Probe(alive=True, latency_s=0.01, refusing=True, status=403, detail="403 Forbidden"), now
    )


def probe_404(b: Breaker, now: float) -> object:
    return b.probed(Probe(alive=True, latency_s=0.01, status=404), now)


def probe_dead(b: Breaker, now: float) -> object:
    return b.probed(Probe(alive=False, latency_s=0.0, detail="connection refused"), now)


def announce(*notices: Notice) -> Event:
    return lambda b, now: b.announce(notices, now)


disable = announce(Notice(NoticeKind.DISABLED, "new disks"))
drain = announce(Notice(NoticeKind.DRAINED, "new disks"))
enable = announce()


def downtime(until: float, reason: str = "power works") -> Event:
    return announce(Notice(NoticeKind.OUTAGE, reason, end_s=until))


def tick(b: Breaker, now: float) -> object:
    return b.tick(now)


def begin_trial(b: Breaker, now: float) -> object:
    return b.begin_trial(now)


Story = list[tuple[float, Event, State]]

STORIES: dict[str, Story] = {
    "three failures in a row": [(0, fails(), IN), (1, fails(), IN), (2, fails(), OUT)],
    "a success breaks the row": [
        (0, fails(), IN),
        (1, fails(), IN),
        (2, ok(), IN),
        (3, fails(), IN),
        (4, fails(), IN),
        (5, fails(), OUT),
    ],
    "two refused connections": [(0, refused, IN), (1, refused, OUT)],
    "one refused connection and the probe after it": [(0, refused, IN), (1, probe_dead, OUT)],
    "a daemon restarted: refused once, then the probe finds it": [
        (0, refused, IN),
        (1, probe_ok(), IN),
        (9, refused, IN),
    ],
    "a good probe does not forgive failing work": [
        (0, fails(Cause.FAILED), IN),
        (1, probe_ok(), IN),
        (2, fails(Cause.TIMEOUT), IN),
        (3, probe_ok(), IN),
        (4, fails(Cause.MALFORMED), OUT),
    ],
    "a quiet endpoint dies": [(0, probe_dead, IN), (1, probe_dead, IN), (2, probe_dead, OUT)],
    "too slow a probe is a failure": [
        (0, probe_ok(10.1), IN),
        (11, probe_ok(10.1), IN),
        (22, probe_ok(10.1), OUT),
    ],
    "a slow operation that succeeds is a success": [
        (0, fails(), IN),
        (0, fails(), IN),
        (60, ok(30.0), IN),
        (61, fails(), IN),
    ],
    "back after two good probes in a row": [
        (0, refused, IN),
        (1, refused, OUT),
        (10, probe_ok(), OUT),
        (20, probe_dead, OUT),
        (30, probe_ok(), OUT),
        (40, probe_404, IN),
        (41, refused, IN),
    ],
    "late news about an ejected endpoint changes nothing": [
        (0, refused, IN),
        (1, refused, OUT),
        (2, ok(), OUT),
        (3, fails(), OUT),
        (10, probe_ok(), OUT),
        (12, fails(), OUT),
        (20, probe_ok(), IN),
    ],
    "rejected credentials keep it in service and say so": [
        (0, probe_refused, REFUSING),
        (1, ok(), REFUSING),
        (10, probe_refused, REFUSING),
        (20, probe_ok(), IN),
    ],
    "a refusing endpoint can die, and come back refusing": [
        (0, probe_refused, REFUSING),
        (1, refused, REFUSING),
        (2, refused, OUT),
        (10, probe_refused, OUT),
        (20, probe_refused, REFUSING),
    ],
    "drained": [
        (0, disable, DISABLED),
        (1, ok(), DISABLED),
        (2, probe_ok(), DISABLED),
        (3, enable, IN),
    ],
    "the machine dies while drained": [
        (0, disable, DISABLED),
        (1, probe_dead, DISABLED),
        (2, probe_dead, DISABLED),
        (3, probe_dead, DISABLED),
        (4, enable, OUT),
        (10, probe_ok(), OUT),
        (20, probe_ok(), IN),
    ],
    "a downtime ends by itself": [
        (0, downtime(100.0), DOWNTIME),
        (99, tick, DOWNTIME),
        (100, tick, IN),
    ],
    "a downtime called off": [(0, downtime(100.0), DOWNTIME), (5, downtime(0.0), IN)],
    "drained during a downtime": [
        (0, downtime(100.0), DOWNTIME),
        (10, disable, DISABLED),
        (100, tick, DISABLED),
        (110, enable, IN),
    ],
    "a drained endpoint is in service, until it fails": [
        (0, drain, DRAINED),
        (1, ok(), DRAINED),
        (2, probe_refused, DRAINED),
        (3, refused, DRAINED),
        (4, refused, OUT),
        (14, probe_ok(), OUT),
        (24, probe_ok(), DRAINED),
        (30, enable, IN),
    ],
    "of several notices the heaviest counts": [
        (
            0,
            announce(
                Notice(NoticeKind.DRAINED, end_s=30.0),
                Notice(NoticeKind.AT_RISK),
                Notice(NoticeKind.OUTAGE, start_s=10.0, end_s=20.0),
                Notice(NoticeKind.DISABLED, start_s=15.0, end_s=18.0),
            ),
            DRAINED,
        ),
        (10, tick, DOWNTIME),
        (15, tick, DISABLED),
        (18, tick, DOWNTIME),
        (20, tick, DRAINED),
        (30, tick, IN),
    ],
    "the operator keeps it in use whatever a calendar says": [
        (
            0,
            announce(
                Notice(NoticeKind.OUTAGE, announced=True), Notice(NoticeKind.KEPT, end_s=10.0)
            ),
            IN,
        ),
        (10, tick, DOWNTIME),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_stories_of_a_probed_endpoint(story):
    play(Breaker(EndpointId("uvic"), HealthPolicy()), story)


TRIALS: dict[str, Story] = {
    "one trial, and it is good": [
        (0, refused, IN),
        (1, refused, OUT),
        (10.9, begin_trial, OUT),
        (11, begin_trial, TRIAL),
        (12, begin_trial, TRIAL),
        (13, ok(), IN),
    ],
    "a failed trial doubles the back-off": [
        (0, refused, IN),
        (0, refused, OUT),
        (10, begin_trial, TRIAL),
        (11, fails(), OUT),
        (30.9, begin_trial, OUT),
        (31, begin_trial, TRIAL),
        (31, fails(), OUT),
        (70.9, begin_trial, OUT),
        (71, begin_trial, TRIAL),
        (72, ok(), IN),
        (73, refused, IN),
        (74, refused, OUT),
        (84, begin_trial, TRIAL),
    ],
    "a trial that was given up makes room at once": [
        (0, refused, IN),
        (0, refused, OUT),
        (10, begin_trial, TRIAL),
        (20, tick, TRIAL),
        (20.1, tick, OUT),
        (20.2, begin_trial, TRIAL),
    ],
    "a probe by hand does not decide a trial": [
        (0, refused, IN),
        (0, refused, OUT),
        (10, begin_trial, TRIAL),
        (11, probe_ok(), TRIAL),
        (12, ok(), IN),
    ],
    "no trial while drained": [
        (0, refused, IN),
        (0, refused, OUT),
        (5, disable, DISABLED),
        (20, begin_trial, DISABLED),
        (30, enable, OUT),
        (30, begin_trial, TRIAL),
    ],
}


@pytest.mark.parametrize("story", TRIALS.values(), ids=TRIALS)
def test_stories_of_an_endpoint_that_is_not_probed(story):
    play(Breaker(EndpointId("uvic"), HealthPolicy(), probed_actively=False), story)


def play(breaker: Breaker, story: Story) -> None:
    for step, (now, event, expected) in enumerate(story):
        before = breaker.state
        change = event(breaker, float(now))
        assert breaker.state is expected, f"step {step}: {breaker!r}"
        assert breaker.in_service == (expected in {IN, REFUSING, DRAINED})
        if expected is before:
            assert change is None
        else:
            assert isinstance(change, Transition)
            assert (change.endpoint, change.before, change.after) == ("uvic", before, expected)
            assert change.at_s == now
            assert breaker.history[-1] == (now, expected)


def ejected(**options) -> Breaker:
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(), **options)
    refused(breaker, 100.0)
    refused(breaker, 100.0)
    return breaker


# -- policy ---------------------------------------------------------------------------------------


def test_defaults():
    policy = HealthPolicy()
    assert (policy.eject_after, policy.probe_interval_s, policy.return_after) == (3, 10.0, 2)
    assert (policy.max_latency_s, policy.slow_after) == (10.0, 3)


def test_eject_after_one_acts_on_the_first_failure():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1))
    fails()(breaker, 0.0)
    assert breaker.state is OUT


def test_eject_after_zero_never_ejects():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=0))
    for now in range(50):
        refused(breaker, float(now))
    assert breaker.state is IN


# -- probes ---------------------------------------------------------------------------------------


def test_a_new_endpoint_is_probed_at_once_and_then_every_interval():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    assert breaker.probe_due(0.0)
    probe_ok()(breaker, 0.0)
    assert not breaker.probe_due(9.9)
    assert breaker.probe_due(10.0)


def test_a_busy_endpoint_needs_no_probe():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    probe_ok()(breaker, 0.0)
    for now in range(5, 100, 5):
        ok()(breaker, float(now))
        assert not breaker.probe_due(now + 5.0)
    assert breaker.probe_due(105.0)


@pytest.mark.parametrize("news", [fails(), refused, probe_dead])
def test_a_suspect_is_probed_soon(news):
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    probe_ok()(breaker, 0.0)
    news(breaker, 2.0)
    assert breaker.probe_due(3.0)
    ok()(breaker, 3.0)
    assert not breaker.probe_due(11.9)


def test_one_that_has_just_become_sluggish_is_probed_soon_and_only_once():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    probe_ok()(breaker, 0.0)
    for _ in range(3):
        breaker.stalled(2.0)
    assert breaker.probe_due(2.0)
    probe_ok()(breaker, 2.0)
    breaker.stalled(3.0)
    assert not breaker.probe_due(11.9)


def test_refusing_and_ejected_endpoints_are_probed_in_spite_of_traffic():
    refusing = Breaker(EndpointId("uvic"), HealthPolicy())
    probe_refused(refusing, 0.0)
    ok()(refusing, 9.0)
    assert not refusing.probe_due(9.9)
    assert refusing.probe_due(10.0)
    out = ejected()
    probe_dead(out, 101.0)
    ok()(out, 110.0)
    assert not out.probe_due(110.9)
    assert out.probe_due(111.0)


def test_the_way_back_begins_with_a_whole_interval():
    """A probe on the heels of the failure would be a stable interval of no length (row D123)."""
    never_probed = ejected()
    assert not never_probed.probe_due(109.9)
    assert never_probed.probe_due(110.0)
    long_quiet = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1))
    probe_ok()(long_quiet, 0.0)
    fails()(long_quiet, 100.0)
    assert not long_quiet.probe_due(109.9)
    assert long_quiet.probe_due(110.0)


def test_a_probe_that_was_under_way_at_the_ejection_is_no_interval():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1, return_after=1))
    fails()(breaker, 100.0)
    probe_ok(0.5)(breaker, 100.4)
    assert breaker.state is OUT
    probe_ok(0.5)(breaker, 110.9)
    assert breaker.state is IN


def test_a_quarantine_of_ten_intervals_that_a_failure_starts_afresh():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1, return_after=10))
    fails()(breaker, 0.0)
    for now in range(10, 100, 10):
        probe_ok()(breaker, float(now))
    probe_ok(10.5)(breaker, 99.0)
    for now in range(110, 200, 10):
        probe_ok()(breaker, float(now))
        assert breaker.state is OUT
    probe_ok()(breaker, 200.0)
    assert breaker.state is IN


def test_an_endpoint_that_must_not_be_probed_never_is():
    assert not Breaker(EndpointId("uvic"), HealthPolicy(), probed_actively=False).probe_due(1e9)


def test_the_draw_spreads_the_probes():
    draws = iter([0.5, 0.0, 0.999])
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(), draw=lambda: next(draws))
    probe_ok()(breaker, 0.0)
    assert breaker.probe_due(8.5)
    probe_ok()(breaker, 8.5)
    assert not breaker.probe_due(8.5 + 11.4)
    assert breaker.probe_due(8.5 + 11.5)


# -- conclusions ----------------------------------------------------------------------------------


def test_patience_follows_latency_and_is_nothing_for_the_sluggish_and_the_absent():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    assert breaker.patience_s(0.25) == 0.25
    ok(0.01)(breaker, 0.0)
    assert breaker.latency_s == 0.01
    assert breaker.patience_s(0.25) == pytest.approx(0.04)
    ok(None)(breaker, 0.0)
    assert breaker.latency_s == 0.01
    for _ in range(3):
        breaker.stalled(1.0)
    assert breaker.sluggish
    assert breaker.patience_s(0.25) == 0.0
    assert breaker.note(1.0) == "slow: clients do not wait for it"
    assert ejected().patience_s(0.25) == 0.0


def test_coming_back_starts_afresh_with_the_latency_of_the_way_back():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    ok(3.0)(breaker, 0.0)
    for _ in range(3):
        breaker.stalled(0.0)
    refused(breaker, 1.0)
    refused(breaker, 1.0)
    probe_ok(0.02)(breaker, 11.0)
    probe_ok(0.02)(breaker, 21.0)
    assert (breaker.state, breaker.sluggish, breaker.latency_s) == (IN, False, 0.02)


def test_a_good_trial_leaves_its_latency():
    breaker = ejected(probed_actively=False)
    begin_trial(breaker, 111.0)
    ok(0.05)(breaker, 112.0)
    assert breaker.latency_s == 0.05


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        (refused, "ejected 12 s ago after 2 failures: connection refused"),
        (probe_dead, "ejected 12 s ago after 2 failures: probe: connection refused"),
        (
            probe_ok(12.5),
            "ejected 12 s ago after 2 failures: probe: answered after 12.5 s, 10 s allowed",
        ),
    ],
)
def test_reasons_for_people(news, reason):
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    refused(breaker, 99.0)
    assert breaker.out_reason(99.0) == ""
    news(breaker, 100.0)
    assert breaker.out_reason(112.0) == breaker.note(112.0) == reason


def test_other_reasons():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1))
    fails(Cause.BUSY)(breaker, 0.0)
    assert breaker.out_reason(300.0) == "ejected 5 min ago after 1 failure: busy"
    downtime(3900.0, "")(breaker, 300.0)
    assert breaker.out_reason(300.0) == "in downtime for another 60 min"
    downtime(3900.0)(breaker, 300.0)
    assert breaker.out_reason(3890.0) == "in downtime for another 10 s: power works"
    announce(Notice(NoticeKind.OUTAGE, "se1.example.org", end_s=3900.0, announced=True))(
        breaker, 300.0
    )
    assert breaker.out_reason(300.0) == "in downtime for another 60 min", "no words for clients"
    announce(Notice(NoticeKind.DISABLED))(breaker, 301.0)
    assert breaker.out_reason(302.0) == "disabled by the operator"
    disable(breaker, 303.0)
    assert breaker.out_reason(304.0) == "disabled by the operator: new disks"
    unprobed = ejected(probed_actively=False)
    begin_trial(unprobed, 110.0)
    assert unprobed.out_reason(110.0).endswith("connection refused, on trial")
    refusing = Breaker(EndpointId("uvic"), HealthPolicy())
    probe_refused(refusing, 0.0)
    assert refusing.note(0.0) == "alive, but it refuses our credential: 403 Forbidden"
    assert refusing.out_reason(0.0) == ""


def test_silent_probe_has_a_reason_too():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1))
    breaker.probed(Probe(alive=False, latency_s=0.0), 0.0)
    assert breaker.last_error == "probe: no answer"


def test_when_to_come_again():
    breaker = ejected()
    assert breaker.retry_after_s(101.0) == 20.0
    probe_ok()(breaker, 110.0)
    assert breaker.retry_after_s(110.0) == 10.0
    downtime(500.0)(breaker, 120.0)
    assert breaker.retry_after_s(200.0) == 300.0
    assert breaker.retry_after_s(600.0) == 1.0
    disable(breaker, 120.0)
    assert breaker.retry_after_s(120.0) == 60.0
    unprobed = ejected(probed_actively=False)
    assert unprobed.retry_after_s(104.0) == 6.0
    assert unprobed.retry_after_s(200.0) == 1.0
    assert Breaker(EndpointId("uvic"), HealthPolicy()).retry_after_s(0.0) == 0.0


def test_the_snapshot_tells_it_all():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    fresh = snapshot_of(breaker, 0.0)
    assert (fresh.state_age_s, fresh.last_error_age_s, fresh.last_good_age_s) == (0.0, None, None)
    ok(0.01)(breaker, 90.0)
    breaker.stalled(95.0)
    refused(breaker, 100.0)
    probe_dead(breaker, 102.0)
    seen = snapshot_of(breaker, 110.0)
    assert (seen.endpoint, seen.state, seen.in_service, seen.sluggish) == (
        "uvic",
        OUT,
        False,
        False,
    )
    assert seen.note == "ejected 8 s ago after 2 failures: probe: connection refused"
    assert (seen.state_age_s, seen.latency_s, seen.failures) == (8.0, 0.01, 2)
    assert (seen.answered, seen.failed, seen.probes, seen.failed_probes) == (1, 1, 1, 1)
    assert (seen.ejections, seen.stalls, seen.last_error) == (1, 1, "probe: connection refused")
    assert (seen.last_error_age_s, seen.last_good_age_s, seen.last_probe_age_s) == (8.0, 20.0, 8.0)
    assert seen.retry_after_s == 20.0
    assert seen.history == ((8.0, OUT),)


def test_history_is_bounded():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy())
    for now in range(200):
        disable(breaker, float(now))
        enable(breaker, float(now))
    assert len(breaker.history) == Breaker.HISTORY_LENGTH


def test_transitions_carry_a_phrase_for_the_log():
    breaker = Breaker(EndpointId("uvic"), HealthPolicy(eject_after=1, return_after=1))
    gone = breaker.heard(Cause.TIMEOUT, None, 5.0)
    assert gone == Transition(
        EndpointId("uvic"), IN, OUT, 5.0, "ejected 0 s ago after 1 failure: timeout"
    )
    back = breaker.probed(Probe(alive=True, latency_s=0.1), 15.0)
    assert back == Transition(
        EndpointId("uvic"), OUT, IN, 15.0, "well again, with 10% of its share so far"
    )


def test_repr_shows_what_a_failing_test_needs():
    assert repr(ejected()) == (
        "<Breaker uvic ejected over ejected, <FailureRow 2: door 4, work 0>, 0 good probes, "
        "<Pace unknown, 0 stalls>>"
    )

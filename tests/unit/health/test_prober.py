"""The prober in virtual time."""

import asyncio
from collections.abc import Mapping

from ugrpy.endpoints.base import Probe
from ugrpy.health.board import HealthBoard
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.prober import run_prober
from ugrpy.health.states import State, Transition
from ugrpy.namespace.model import Cause, EndpointId
from ugrpy.testing.loop import LoopClock, run_virtual

A, B, C = EndpointId("a"), EndpointId("b"), EndpointId("c")


class World:
    """Three endpoints, what each answers to a probe, and when each was probed."""

    def __init__(
        self,
        policy: HealthPolicy | None = None,
        draws: list[float] | None = None,
        policies: Mapping[EndpointId, HealthPolicy] | None = None,
    ):
        self.board = HealthBoard(
            [A, B, C], policy or HealthPolicy(), policies=policies or {}, unprobed={C}
        )
        self.probed: list[tuple[float, EndpointId]] = []
        self.answers: dict[EndpointId, Probe | Exception | None] = {}
        self.changes: list[Transition] = []
        self.running = 0
        self._draws = iter(draws or [])

    async def probe(self, endpoint: EndpointId) -> Probe:
        self.probed.append((asyncio.get_running_loop().time(), endpoint))
        self.running += 1
        try:
            answer = self.answers.get(endpoint, Probe(alive=True, latency_s=0.01))
            if answer is None:
                await asyncio.sleep(1e6)
            if isinstance(answer, Exception):
                raise answer
            assert isinstance(answer, Probe)
            return answer
        finally:
            self.running -= 1

    async def live(self, seconds: float) -> None:
        prober = asyncio.ensure_future(
            run_prober(
                self.board,
                self.probe,
                LoopClock(),
                lambda: next(self._draws, 0.5),
                self.changes.append,
            )
        )
        await asyncio.sleep(seconds)
        assert not prober.done()
        prober.cancel()
        await asyncio.gather(prober, return_exceptions=True)
        assert prober.cancelled()

    def times(self, endpoint: EndpointId) -> list[float]:
        return [time for time, who in self.probed if who == endpoint]


def test_quiet_endpoints_are_probed_every_interval_and_the_unprobed_never():
    world = World()
    run_virtual(world.live(35.0))
    # a probe starts half a pause (the draw) after the look that found it due
    assert world.times(A) == [0.5, 11.5, 22.5, 33.5]
    assert world.times(C) == []
    assert world.board[A].probes == 4


def test_starts_are_spread_by_the_draw():
    world = World(draws=[0.25, 0.75])
    run_virtual(world.live(5.0))
    assert world.times(A) == [0.25]
    assert world.times(B) == [0.75]


def test_a_dead_endpoint_is_ejected_and_comes_back():
    world = World()
    world.answers[A] = Probe(alive=False, latency_s=0.0, detail="connection refused")

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.live(60.0))
            await asyncio.sleep(20.0)
            assert not world.board.in_service(A)
            assert world.board.in_service(B)
            world.answers[A] = Probe(alive=True, latency_s=0.01)

    run_virtual(story())
    assert [(change.endpoint, change.after) for change in world.changes] == [
        (A, State.EJECTED),
        (A, State.IN_SERVICE),
    ]
    gone, back = world.changes
    assert gone.at_s < 5.0
    assert gone.reason == "ejected 0 s ago after 3 failures: probe: connection refused"
    assert 30.0 < back.at_s < 45.0


def test_each_endpoint_is_probed_at_its_own_interval_within_its_own_limit():
    world = World(policies={B: HealthPolicy(probe_interval_s=2.0, max_latency_s=0.5)})
    world.answers[A] = world.answers[B] = None
    run_virtual(world.live(9.0))
    assert world.board.absent == {B}
    assert len(world.times(A)) == 1
    assert world.board[B].last_error == "probe: no answer in 0.5 s"
    assert len(world.times(B)) > 4


def test_a_stuck_probe_delays_nobody_and_is_not_doubled():
    world = World(HealthPolicy(max_latency_s=25.0, eject_after=1))
    world.answers[A] = None
    run_virtual(world.live(28.0))
    assert world.times(A) == [0.5]
    assert len(world.times(B)) == 3
    assert world.board.out_of_service([A, B], 28.0) == {
        A: "ejected 2 s ago after 1 failure: probe: no answer in 25 s"
    }
    assert world.running == 0


def test_cancelling_takes_the_running_probes_along():
    world = World()
    world.answers[A] = world.answers[B] = None
    run_virtual(world.live(3.0))
    assert len(world.probed) == 2
    assert world.running == 0


def test_an_exception_is_a_failed_probe_of_that_endpoint_only():
    world = World(HealthPolicy(eject_after=1))
    world.answers[A] = RuntimeError("a bug")
    world.answers[B] = TimeoutError("no head within 5 s")
    run_virtual(world.live(3.0))
    assert world.board[A].last_error == "probe: RuntimeError: a bug"
    assert world.board[B].last_error == "probe: no head within 5 s"


def test_the_end_of_a_downtime_and_a_trial_are_told():
    world = World(HealthPolicy(eject_after=1))
    world.board[B].announce([Notice(NoticeKind.OUTAGE, end_s=7.5)], 0.0)
    world.board.heard(C, Cause.TIMEOUT, None, 0.0)

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.live(12.0))
            await asyncio.sleep(10.5)
            assert world.board.admit(C, 10.5)

    run_virtual(story())
    assert [(change.at_s, change.endpoint, change.after) for change in world.changes] == [
        (8.0, B, State.IN_SERVICE),
        (10.5, C, State.TRIAL),
    ]


def test_busy_endpoints_are_left_alone():
    world = World()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.live(60.0))
            for _ in range(12):
                await asyncio.sleep(4.9)
                world.board.heard(A, None, 0.01, asyncio.get_running_loop().time())

    run_virtual(story())
    assert len(world.times(A)) == 1
    assert len(world.times(B)) > 4

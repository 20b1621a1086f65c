"""One question on real event loops: timers that round, and what is told to its owner."""

import asyncio

import pytest

from ugrpy.core.clock import SystemClock
from ugrpy.federation.question import Hooks, Pacing, Parts, Question, Then
from ugrpy.namespace.fanout import Answer, FanoutPolicy, Want, no_preference
from ugrpy.namespace.model import Absent, Cause, EndpointId, Observation, Unknown
from ugrpy.testing import HANG, LoopClock, Reply, ScriptedEndpoint, run_virtual

UVIC, CERN = EndpointId("uvic"), EndpointId("cern")


class Owner:
    """Keeps what the hooks are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hooks(self) -> Hooks:
        return Hooks(self._heard, Then(self._answered, self._learned, finished=self._finished))

    def _heard(self, name: EndpointId, observation: Observation, took_s: float) -> None:
        self.told.append(f"heard {name}: {type(observation).__name__} after {took_s:.1f} s")

    def _answered(self, answer: Answer) -> None:
        self.told.append(f"answered {answer.waiter}")

    def _learned(self, question: Question) -> None:
        self.told.append(f"learned, still silent: {', '.join(sorted(question.machine.silent))}")

    def _finished(self, question: Question) -> None:
        self.told.append("finished")


def question(
    *storage: ScriptedEndpoint, owner: Owner, deadline_s: float = 10.0, real: bool = False
) -> Question:
    by_name = {one.id: one for one in storage}

    async def ask(name: EndpointId, _part: Parts) -> Observation:
        return await by_name[name].stat("/f")

    return Question.start(
        tuple(by_name),
        FanoutPolicy(deadline_s=deadline_s),
        Pacing(),
        ask=ask,
        hooks=owner.hooks(),
        clock=SystemClock() if real else LoopClock(),
    )


def silent(name: str) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint(name)
    endpoint.everything(HANG)
    return endpoint


@pytest.mark.parametrize("fraction_ms", [0.2, 0.3, 0.37, 0.49])
async def test_the_deadline_rings_on_loops_that_round_to_milliseconds(fraction_ms: float):
    owner = Owner()
    short_s = (2.0 + fraction_ms) / 1000
    one = question(silent("uvic"), owner=owner, deadline_s=short_s, real=True)
    answer = await one.wait(Want.ALL, no_preference)
    said = answer.knowledge[UVIC].observation
    assert isinstance(said, Unknown)
    assert said.cause is Cause.TIMEOUT
    assert one.finished
    assert owner.told[1:] == ["answered 0", "finished"]


def test_its_owner_is_told_everything_once():
    uvic, cern = ScriptedEndpoint("uvic", latency_s=1.0), ScriptedEndpoint("cern", latency_s=2.0)
    uvic.add_file("/f")
    owner = Owner()

    async def story() -> None:
        one = question(uvic, cern, silent("triumf"), owner=owner)
        first = await one.wait(Want.ANY, no_preference)
        second = await one.wait(Want.ALL, no_preference)
        assert set(first.knowledge) == {UVIC}
        assert second.knowledge[CERN].observation == Absent()
        assert one.finished

    run_virtual(story())
    assert owner.told == [
        "heard uvic: Found after 1.0 s",
        "answered 0",
        "learned, still silent: cern, triumf",
        "heard cern: Absent after 2.0 s",
        "learned, still silent: triumf",
        "heard triumf: Unknown after 10.0 s",
        "answered 1",
        "finished",
    ]


def test_stopping_tells_the_end_once_and_blames_nobody():
    owner = Owner()
    uvic = ScriptedEndpoint("uvic")
    uvic.on("/f", Reply(Absent()))

    async def story() -> None:
        one = question(uvic, silent("cern"), owner=owner)
        waiting = asyncio.create_task(one.wait(Want.ALL, no_preference))
        await asyncio.sleep(1.0)
        await one.stop()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        await asyncio.sleep(60.0)

    run_virtual(story())
    assert owner.told == [
        "heard uvic: Absent after 0.0 s",
        "learned, still silent: cern",
        "finished",
    ]

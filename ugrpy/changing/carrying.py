"""How is one change carried out on several storages at once, and what if one does not say how it went?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ugrpy.changing.ground import Ground
from ugrpy.namespace.model import Absent, Cause, EndpointId, Observation, Unknown
from ugrpy.namespace.outcomes import Done, Outcome

Act = Callable[[EndpointId, str], Awaitable[Outcome]]
"""Carries a change out at one endpoint, which has that path of its own for the name."""


async def everywhere(
    ground: Ground, where: Mapping[EndpointId, str], act: Act
) -> dict[EndpointId, Outcome]:
    """What each said. The storages' own time limits bound it; an outcome that is not known counts for a storage's health."""
    outcomes = await asyncio.gather(*(_one(ground, act, *at) for at in where.items()))
    return dict(zip(where, outcomes, strict=True))


async def _one(ground: Ground, act: Act, name: EndpointId, remote: str) -> Outcome:
    try:
        outcome = await act(name, remote)
    except Exception as error:  # noqa: BLE001 - a defect in one kind must not hide what the others have done
        what = f"internal error: {type(error).__name__}"
        outcome = Unknown(Cause.FAILED, what, inside=f"{what}: {error}")
    if isinstance(outcome, Unknown):
        ground.asking.note_health(name, outcome, None)
    return outcome


async def settled_gone(
    ground: Ground, where: Mapping[EndpointId, str], outcomes: Mapping[EndpointId, Outcome]
) -> dict[EndpointId, Outcome]:
    """Outcomes of deletions, where *absent* is as good as *done*, and who gave no answer is asked whether it happened all the same."""
    settled = dict(outcomes)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Absent) or (
            isinstance(outcome, Unknown) and is_gone(await _stat(ground, name, where[name]))
        ):
            settled[name] = Done()
    return settled


def is_gone(said: Observation) -> bool:
    """Whether the storage says that it does not hold the name."""
    return isinstance(said, Absent)


async def _stat(ground: Ground, name: EndpointId, remote: str) -> Observation:
    try:
        async with asyncio.timeout(ground.asking.policy.deadline_s):
            return await ground.member(name).endpoint.stat(remote)
    except TimeoutError:
        return Unknown(Cause.TIMEOUT)

"""How is a collection made? On every storage that takes changes there and is in service, so that any of them can take what goes into it."""

from collections.abc import Mapping

from ugrpy.changing.carrying import everywhere
from ugrpy.changing.ground import Ground
from ugrpy.changing.looking import Look, look, refusal
from ugrpy.changing.placing import Placing, outcome_is_there
from ugrpy.changing.uploads import ON_COLLECTIONS
from ugrpy.changing.verdicts import failures, none_did
from ugrpy.changing.weighing import Site
from ugrpy.core.errors import MethodNotAllowed, NotFound
from ugrpy.namespace.model import EndpointId
from ugrpy.namespace.outcomes import Done, Outcome
from ugrpy.namespace.verdict import missing_reasons


class Making:
    """Makes collections."""

    def __init__(self, ground: Ground, placing: Placing) -> None:
        self._ground = ground
        self._placing = placing

    async def make(self, path: str) -> Mapping[str, str]:
        """Make one (RFC 4918 section 9.3). Returns who has not made it, and why; it exists all the same.

        Raises ``MethodNotAllowed`` when the name exists, ``Clash`` without a collection above it, ``Forbidden`` and ``Unavailable``.
        """
        seen = await look(self._ground, path)
        where = await self.check(seen)

        async def act(name: EndpointId, remote: str) -> Outcome:
            above = await self._placing.make_parents(Site(name, remote), path)
            if not isinstance(above, Done):
                return above
            outcome = await self._ground.member(name).endpoint.make_collection(remote)
            return Done() if outcome_is_there(outcome) else outcome

        outcomes = await everywhere(self._ground, where, act)
        await self._ground.forgotten(path)
        failed = failures(outcomes)
        if len(failed) == len(outcomes):
            raise none_did(path, "made", outcomes, failed)
        return failed | missing_reasons({}, seen.out)

    async def check(self, seen: Look) -> dict[EndpointId, str]:
        """Who would be asked, each with its own path. Raises as ``make`` does."""
        path = seen.path
        error = refusal(self._ground, seen)
        if error is None or seen.made_by_mounts:
            raise MethodNotAllowed(f"{path} exists", allowed=ON_COLLECTIONS)
        if not isinstance(error, NotFound):
            raise error
        where = self._placing.in_service(path, "collections")
        await self._placing.check_parent(path, strictly=True)
        return where

"""Moving and copying within a WebDAV server, and how servers that take these differently are made equal.

``Destination`` is always the endpoint's own URL, with its own base path: nginx looks only at the host in it, and applies the path to
its own root.

=============  ====================================================================================================
nginx          demands the slash of a collection, in ``Destination`` too; a file in the place of a collection is 409
Apache         500 for MOVE into a collection that is not there, 400 for a collection in the place of a file
WsgiDAV        takes the target apart after decoding it
XRootD         MOVE never looks whether there is something already, and takes the target as it is written; its COPY is a
               transfer to or from another server
=============  ====================================================================================================

"""

import re
from dataclasses import dataclass

from ugrpy.core.errors import EndpointError
from ugrpy.core.urls import encode_path
from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.dav.asking import Change
from ugrpy.endpoints.dav.changing import Changing, impossible, not_found
from ugrpy.endpoints.dav.habits import verbatim_destination
from ugrpy.namespace.model import Absent, Cause, Kind, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.namespace.paths import is_within

_TARGET_EXISTS = Conflict(412, "there is something of the target's name")
_WITHIN = Conflict(409, "the target is the source, or one lies within the other")
_NO_SUCH_NAME = Conflict(409, "this storage cannot be told that name for a target")
_NO_COPY = Conflict(501, "this storage copies only from and to others")
_ELSEWHERE = Unknown(Cause.MALFORMED, "done, by its answer, and nothing is there")
# What is no part of a path where it is not encoded
_CUTS = re.compile("[?#;]")
# With what servers refuse the slash of a collection at what is a file
_ABOUT_SLASHES = (400, 409)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """A MOVE or a COPY."""

    method: str
    path: str
    target: str
    kind: Kind
    overwrite: bool

    @property
    def change(self) -> Change:
        """Its request."""
        is_collection = self.kind is Kind.COLLECTION
        headers = {"Overwrite": "T" if self.overwrite else "F"}
        if is_collection:
            headers["Depth"] = "infinity"
        return Change(self.method, self.path, is_collection, headers, destination=self.target)


class Moving(Changing):
    """MOVE and COPY."""

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """MOVE within the endpoint."""
        return await self._transferred(_Transfer("MOVE", path, target, kind, overwrite))

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """COPY within the endpoint, with all below a collection."""
        return await self._transferred(_Transfer("COPY", path, target, kind, overwrite))

    async def _transferred(self, transfer: _Transfer) -> Outcome:
        path, target = transfer.path, transfer.target
        if is_within(path, target) or is_within(target, path):
            return _WITHIN
        try:
            if (refused := await self._refused(transfer)) is not None:
                return refused
            if Quirk.OVERWRITE_IGNORED in self.features.quirks:
                return await self._looking_first(transfer)
            said = await self._asked(transfer)
            if isinstance(said, Conflict) and said.status in _ABOUT_SLASHES:
                said = await self._over_another_kind(transfer, said)
        except EndpointError as error:
            return await self._failed(transfer, error)
        said = await self.explained(said, target, impossible(target))
        return await self.explained(said, path, Absent())

    async def _refused(self, transfer: _Transfer) -> Outcome | None:
        """What is not even asked for."""
        await self.introduced()
        if transfer.method == "COPY" and Quirk.THIRD_PARTY_COPY_ONLY in self.features.quirks:
            return _NO_COPY
        if (other := await self.other_than_found(transfer.path)) is not None:
            return not_found(other)
        if not self._can_be_told(transfer.target):
            return _NO_SUCH_NAME
        return await self.refusal_of_names(transfer.target)

    def _can_be_told(self, target: str) -> bool:
        """Whether the server will take this ``Destination`` for what it is."""
        quirks = self.features.quirks
        if Quirk.CUT_DESTINATION in quirks and _CUTS.search(self.base_path + target):
            return False
        verbatim = Quirk.VERBATIM_DESTINATION in quirks
        return not verbatim or verbatim_destination(self.url(target)) is not None

    async def _asked(self, transfer: _Transfer) -> Outcome:
        """Ask, and see that it has arrived. A name that needs no escapes can hardly have been misread."""
        said, target = await self.ask(transfer.change), transfer.target
        if not isinstance(said, Done) or encode_path(target) == target:
            return said
        return said if await self.is_there(target) else _ELSEWHERE

    async def _looking_first(self, transfer: _Transfer) -> Outcome:
        """For a server that does not look itself: what is in the way stays, or goes first where it would not be replaced."""
        if not await self.is_there(transfer.path):
            return Absent()  # or the collections above the target would come into being
        in_the_way = await self.is_collection(transfer.target)
        if in_the_way is None:
            return await self._asked(transfer)
        if not transfer.overwrite:
            return _TARGET_EXISTS
        if in_the_way or transfer.kind is Kind.COLLECTION:
            return await self._asked_after_making_way(transfer, in_the_way)
        said = await self._asked(transfer)
        return Done() if isinstance(said, Done) else said

    async def _over_another_kind(self, transfer: _Transfer, said: Outcome) -> Outcome:
        """RFC 4918 section 9.9.3 wants the target deleted first, whatever it is.

        nginx (409) and Apache (400) refuse where the kinds differ, before they look at ``Overwrite``.
        """
        in_the_way = await self.is_collection(transfer.target)
        if in_the_way is None or in_the_way == (transfer.kind is Kind.COLLECTION):
            return said
        if not transfer.overwrite:
            return _TARGET_EXISTS
        return await self._asked_after_making_way(transfer, in_the_way)

    async def _asked_after_making_way(self, transfer: _Transfer, in_the_way: bool) -> Outcome:
        """Delete the target, unless there is nothing to put in its place, and ask."""
        if not await self.is_there(transfer.path):
            return Absent()
        kind = Kind.COLLECTION if in_the_way else Kind.FILE
        said = await self.deleted(transfer.target, kind)
        if isinstance(said, Done | Absent):
            said = await self._asked(transfer)
        return Done() if isinstance(said, Done) else said

    async def _failed(self, transfer: _Transfer, error: EndpointError) -> Outcome:
        """*Absent* or *conflict* where a name cannot be; the target's counts only while the source is where it was."""
        said = await self.amounts_to_outcome(error, transfer.path, gone=Absent())
        if isinstance(said, Unknown):
            gone = impossible(transfer.target)
            of_target = await self.amounts_to_outcome(error, transfer.target, gone=gone)
            if of_target == gone and await self._is_still_there(transfer.path):
                return gone
        return said

    async def _is_still_there(self, path: str) -> bool:
        try:
            return await self.is_there(path)
        except EndpointError:
            return False

"""Making, deleting and writing at a WebDAV server, and how servers that take these differently are made equal.

=============  ====================================================================================================
nginx          demands the slash of a collection
Apache         takes it for a fault at a file, and redirects or accepts the form without
XRootD         MKCOL never looks whether there is something already, DELETE removes only empty collections
=============  ====================================================================================================

A question is asked first only where the server itself would not look (``habits``), or where a name would be taken for another.
"""

from collections.abc import AsyncIterable, Mapping

from ugrpy.core.errors import BodyBroken, EndpointError, Failed
from ugrpy.endpoints.base import Quirk
from ugrpy.endpoints.dav.asking import AskingForChanges, Change, is_bad_request
from ugrpy.endpoints.dav.clearing import Clearing, may_be_full
from ugrpy.endpoints.over_http import end_to_end, is_overlong
from ugrpy.namespace.model import Absent, Cause, Found, Kind, Observation, Unknown, unknown_from
from ugrpy.namespace.outcomes import Conflict, Done, Outcome

_NO_PARENT = Conflict(409, "there is no collection to put it into")
_EXISTS = Conflict(405, "there is something of that name")
_TOO_LONG = Conflict(414, "the name is longer than the storage takes")
_ROOT = Conflict(405, "the root of a storage stays where it is")


class Changing(AskingForChanges):
    """MKCOL, DELETE and PUT."""

    async def make_collection(self, path: str) -> Outcome:
        """MKCOL, with the slash that nginx demands."""
        if path == "/":
            return _EXISTS
        try:
            if (refused := await self.refusal_of_names(path)) is not None:
                return refused
            await self.introduced()
            if Quirk.MADE_AGAIN in self.features.quirks and await self.is_there(path):
                return _EXISTS
            said = await self.ask(Change("MKCOL", path, slash=True))
            if is_bad_request(said) and await self.is_there(path):
                return _EXISTS  # Apache, of a file that was asked for with a slash
        except EndpointError as error:
            return await self.amounts_to_outcome(error, path, gone=impossible(path))
        return await self._made(path, said)

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """DELETE; where the storage removes only empty collections, what is in it first."""
        if path == "/":
            return _ROOT
        try:
            if (other := await self.other_than_found(path)) is not None:
                return not_found(other)
            said = await self.deleted(path, kind)
        except EndpointError as error:
            return await self.amounts_to_outcome(error, path, gone=Absent())
        return await self.explained(said, path, Absent(), refusals=(400, 409))

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """PUT; in chunks when the length is not known."""
        own = end_to_end(headers or {})
        if size_bytes is not None:
            own["Content-Length"] = str(size_bytes)
        try:
            if (refused := await self.refusal_of_names(path)) is not None:
                return refused
            said = await self.ask(Change("PUT", path, headers=own, body=body, idle_s=idle_s))
        except BodyBroken as error:
            return Unknown(Cause.FAILED, str(error))
        except EndpointError as error:
            return await self.amounts_to_outcome(error, path, gone=impossible(path))
        return await self._made(path, said)

    async def delete_alone(self, path: str, kind: Kind) -> Outcome:
        """One DELETE, and nothing else."""
        try:
            return await self.ask(_deletion(path, kind))
        except EndpointError as error:
            return unknown_from(error)

    async def deleted(self, path: str, kind: Kind) -> Outcome:
        """DELETE of all that is there. Raises ``EndpointError``."""
        failure: EndpointError | None = None
        try:
            said = await self.ask(_deletion(path, kind))
        except Failed as error:
            said, failure = unknown_from(error), error
        if kind is Kind.COLLECTION and may_be_full(said):
            cleared = await Clearing(self).clear(path)
            if isinstance(cleared, Done):
                self.learn({Quirk.ONLY_EMPTY_DELETED})
                return await self.ask(_deletion(path, kind))
            if cleared is not None:
                return cleared
        if failure is not None:
            raise failure
        return said

    async def _made(self, path: str, said: Outcome) -> Outcome:
        """What was said of a new name: some servers miss its parent by 404."""
        if isinstance(said, Absent):
            return _NO_PARENT
        return await self.explained(said, path, impossible(path))

    async def is_there(self, path: str) -> bool:
        """Whether there is something of that name. Raises ``EndpointError``."""
        return await self.is_collection(path) is not None


def _deletion(path: str, kind: Kind) -> Change:
    return Change("DELETE", path, slash=kind is Kind.COLLECTION)


def impossible(path: str) -> Outcome:
    """Why a name cannot come into being."""
    return _TOO_LONG if is_overlong(path) else _NO_PARENT


def not_found(other: Observation) -> Outcome:
    """What was said instead of *found*, of something that was to be changed."""
    assert not isinstance(other, Found)
    return other

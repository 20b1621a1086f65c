"""How is one change asked for at a WebDAV server, and what did it make of it?

Nothing is ever asked twice, but for a redirect that was answered instead of carrying it out.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ugrpy.core.errors import DataError, EndpointError, Malformed
from ugrpy.endpoints.base import Children, Quirk
from ugrpy.endpoints.dav.habits import habits_of, verbatim_destination
from ugrpy.endpoints.over_http import (
    MAX_HOPS,
    NOT_IMPLEMENTED,
    REDIRECTS,
    adds_slash,
    is_overlong,
    redirect_target,
)
from ugrpy.endpoints.over_http_bodies import BodiesOverHttp
from ugrpy.endpoints.over_http_outcomes import (
    FAILED_DEPENDENCY,
    REFUSALS_ABOVE_500,
    outcome_of,
    worst_of,
)
from ugrpy.namespace.model import Absent, Cause, Denied, Found, Kind, Observation, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.transport.client import Body, Reply
from ugrpy.webdav.multistatus import MultistatusReader

# Redirects that keep the method and say that the thing is elsewhere for now (RFC 9110 section 15.4)
_ELSEWHERE = frozenset({302, 307, 308})


@dataclass(frozen=True, slots=True)
class Change:
    """One request. ``destination`` is the path that MOVE and COPY lead to; ``slash``: the names are those of collections."""

    method: str
    path: str
    slash: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    destination: str | None = None
    body: Body = None
    idle_s: float | None = None


class AskingForChanges(BodiesOverHttp):
    """What the verbs that change something are made of. ``DavEndpoint`` gives the reading that they need."""

    _introduced = False

    async def introduced(self) -> None:
        """See to it that what must be known first is known. Raises ``EndpointError`` when the server does not say."""
        if self._introduced:
            return
        url = self.base_url + "/"
        async with self.transport.exchange("OPTIONS", url, answers=(NOT_IMPLEMENTED,)) as reply:
            self.learn(habits_of(reply.headers))
        self._introduced = True

    async def known(self, path: str) -> Observation:
        """A stat that raises ``EndpointError``."""
        raise NotImplementedError

    async def known_children(self, path: str, children: Children) -> Observation:
        """A listing that raises ``EndpointError``."""
        raise NotImplementedError

    async def refusal_of_names(self, *paths: str) -> Outcome | None:
        """*Conflict* for names that the server would take for other ones: it ends them at the question mark."""
        if not any("?" in path for path in paths):
            return None
        await self.introduced()
        if Quirk.QUESTION_MARK_ENDS in self.features.quirks:
            return Conflict(409, "this storage cannot keep a name with a question mark")
        return None

    async def ask(self, change: Change) -> Outcome:
        """Ask once. Raises ``EndpointError`` when there is no usable answer."""
        slash = change.slash and not self._takes_as_written(change)
        url = self._url(change.path, slash=slash)
        for _ in range(MAX_HOPS):
            async with self._exchange(change, url, slash=slash) as reply:
                if reply.status not in REDIRECTS:
                    return await self._outcome(change, reply)
                target = redirect_target(url, reply.headers)
            if change.body is None and not slash and adds_slash(url, target):
                slash, url = True, url + "/"
            else:
                url = self._elsewhere(change, reply.status, url, target)
        raise Malformed(f"{change.method}: more than {MAX_HOPS} redirects", endpoint=self.id)

    def _elsewhere(self, change: Change, status: int, url: str, target: str) -> str:
        """Where it is asked next. What names a destination, or has a body, is not sent on to another server."""
        if status not in _ELSEWHERE or change.body is not None or change.destination is not None:
            raise Malformed(
                f"{change.method}: redirected elsewhere",
                endpoint=self.id,
                inside=f"{change.method}: redirected to {target}",
            )
        return self.allowed(change.method, url, target)

    def _url(self, path: str, *, slash: bool) -> str:
        url = self.url(path)
        return url + "/" if slash and not url.endswith("/") else url

    @asynccontextmanager
    async def _exchange(self, change: Change, url: str, *, slash: bool) -> AsyncIterator[Reply]:
        headers = dict(change.headers)
        if change.destination is not None:
            headers["Destination"] = self._destination(self._url(change.destination, slash=slash))
        async with self.transport.exchange(
            change.method,
            url,
            headers=headers,
            body=change.body,
            answers=REFUSALS_ABOVE_500,
            idle_s=change.idle_s,
            head_s=self.options.total_timeout_s,
        ) as reply:
            yield reply

    def _takes_as_written(self, change: Change) -> bool:
        """Whether the server takes the destination for the name itself: with its slash it would be a name within."""
        verbatim = Quirk.VERBATIM_DESTINATION in self.features.quirks
        return verbatim and change.destination is not None

    def _destination(self, url: str) -> str:
        if Quirk.VERBATIM_DESTINATION not in self.features.quirks:
            return url
        if (verbatim := verbatim_destination(url)) is None:
            raise Malformed("the name cannot be told to the endpoint", endpoint=self.id)
        return verbatim

    async def _outcome(self, change: Change, reply: Reply) -> Outcome:
        said = outcome_of(change.method, reply.status)
        if isinstance(said, Done) and not reply.asked_whole:
            words = f"{change.method}: answered before all had been sent"
            return Unknown(Cause.MALFORMED, words)
        return await self._parts(change.method, reply) if reply.status == 207 else said

    async def _parts(self, method: str, reply: Reply) -> Outcome:
        """What a multistatus amounts to: the worst of its parts (RFC 4918 section 9.6.1)."""
        reader = MultistatusReader()
        statuses: set[int] = set()
        try:
            async for piece in reply.content.iter_any():
                statuses.update(one.status for one in reader.feed(piece))
            statuses.update(one.status for one in reader.close())
        except DataError as error:
            raise Malformed(f"{method}: {error}", endpoint=self.id) from error
        finally:
            reader.abandon()
        return _of_parts(method, statuses, skipped=reader.skipped)

    async def amounts_to_outcome(
        self, error: EndpointError, path: str, *, gone: Outcome
    ) -> Outcome:
        """What a failure says: ``gone`` where the name cannot be, as some servers fail then (see ``ancestors``)."""
        said = await self.amounts_to(error, path, self.known)
        return said if isinstance(said, Unknown) else gone

    async def explained(
        self, said: Outcome, path: str, gone: Outcome, *, refusals: Collection[int] = (400,)
    ) -> Outcome:
        """The outcome; ``gone`` for a refusal that is owed to the length of the name, or to a file above it.

        ``refusals`` are the statuses that may be owed to such a file: 400 (Apache), and 409 for DELETE (nginx).
        """
        if isinstance(said, Denied) and is_overlong(path) and await self.refuses_for_length(path):
            return gone
        if isinstance(said, Conflict) and said.status in refusals:
            refusal = Malformed(said.detail, endpoint=self.id)
            if isinstance(await self.amounts_to(refusal, path, self.known), Absent):
                return gone
        return said

    async def is_collection(self, path: str) -> bool | None:
        """Whether it is one; ``None`` when there is nothing of that name. Raises ``EndpointError`` when that is not told."""
        match await self.known(path):
            case Found(entry):
                return entry.kind is Kind.COLLECTION
            case Absent():
                return None
            case _:
                raise Malformed("PROPFIND: the endpoint does not say", endpoint=self.id)


def is_bad_request(said: Outcome) -> bool:
    """Whether the server did not even understand what was asked for."""
    return isinstance(said, Conflict) and said.status == 400


def _of_parts(method: str, statuses: set[int], *, skipped: int) -> Outcome:
    if not statuses or skipped:
        return Unknown(Cause.MALFORMED, f"{method}: the answer does not say of what it speaks")
    own = statuses - {FAILED_DEPENDENCY} or statuses
    outcomes = [outcome_of(method, status) for status in own]
    if method == "DELETE":
        outcomes = [Done() if isinstance(one, Absent) else one for one in outcomes]
    return worst_of(outcomes)

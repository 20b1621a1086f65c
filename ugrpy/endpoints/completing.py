"""What if a storage lists names without saying what they are?

Some servers name children and give neither size nor date. DynaFed asked about each of them then, all at once (row D49). Here
an endpoint that is so configured (``stat_children``) asks about those files while their listing is waited for:

- children that came with a size are handed on at once, and the others when they have been asked about;
- at most ``at_once`` questions are under way, so that the endpoint's connections are not all taken from its other clients;
- ``within_s`` after the listing was asked for it ends, and whoever has not been described by then is listed as before.

A child that has gone in between is left out. Whatever else comes of asking about a child says nothing against the listing.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.endpoints.base import Children, Endpoint, Features, Opened, Probe, Verb
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind, Observation, Unknown
from ugrpy.namespace.outcomes import DigestAnswer, Outcome, Space
from ugrpy.namespace.paths import join


class CompletingEndpoint:
    """An endpoint like ``inner``, whose listings have sizes as far as time allows."""

    def __init__(self, inner: Endpoint, *, at_once: int, within_s: float) -> None:
        self._inner = inner
        self._at_once = at_once
        self._within_s = within_s

    def __repr__(self) -> str:
        return f"CompletingEndpoint({self._inner!r}, {self._at_once} at once)"

    @property
    def id(self) -> EndpointId:
        """The configured name."""
        return self._inner.id

    @property
    def base_url(self) -> str:
        """As the endpoint's."""
        return self._inner.base_url

    @property
    def features(self) -> Features:
        """As the endpoint's."""
        return self._inner.features

    @property
    def trouble(self) -> str:
        """As the endpoint's."""
        return self._inner.trouble

    @property
    def spare_connections(self) -> int | None:
        """As the endpoint's."""
        return self._inner.spare_connections

    async def stat(self, path: str) -> Observation:
        """As the endpoint."""
        return await self._inner.stat(path)

    async def list(self, path: str, children: Children) -> Observation:
        """As the endpoint, and the files among the children that came without a size are asked about."""
        until_s = asyncio.get_running_loop().time() + self._within_s
        bare: list[Entry] = []

        def sort(part: Sequence[Entry]) -> None:
            whole = [one for one in part if one.kind is not Kind.FILE or one.size_bytes is not None]
            if len(whole) < len(part):
                bare.extend(one for one in part if one.kind is Kind.FILE and one.size_bytes is None)
            if whole:
                children(whole)

        said = await self._inner.list(path, sort)
        if bare and isinstance(said, Unknown):
            children(bare)  # it is in trouble, and was asked enough
        elif bare:
            await self._complete(path, bare, children, until_s)
        return said

    async def _complete(
        self, path: str, bare: Sequence[Entry], children: Children, until_s: float
    ) -> None:
        """Ask about each; hand all of them on, each once."""
        waiting = list(reversed(bare))
        asked: dict[str, Entry] = {}

        async def ask_one_after_the_other() -> None:
            while waiting:
                child = waiting.pop()
                asked[child.name] = child
                said = await self._inner.stat(join(path, child.name))
                asked.pop(child.name, None)
                if (described := _described(child, said)) is not None:
                    children([described])

        workers = [
            spawn(ask_one_after_the_other(), name=f"complete {self.id}")
            for _ in range(min(self._at_once, len(bare)))
        ]
        try:
            async with asyncio.timeout_at(until_s):
                await asyncio.gather(*workers)
        except TimeoutError:
            pass
        finally:
            await cancel_and_wait(*workers)
        if left := [*asked.values(), *reversed(waiting)]:
            children(left)

    def url(self, path: str, verb: Verb = Verb.GET) -> str:
        """As the endpoint."""
        return self._inner.url(path, verb)

    async def probe(self) -> Probe:
        """As the endpoint."""
        return await self._inner.probe()

    async def make_collection(self, path: str) -> Outcome:
        """As the endpoint."""
        return await self._inner.make_collection(path)

    async def delete(self, path: str, kind: Kind) -> Outcome:
        """As the endpoint."""
        return await self._inner.delete(path, kind)

    async def move(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """As the endpoint."""
        return await self._inner.move(path, target, kind, overwrite=overwrite)

    async def copy(self, path: str, target: str, kind: Kind, *, overwrite: bool) -> Outcome:
        """As the endpoint."""
        return await self._inner.copy(path, target, kind, overwrite=overwrite)

    async def space(self) -> Space | None:
        """As the endpoint."""
        return await self._inner.space()

    async def digest(self, path: str, algorithms: Sequence[str]) -> DigestAnswer:
        """As the endpoint."""
        return await self._inner.digest(path, algorithms)

    def open(
        self, path: str, headers: Mapping[str, str], *, idle_s: float
    ) -> AbstractAsyncContextManager[Opened]:
        """As the endpoint."""
        return self._inner.open(path, headers, idle_s=idle_s)

    async def write(
        self,
        path: str,
        body: AsyncIterable[bytes],
        *,
        size_bytes: int | None,
        idle_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """As the endpoint."""
        return await self._inner.write(
            path, body, size_bytes=size_bytes, idle_s=idle_s, headers=headers
        )

    async def close(self) -> None:
        """Close the endpoint."""
        await self._inner.close()


def _described(child: Entry, said: Observation) -> Entry | None:
    """The child by what was said of it; ``None`` when it has gone."""
    match said:
        case Found(entry):
            return entry
        case Absent():
            return None
        case _:
            return child

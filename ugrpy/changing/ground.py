"""What do all changes share?

The order of things, which every change keeps: it is written down in the journal, then the store that gateways share hears of it, then readers of
this process see the names through it and forget what they knew, then the other workers do (``tell``), and only then is anybody answered. A worker that
has confirmed cannot give an answer from before any more, and neither can a gateway elsewhere once its lease is over.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from ugrpy import telemetry
from ugrpy.core.clock import Clock
from ugrpy.core.meter import Instrument, Meter, NullMeter
from ugrpy.federation import Federation, Member
from ugrpy.federation.asking import Asking
from ugrpy.journal.base import Journal
from ugrpy.namespace.changes import ChangePolicy, Record, Removal, Upload
from ugrpy.namespace.model import EndpointId, Entry, Kind
from ugrpy.namespace.overlay import Overlay
from ugrpy.namespace.paths import name_of


@dataclass(frozen=True, slots=True)
class ChangeSettings(ChangePolicy):
    """What may be changed, and how it is followed up."""

    allow_overwrite: Annotated[
        bool, Field(description="an upload may replace a file that exists; otherwise it is 409")
    ] = True
    require_parent: Annotated[
        bool,
        Field(
            description="an upload into a collection that exists nowhere is 409 (RFC 4918 section 9.7.1); otherwise the collection is made"
        ),
    ] = False
    keep_free_bytes: Annotated[
        int,
        Field(ge=0, description="room that uploads leave at every endpoint"),
    ] = 0
    space_interval_s: Annotated[
        float, Field(gt=0, description="how often endpoints are asked how much room they have")
    ] = 60.0


@dataclass(frozen=True, slots=True)
class News:
    """Names that have been changed. ``below``: with all below them. ``reload``: the journal has news of them.

    ``distrust``: the store that gateways share has not heard of it.
    """

    paths: tuple[str, ...]
    below: bool = False
    reload: bool = True
    distrust: bool = False


Tell = Callable[[News], Awaitable[None]]
"""Tells every other worker of this host; returns when each has acted on it or is gone."""


async def tell_nobody(_news: News) -> None:
    """For a process that is alone."""


class Ground:
    """The shared ground of one process's changes."""

    def __init__(
        self,
        federation: Federation,
        journal: Journal,
        settings: ChangeSettings,
        *,
        tell: Tell = tell_nobody,
        meter: Meter | None = None,
    ) -> None:
        self.federation = federation
        self.journal = journal
        self.settings = settings
        self.meter = meter or NullMeter()
        self.left: set[str] = set()
        """Operations of this process that could not be brought to their end, by number."""
        self._tell = tell

    def __repr__(self) -> str:
        return f"<Ground of {self.journal!r}, {self.overlay!r}>"

    @property
    def asking(self) -> Asking:
        """How storages are asked, and who is in service."""
        return self.federation.asking

    @property
    def overlay(self) -> Overlay:
        """The changes under way, as readers see through them."""
        return self.asking.overlay

    @property
    def clock(self) -> Clock:
        """The process's clock."""
        return self.federation.clock

    def member(self, name: EndpointId) -> Member:
        """The endpoint of that name."""
        return self.federation.members[name]

    def writable(self, path: str) -> dict[EndpointId, str]:
        """The endpoints that take changes of ``path``, each with its own path for it, in service or not."""
        members = self.federation.members
        return {
            name: remote
            for name, remote in members.covering(path).items()
            if members[name].takes_changes
        }

    def counter(self, change: str, outcome: str) -> Instrument:
        """What counts changes of that kind that ended so."""
        return self.meter.instrument(telemetry.CHANGES.name, change=change, outcome=outcome)

    # -- the order of things ------------------------------------------------------------------------

    async def record(self, puts: Sequence[Record] = (), drops: Sequence[Record] = ()) -> None:
        """Write changes down, have all readers see through them and forget what they knew of the names."""
        await self.journal.write(puts, drops)
        await self.published(*{record.path for record in (*puts, *drops)})

    async def published(self, *paths: str) -> None:
        """The journal has news of these names: all readers see through them and forget what they knew."""
        await self._spread(News(paths))

    async def forgotten(self, *paths: str, below: bool = False) -> None:
        """These names are not what they were: everybody forgets what he knew."""
        await self._spread(News(paths, below=below, reload=False))

    async def _spread(self, news: News) -> None:
        """Other hosts first: until the store they share has it, any worker of this one may still learn there what was true before."""
        if not await self.federation.announce(news.paths, below=news.below):
            news = replace(news, distrust=True)
        await self.hear(news)
        await self._tell(news)

    async def hear(self, news: News) -> None:
        """What a worker does with news, its own or another's."""
        if news.distrust:
            self.federation.distrust(news.paths, below=news.below)
        for path in news.paths:
            if news.reload:
                written = await self.journal.of(path)
                ended = self.overlay.upload(path) if written.upload is None else None
                self.overlay.put(path, written.upload, written.removals)
            else:
                ended = None
            if news.below:
                self.federation.forget_below(path)
            else:
                self.federation.forget(path)
            if ended is not None:
                self._remember(ended)

    def _remember(self, upload: Upload) -> None:
        """Should its target go out of service before anybody asks, then the name is not one that was never heard of there."""
        entry = Entry(name_of(upload.path), Kind.FILE, upload.size_bytes)
        self.federation.memory.note_holder(upload.path, upload.target, entry)

    async def load(self) -> None:
        """Take up everything that is written down."""
        written = await self.journal.load()
        uploads = {upload.path: upload for upload in written.uploads}
        going: dict[str, list[Removal]] = {path: [] for path in uploads}
        for removal in written.removals:
            going.setdefault(removal.path, []).append(removal)
        for path, removals in going.items():
            self.overlay.put(path, uploads.get(path), removals)


def new_number() -> str:
    """What tells a change from all others."""
    return uuid.uuid4().hex

"""One collection while its endpoints are naming what is in it; everybody who asks for it meanwhile reads the same.

A short listing is answered when it is finished, in the order of the names. A long one (more than ``LOOSE`` children) may
be read while it grows, in the order in which its children are settled, so that the client has its first bytes early and
no more than what is still in doubt is held as objects.
"""

import asyncio

from ugrpy.federation.contents import LOOSE, Contents
from ugrpy.federation.known import KnownListing
from ugrpy.federation.question import Question
from ugrpy.namespace.gather import Gathering
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Absent, Denied, Found, Kind

# Children moved between two looks at the loop: some two milliseconds of work.
BATCH = 1024


class Growing:
    """``children`` are those settled and moved so far, ``clashing`` those among them whose replicas disagree.

    ``listing`` is the whole, made once when the question has ended.
    """

    def __init__(self, path: str, question: Question) -> None:
        self.path = path
        self.question = question
        self.children = Contents()
        self.clashing: list[Merged] = []
        self.listing: KnownListing | None = None
        self.readable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the listing is long enough to be read while it grows, and certain to be one of a collection."""
        self.outdated = False
        """What is in the collection has been changed since: good enough for those who asked before, and not to be remembered."""
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Growing {self.path}: {self.children!r}, {self.question.machine!r}>"

    @property
    def gathered(self) -> Gathering | None:
        """What the endpoints have named."""
        return self.question.machine.gathered

    @property
    def count(self) -> int:
        """How many names are known by now, settled or not."""
        return 0 if self.gathered is None else self.gathered.count

    def move(self) -> int:
        """Move up to ``BATCH`` settled children to where they are read; how many there were."""
        settled = [] if self.gathered is None else self.gathered.take(BATCH)
        self.children.extend(settled)
        self.clashing += [child for child in settled if child.conflicts]
        return len(settled)

    def grown(self) -> None:
        """An endpoint has named more, or names no more."""
        # twice as fast as they come, so that little waits when many are settled at once
        self.move()
        self._news.set()
        if not self.readable.done() and self.count > LOOSE and self._is_collection():
            self.readable.set_result(None)

    async def news(self) -> None:
        """Wait until it has grown or ended since the last call."""
        await self._news.wait()
        self._news.clear()

    def _is_collection(self) -> bool:
        """Whether those who are silent cannot make it a file any more: they would have to outvote who lists children."""
        machine = self.question.machine
        named_by = {} if self.gathered is None else self.gathered.named_by
        listing = others = 0
        for endpoint in machine.endpoints:
            sighting = machine.knowledge.get(endpoint)
            match sighting.observation if sighting else None:
                case Found(entry) if entry.kind is Kind.COLLECTION:
                    listing += 1
                case Absent() | Denied():
                    pass
                case _:
                    listing += (lists := named_by.get(endpoint, 0) > 0)
                    others += not lists
        return listing >= others

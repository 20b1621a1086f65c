"""What is answered when no endpoint that covers a path can say?

What was known last, if it is not too old, with its age and marked as stale (``Origin.LAST_KNOWN``): from this worker's memory, where a record
outlives its time, or from the past that is written down. Nobody is taken at his old word while anybody in service still speaks: the
absence rule holds as ever. Nor is an endpoint that is merely slow: clients wait for it until their deadline. But after a start, while nobody has been heard at
all, they wait no longer than ``stale_after_s``; and when everybody is known to be mute, not at all. The mute are asked all the same, so that it is noticed when
they are back.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.federation.asking import Asking
from ugrpy.federation.known import KnownListing, KnownName
from ugrpy.federation.past import NoPast, Past
from ugrpy.federation.question import Question
from ugrpy.namespace.fanout import Answer, Outranks, Want, no_preference
from ugrpy.namespace.merge import Knowledge, Sighting, summarise
from ugrpy.namespace.model import Cause, EndpointId, Entry, Found, Unknown
from ugrpy.namespace.origin import Origin
from ugrpy.namespace.paths import name_of, parent_of

# Questions that are seen through after their client has his answer: enough to notice that somebody is back.
MOST_SEEN_THROUGH = 8
_MUTE = "does not answer"


class LastKnown:
    """The last resort of one federation. ``past`` is what is written down."""

    def __init__(self, asking: Asking) -> None:
        self.past: Past = NoPast()
        self._asking = asking
        self._policy = asking.memory.policy
        self._mute_at_s = float("-inf")
        self._through: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<LastKnown, {len(self._through)} questions seen through>"

    # -- what was known ------------------------------------------------------------------------------

    async def name(self, path: str) -> KnownName | None:
        """What was known last of a name that is there; to be asked when nobody who covers it can say."""
        if not self._policy.stale_max_s or self._asking.overlay.touches(path):
            return None
        now = self._asking.clock.monotonic()
        last = self._remembered(path)
        if last is None or not self._young(last[1]):
            last = await self._written(path)
        if last is None or not self._young(last[1]):
            return None
        known = self._stale_name(path, *last)
        if known is not None:
            self._mute_at_s = now  # somebody may have been heard while the disk was read
            self._asking.counts.last_names.add()
        return known

    async def listing(self, path: str) -> KnownListing | None:
        """What was seen last in a collection."""
        overlay = self._asking.overlay
        if not self._policy.stale_max_s or overlay.touches(path) or overlay.uploads_into(path):
            return None
        if not (unheard := self._unheard(path)):
            return None  # it is there because of what is mounted below
        now = self._asking.clock.monotonic()
        last = self._asking.memory.seen.listing(path) or await self.past.listing(path)
        if last is None or not self._young(last.at_s):
            return None
        self._mute_at_s = now
        self._asking.counts.last_listings.add()
        missing = {str(name): one.detail for name, one in unheard.items()}
        stale = replace(last, missing=missing, origin=Origin.LAST_KNOWN)
        stale.fresh_until(last.at_s + self._policy.listing_ttl_s)
        return stale

    async def look_up_holders(self, path: str) -> None:
        """Before a question that not everybody can be asked: who was seen to hold the name before this process began?"""
        asking = self._asking
        covering = asking.members.covering(path)
        if asking.board.absent.isdisjoint(covering) or asking.memory.holders(path):
            return
        if (written := await self._written(path)) is None:
            return
        for name, entry in written[0].items():
            if name in covering:
                asking.memory.names.note_holder(path, name, entry, written[1])

    # -- waiting for those who may be mute ----------------------------------------------------------------

    async def answer_or_last(
        self, path: str, question: Question, want: Want, outranks: Outranks
    ) -> Answer | KnownName:
        """The answer to a question about a name, or what was known last when they all keep silent."""
        if not self._policy.stale_max_s:
            return await question.wait(want, outranks)
        number, answer = question.join(want, outranks)
        try:
            if await self.mute(question, answer) and (last := await self.name(path)) is not None:
                self.see_through(question)
                return last
            return await answer
        finally:
            question.leave(number)

    async def mute(self, question: Question, *signs: "asyncio.Future[Any]") -> bool:
        """Wait a while for a sign; whether nobody has said anything that can be used."""
        if not self._policy.stale_max_s or any(sign.done() for sign in signs):
            return False
        heard_at_s = self._asking.heard_at_s
        if self._mute_at_s < heard_at_s:
            return False
        first = self._mute_at_s == heard_at_s  # neither has ever happened
        patience_s = self._policy.stale_after_s if first else 0.0
        await asyncio.wait(signs, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        machine = question.machine
        named = machine.gathered is not None and machine.gathered.count > 0
        return (
            not any(sign.done() for sign in signs) and not named and nobody_said(machine.knowledge)
        )

    def see_through(self, question: Question) -> None:
        """Nobody waits for it any more, and it is still of interest who answers."""
        if len(self._through) >= MOST_SEEN_THROUGH or question.finished:
            return

        async def wait() -> None:
            await question.wait(Want.ALL, no_preference)

        task = spawn(wait(), name="asking the mute", on_error=lambda _error: None)
        self._through.add(task)
        task.add_done_callback(self._through.discard)

    async def close(self) -> None:
        """Wait for nobody any more."""
        await cancel_and_wait(*self._through)

    # -- the parts --------------------------------------------------------------------------------------

    def _remembered(self, path: str) -> tuple[Mapping[EndpointId, Entry], float] | None:
        memory = self._asking.memory
        if (last := memory.names.last(path)) is not None:
            return last
        child = memory.seen.child(path)
        return (
            None if child is None else (dict.fromkeys(child[0].holders, child[0].entry), child[1])
        )

    async def _written(self, path: str) -> tuple[Mapping[EndpointId, Entry], float] | None:
        known = await self.past.name(path)
        if known is not None and known.merged is not None:
            return dict.fromkeys(known.merged.holders, known.merged.entry), known.at_s
        around = await self.past.listing(parent_of(path))
        child = None if around is None or path == "/" else around.child(name_of(path))
        if around is None or child is None:
            return None
        return dict.fromkeys(child.holders, child.entry), around.at_s

    def _young(self, at_s: float) -> bool:
        return self._asking.clock.monotonic() - at_s <= self._policy.stale_max_s

    def _stale_name(
        self, path: str, holders: Mapping[EndpointId, Entry], at_s: float
    ) -> KnownName | None:
        covering = self._unheard(path)
        knowledge = {n: Sighting(Found(e), at_s) for n, e in holders.items() if n in covering}
        if not knowledge:
            return None
        summary = replace(summarise(knowledge), unknown=covering)
        known = KnownName(path, summary, knowledge, frozenset(), {}, at_s, origin=Origin.LAST_KNOWN)
        known.fresh_until(at_s + self._policy.ttl_s)
        return known

    def _unheard(self, path: str) -> dict[EndpointId, Unknown]:
        """Nobody who covers the path has said anything now."""
        board, now = self._asking.board, self._asking.clock.monotonic()
        return {
            name: Unknown(Cause.UNREACHABLE, board[name].out_reason(now) or _MUTE)
            for name in self._asking.members.covering(path)
        }


def nobody_said(knowledge: Knowledge) -> bool:
    """Whether nobody has given an answer that can be used."""
    return all(isinstance(sighting.observation, Unknown) for sighting in knowledge.values())

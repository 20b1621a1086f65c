"""How is every decision recorded without a request being slower for it?

``take`` puts a tuple of references into a list that has a bound; it formats nothing and waits for nothing. A few times a second
``run`` turns what has gathered into a block, a little at a time so that requests come in between, and a thread compresses
and writes it, which needs no interpreter. While the disk is slow the list fills up, and what does not fit is dropped and counted.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Protocol

import structlog

from ugrpy import telemetry
from ugrpy.core.aio import next_turn, spawn
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation, KnownListing, KnownName
from ugrpy.locality.model import Candidate
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import EndpointId
from ugrpy.recording.flights import Among
from ugrpy.recording.frames import render_frame
from ugrpy.recording.packing import KeptBits, Packer, Row, render_document
from ugrpy.recording.reading import oldest_s
from ugrpy.recording.ring import RingWriter
from ugrpy.recording.rules import Rules, forget_rules, keep_rules
from ugrpy.recording.settings import RecordingSettings
from ugrpy.security.identity import Identity

log = structlog.get_logger("ugrpy.recording")

FLUSH_S = 0.25
# Rows that wait: a second of the fastest redirects there are, about 5 MB.
MOST_WAITING = 16_384
# A block of more rows compresses no better, and a reader has to unpack all of it.
BLOCK_ROWS = 1_024
# So many rows are packed before requests have their turn: a third of a millisecond.
SLICE_ROWS = 128
TOLD_EVERY_S = 60.0
# Clocks are set now and then.
RULES_MARGIN_S = 3600.0


class Lost(StrEnum):
    """Why a decision is not on disk."""

    WAITING = "waiting"
    DISK = "disk"


class Decided(Protocol):
    """A request that has been answered, as far as a recorder looks at it."""

    external: str
    client: str
    cache: str
    endpoint: str
    why: str
    order: tuple[EndpointId, ...]
    drawn: tuple[float, ...]
    identity: Identity
    zone: Zone
    known: KnownName | KnownListing | None
    missing: Mapping[str, str] | None
    among: Among | None
    candidates: Mapping[str, Candidate] | None
    withheld: frozenset[EndpointId]


@dataclass(frozen=True, slots=True)
class RecordingPlace:
    """Where a worker records: ``process`` begins the ids of its requests, ``workers`` share ``max_bytes`` of the settings."""

    folder: Path
    worker: int = 0
    workers: int = 1
    process: str = field(default_factory=lambda: f"{os.getpid():x}")


class Recorder:
    """Records what one worker decides. All methods belong to the loop of the federation."""

    def __init__(
        self,
        federation: Federation,
        rules: Rules,
        settings: RecordingSettings,
        place: RecordingPlace,
        meter: Meter,
    ) -> None:
        self._federation = federation
        self.rules = rules
        self.folder = place.folder
        self._facts = {
            "worker": place.worker,
            "process": place.process,
            "rules": rules.version,
        }
        self._kept = KeptBits(settings.client_bits_v4, settings.client_bits_v6)
        self._hits = settings.hits
        self._chance = Random().random  # noqa: S311 - which share is recorded is no secret
        self._ring = RingWriter(
            place.folder,
            place.worker,
            settings.max_bytes // place.workers,
            workers=place.workers,
            on_begin=self._keep_rules,
        )
        self._waiting: list[Row] = []
        self._turn = asyncio.Lock()
        self._written = meter.instrument(telemetry.FLIGHTS.name)
        self._lost = {
            why: meter.instrument(telemetry.FLIGHTS_LOST.name, reason=why.value) for why in Lost
        }
        self._said_s = float("-inf")

    def __repr__(self) -> str:
        return f"<Recorder {self._ring!r}, {len(self._waiting)} waiting>"

    def take(self, decided: Decided, method: str, number: int, status: int, at_s: float, took_s: float) -> None:  # fmt: skip
        """Remember a decision, if it is one; ``at_s`` is when the request came (monotonic)."""
        if status < 400:
            if not (decided.order or decided.missing):
                return
            if self._hits < 1 and decided.cache == "hit" and self._chance() >= self._hits:
                return
        waiting = self._waiting
        if len(waiting) >= MOST_WAITING:
            self._lost[Lost.WAITING].add()
            return
        federation, candidates = self._federation, decided.candidates
        waiting.append(
            (
                at_s,
                took_s,
                number,
                status,
                method,
                decided.external,
                decided.client,
                decided.cache,
                decided.endpoint,
                decided.why,
                decided.order,
                decided.drawn,
                federation.board.withheld if candidates is None else decided.withheld,
                decided.identity,
                decided.zone,
                decided.known,
                decided.missing,
                decided.among,
                federation.ranker.candidates if candidates is None else candidates,
            )
        )

    async def begin(self) -> None:
        """Make the folder. Where that cannot be done now it is tried again with each block, and requests are answered all the same."""
        try:
            await asyncio.to_thread(keep_rules, self.folder, self.rules)
        except OSError as error:
            self._say(error)

    async def run(self) -> None:
        """Write down what has gathered, again and again. What has been begun is finished when this is called off."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await asyncio.shield(spawn(self.flush(), name="flights"))

    async def flush(self) -> None:
        """Write down what has gathered."""
        async with self._turn:
            while self._waiting:
                rows, self._waiting = self._waiting[:BLOCK_ROWS], self._waiting[BLOCK_ROWS:]
                await self._record(rows)

    async def close(self) -> None:
        """Write down the last decisions, and let go of the file."""
        try:
            await self.flush()
        finally:
            self._ring.close()

    async def _record(self, rows: Sequence[Row]) -> None:
        clock = self._federation.clock
        packer = Packer(clock.wall() - clock.monotonic(), self._kept)
        for at in range(0, len(rows), SLICE_ROWS):
            packer.add(rows[at : at + SLICE_ROWS])
            await next_turn()
        document = packer.document(self._reasons(packer), self.rules.preferences)
        try:
            await asyncio.to_thread(self._write, packer, document)
        except OSError as error:
            self._lost[Lost.DISK].add(len(rows))
            self._say(error)
        else:
            self._written.add(len(rows))

    def _reasons(self, packer: Packer) -> Mapping[str, str]:
        """Why clients were not sent to those that were withheld when a row was taken."""
        board, now = self._federation.board, self._federation.clock.monotonic()
        withheld = frozenset[EndpointId]().union(*packer.withheld)
        return {name: board.why_unfit(name, None, now) or "was withheld" for name in withheld}

    def _write(self, packer: Packer, document: Mapping[str, Any]) -> None:
        head, sieve = packer.head(document, self._facts)
        self._ring.append(render_frame(head, sieve, render_document(document)))

    def _keep_rules(self) -> None:
        """What a new file refers to is there before it, and goes some time after the last file that refers to it."""
        keep_rules(self.folder, self.rules)
        oldest = oldest_s(self.folder)
        if oldest is not None:
            forget_rules(self.folder, oldest - RULES_MARGIN_S)

    def _say(self, error: OSError) -> None:
        now = self._federation.clock.monotonic()
        if now - self._said_s >= TOLD_EVERY_S:
            self._said_s = now
            log.warning("decisions are not recorded", folder=str(self.folder), error=str(error))

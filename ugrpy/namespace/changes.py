"""Which copies of a name are on their way in or out, and what follows from what is seen of them?

Two kinds of change outlast the request that made them:

``Upload``
    A client was sent to a storage to write there. Nobody tells us how it ended, so the storage is looked at until the new copy is
    seen complete. Meanwhile the copies that it is to replace are not offered, and a copy that is half there is not shown. When
    nothing has come by the end of the grace, the old copies are offered again; when it came, they are taken away.

    An upload that goes through the gateway is known better: when it has ended, what is at the target is either all of it or a part.

``Removal``
    A copy that must go, on a storage that could not be asked then. It goes when the storage is back, but only while it still is
    the copy that we knew. Until then, readers do not see it. What was not known, or has changed since, is reported and left alone.

Times are in seconds since the epoch, since these records outlive the process. A look at a storage is an observation, and everything
here is a function of such looks and the time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ugrpy.namespace.model import (
    Absent,
    Denied,
    Digest,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.namespace.paths import is_within

DAY_S = 86_400.0
# An upload of unknown length is complete when it has not grown for so long.
STEADY_S = 10.0
# Of an upload's length a second of grace is given for so many bytes.
SLOWEST_BYTES_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What was known of a copy: enough to tell later whether it still is the same one."""

    size_bytes: int | None = None
    mtime_s: int | None = None

    @classmethod
    def of(cls, entry: Entry) -> "Fingerprint":
        """That of a copy as a storage describes it."""
        return cls(entry.size_bytes, entry.mtime_s)

    @property
    def certain(self) -> bool:
        """Whether it says enough to take a copy away by."""
        return self.size_bytes is not None and self.mtime_s is not None

    def fits(self, entry: Entry) -> bool:
        """Whether this is the copy that was known."""
        return self.certain and Fingerprint.of(entry) == self


class Why(StrEnum):
    """Why a copy must go."""

    DELETED = "deleted"
    REPLACED = "replaced"
    MOVED = "moved"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Removal:
    """A copy that must go. ``known`` is what it looked like; a fingerprint that is not certain means it is only reported."""

    path: str
    endpoint: EndpointId
    known: Fingerprint
    why: Why
    since_s: float
    until_s: float

    def hides(self, entry: Entry) -> bool:
        """Whether readers do not see this: the copy that was known, or any when none was known."""
        return entry.kind is Kind.FILE and (not self.known.certain or self.known.fits(entry))


class Passage(StrEnum):
    """How an upload gets to its target: the client writes there, or through the gateway, where it may have broken off."""

    REDIRECTED = "redirected"
    STREAMED = "streamed"
    BROKEN_OFF = "broken off"


@dataclass(frozen=True, slots=True)
class Upload:
    """A client was sent to ``target`` to write this name, or writes it through the gateway (``passage``).

    ``number`` tells it from others of the same name. ``before`` is what stood at the target then, ``others`` are the copies elsewhere that
    it replaces, as they were known; those at ``deleted`` had to go before already. ``size_bytes`` and ``digests`` are what the client announced. ``until_s`` ends its grace.
    ``earlier_sizes`` were announced by clients who were sent to the same target before and may have written since (``None``: without a length).
    ``outdated``: what stood at the target had to go already, or was to be replaced by an upload elsewhere of which nobody knows how it went.
    ``part`` is what another upload had left there, half.
    """

    path: str
    number: str
    target: EndpointId
    since_s: float
    until_s: float
    size_bytes: int | None = None
    before: Fingerprint | None = None
    others: tuple[tuple[EndpointId, Fingerprint], ...] = ()
    deleted: tuple[EndpointId, ...] = ()
    digests: tuple[Digest, ...] = ()
    passage: Passage = Passage.REDIRECTED
    earlier_sizes: tuple[int | None, ...] = ()
    outdated: bool = False
    part: Fingerprint | None = None

    @property
    def replaces(self) -> bool:
        """Whether the name is known to have existed before, so that it is not absent while it is being written."""
        stood = self.before is not None and self.target not in self.deleted
        nothing = Fingerprint()
        return stood or any(n not in self.deleted and known != nothing for n, known in self.others)

    def is_new(self, entry: Entry) -> bool:
        """Whether the copy at the target is another than the one that stood there before."""
        return self.before is None or Fingerprint.of(entry) != self.before

    def is_partial(self, entry: Entry) -> bool:
        """Whether this is a part of it: some storages show an upload while it grows.

        What goes through the gateway is a part until the storage has said that it has all of it, which ends this record.
        """
        if self.is_left_part(entry):
            return True
        if not self.is_new(entry) or self.is_earlier(entry):
            return False
        if self.passage is not Passage.REDIRECTED:
            return True
        return _differs(self, entry)

    def is_left_part(self, entry: Entry) -> bool:
        """Whether this still is the part that another upload had left."""
        return self.part is not None and Fingerprint.of(entry) == self.part

    def is_earlier(self, entry: Entry) -> bool:
        """Whether this may be what a client wrote who was sent there before, and was told that it is there."""
        other = entry.size_bytes is not None and entry.size_bytes != self.size_bytes
        return other and entry.size_bytes in self.earlier_sizes


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """How changes are followed up: part of the ``[changes]`` table of the configuration."""

    upload_grace_s: Annotated[
        float,
        Field(
            gt=0,
            description="seconds after which an upload that has not begun is given up, and the copies it was to replace are offered again; a second more for each megabyte that was announced",
        ),
    ] = 600.0
    pending_delete_days: Annotated[
        float,
        Field(
            gt=0,
            description="days that a deletion waits for a storage element that was out of service",
        ),
    ] = 7.0

    def upload_until_s(self, now_s: float, size_bytes: int | None) -> float:
        """When an upload begun now is given up."""
        return now_s + self.upload_grace_s + (size_bytes or 0) / SLOWEST_BYTES_PER_S

    def removal_until_s(self, now_s: float) -> float:
        """When a deletion remembered now is given up."""
        return now_s + self.pending_delete_days * DAY_S


class Progress(StrEnum):
    """How far an upload is."""

    WAITING = "waiting"
    COMPLETE = "complete"
    BROKEN = "broken"
    NOTHING_CAME = "nothing came"


def upload_progress(
    upload: Upload, said: Observation, steady_s: float, now_s: float, silent_until_s: float
) -> Progress:
    """How far the upload is, by what the target says of the name. ``steady_s``: for how long it has been saying just that.

    A new copy of the announced length is complete; without an announced length, one that has stopped growing. What is new and
    stays shorter or longer than announced until the grace is over is broken. A target that gives no answer may hold a copy that its client was told is
    there, so nothing is decided without it, until ``silent_until_s``.
    """
    if isinstance(said, Found) and said.entry.kind is Kind.FILE and upload.is_new(said.entry):
        if upload.size_bytes is not None and said.entry.size_bytes == upload.size_bytes:
            return Progress.COMPLETE
        if upload.is_left_part(said.entry):
            return Progress.WAITING if now_s < upload.until_s else Progress.BROKEN
        if upload.is_earlier(said.entry) or None in upload.earlier_sizes:
            # ours may still come; when it does not, that one counts
            return Progress.WAITING if now_s < upload.until_s else Progress.COMPLETE
        unsure = upload.size_bytes is None or said.entry.size_bytes is None
        if unsure and steady_s >= STEADY_S:
            return Progress.COMPLETE
        growing = steady_s < upload.until_s - upload.since_s
        return Progress.WAITING if unsure or growing or now_s < upload.until_s else Progress.BROKEN
    until_s = silent_until_s if isinstance(said, Unknown | Denied) else upload.until_s
    return Progress.WAITING if now_s < until_s else Progress.NOTHING_CAME


class Sent(StrEnum):
    """How sending an upload through the gateway ended: all was sent and the storage has it, all was sent, or only a part."""

    STORED = "stored"
    ALL = "all"
    PART = "part"


def sent_progress(upload: Upload, said: Observation, sent: Sent) -> Progress:
    """What became of an upload through the gateway, by what its target says now that nothing more is to come.

    A storage that has answered that it has all of it is believed, unless it says something else now. *Waiting* means that it
    does not say.
    """
    match said:
        case Found(entry) if entry.kind is Kind.FILE:
            if sent is Sent.STORED and not _differs(upload, entry):
                return Progress.COMPLETE
            if not upload.is_new(entry):
                return Progress.NOTHING_CAME
            whole = sent is Sent.ALL and not _differs(upload, entry)
            return Progress.COMPLETE if whole else Progress.BROKEN
        case Found() | Absent():
            return Progress.NOTHING_CAME
        case _:
            return Progress.COMPLETE if sent is Sent.STORED else Progress.WAITING


def _differs(upload: Upload, entry: Entry) -> bool:
    """Whether the copy has certainly another length than the upload."""
    told = entry.size_bytes
    return None not in (told, upload.size_bytes) and told != upload.size_bytes


def broken(upload: Upload, entry: Entry, now_s: float, until_s: float) -> list[Removal]:
    """What must go after an upload that broke off: the part that is there, as long as it does not change."""
    return [Removal(upload.path, upload.target, Fingerprint.of(entry), Why.BROKEN, now_s, until_s)]


def replaced(upload: Upload, now_s: float, until_s: float) -> list[Removal]:
    """What must go after a complete upload: the copies that it replaces."""
    return [
        Removal(upload.path, endpoint, known, Why.REPLACED, now_s, until_s)
        for endpoint, known in upload.others
    ]


def still_deleted(upload: Upload, now_s: float, until_s: float) -> list[Removal]:
    """What must go after an upload of which nothing came: the copies that had to go before."""
    stood = () if upload.before is None else ((upload.target, upload.before),)
    return [
        Removal(upload.path, endpoint, known, Why.DELETED, now_s, until_s)
        for endpoint, known in (*upload.others, *stood)
        if endpoint in upload.deleted
    ]


class Next(StrEnum):
    """What to do about a copy that must go."""

    WAIT = "wait"
    DELETE = "delete"
    GONE = "gone"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


def removal_next(removal: Removal, said: Observation, now_s: float) -> Next:
    """What to do about the copy, by what its storage says of the name now. When its time is over it stays, whatever it is."""
    match said:
        case Absent():
            return Next.GONE
        case Found(entry) if removal.known.certain and not removal.known.fits(entry):
            return Next.CHANGED
        case _ if now_s >= removal.until_s:
            return Next.EXPIRED
        case Found():
            return Next.DELETE if removal.known.certain else Next.UNKNOWN
        case _:
            return Next.WAIT


def following(
    earlier: Upload, others: dict[EndpointId, Fingerprint], target: EndpointId
) -> tuple[tuple[EndpointId, Fingerprint], ...]:
    """What an upload replaces of a name that is being written already: what it found, and what the earlier one was to replace."""
    going = dict(earlier.others) | others
    if target != earlier.target:
        # what became of the earlier one is not known, so neither is what its target holds in the end
        going[earlier.target] = Fingerprint()
    going.pop(target, None)
    return tuple(sorted(going.items(), key=lambda one: one[0]))


def has_come(upload: Upload, entry: Entry | None) -> bool:
    """Whether what stands at the target now is what was to come, as far as a single look tells."""
    if entry is None or entry.kind is not Kind.FILE:
        return False
    return upload.is_new(entry) and not upload.is_partial(entry)


class OperationKind(StrEnum):
    """What is being done to several storages at once."""

    DELETE = "delete"
    MOVE = "move"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is carried out on several storages, written down before the first of them is asked.

    ``steps`` are the storages with what each holds of ``path``; ``target`` is where it goes, ``""`` for a deletion. Who finds it after a
    crash completes it: none of them had been told to the client as done. ``away`` are storages that may hold a copy, and could not be asked.
    """

    number: str
    verb: OperationKind
    path: str
    target: str
    kind: Kind
    steps: tuple[tuple[EndpointId, Fingerprint], ...]
    since_s: float
    until_s: float
    away: tuple[tuple[EndpointId, Fingerprint], ...] = ()

    def removals(self, names: Collection[EndpointId]) -> list[Removal]:
        """What must go later of a file that is gone from its name elsewhere: at ``names``, and where nobody could ask."""
        if self.verb is OperationKind.COPY or self.kind is Kind.COLLECTION:
            return []
        why = Why.DELETED if self.verb is OperationKind.DELETE else Why.MOVED
        left = [step for step in self.steps if step[0] in names]
        return [
            Removal(self.path, name, known, why, self.since_s, self.until_s)
            for name, known in (*left, *self.away)
        ]

    def touches(self, *paths: str) -> bool:
        """Whether it changes any of these names, or what is above or below one."""
        own = [name for name in (self.path, self.target) if name]
        return any(is_within(a, b) or is_within(b, a) for a in own for b in paths)


Record = Upload | Removal | Operation

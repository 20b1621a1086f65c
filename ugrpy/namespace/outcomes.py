"""What can a storage element say of a change it was asked to make?

One of six, which stay apart all the way to the client, as observations do::

    Done      it is so now
    Absent    what was to be changed is not there
    Denied    our credential does not suffice (401, 403)
    Conflict  it was understood, and the state of things forbids it (405, 409, 412, 415, 423, 501 ...)
    Full      there is no room (413, 507)
    Unknown   no usable answer: it may have happened, or not, or may still happen

"""

from dataclasses import dataclass

from ugrpy.namespace.model import Absent, Denied, Digest, Unknown


@dataclass(frozen=True, slots=True)
class Done:
    """It is so now. ``created``: there was nothing of that name before, as far as the storage says."""

    created: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """The storage understood and will not, as things are. ``detail`` may be told to clients and names no place."""

    status: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Full:
    """The storage has no room for it."""

    detail: str = ""


Outcome = Done | Absent | Denied | Conflict | Full | Unknown


@dataclass(frozen=True, slots=True)
class Told:
    """The checksums that a storage told when it was asked for some; empty when it tells none of them."""

    digests: tuple[Digest, ...] = ()


DigestAnswer = Told | Absent | Denied | Unknown


@dataclass(frozen=True, slots=True)
class Space:
    """How much a storage can still take and how much it holds, in bytes; ``None`` for what it does not say (RFC 4331)."""

    free_bytes: int | None = None
    used_bytes: int | None = None

"""How does an upload get to its storage through this process, and what is left when it does not?

It is placed and written down as every upload; what is different is that we see it end. So the client is answered when the storage has said
that it has all of it and every reader sees the new copy, and a part is taken away again as soon as the storage answers.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Protocol

from ugrpy.changing.ground import Ground
from ugrpy.changing.steward import Steward
from ugrpy.changing.uploads import Placed, Uploads, Wanted
from ugrpy.changing.verdicts import none_did, reason_of
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.namespace.changes import Progress, Sent, Upload
from ugrpy.namespace.model import Cause, EndpointId, Unknown
from ugrpy.namespace.outcomes import Done, Outcome


class Content(Protocol):
    """What a client sends. ``ended``: it has, and well; ``fault`` is what is wrong with it otherwise, if the client is to blame."""

    size_bytes: int
    ended: bool

    @property
    def fault(self) -> RequestError | None:
        """What the client is told when it did not send all it announced."""
        ...

    async def begin(self, endpoint: EndpointId) -> None:
        """A place has been found: the client may send."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces. Raises anything when the client breaks off."""
        ...


class Streamed:
    """Writes for clients."""

    def __init__(self, ground: Ground, uploads: Uploads, steward: Steward) -> None:
        self._ground = ground
        self._uploads = uploads
        self._steward = steward

    async def write(self, wanted: Wanted, content: Content, idle_s: float) -> Placed:
        """Place it, write it, and see that it is there.

        Raises as ``Uploads.begin`` does; what is wrong with the content; and what the storage's refusal or silence amounts to.
        """
        placed = await self._uploads.begin(wanted)
        upload = placed.upload
        outcome = await self._write(placed, content, idle_s)
        if upload.size_bytes is None and content.ended:
            upload = replace(upload, size_bytes=content.size_bytes)
        if isinstance(outcome, Done):
            await self.stored(upload)
            return placed
        if isinstance(outcome, Unknown):
            await self._steward.sent(upload, Sent.ALL if content.ended else Sent.PART)
        else:
            await self._steward.refused(upload)
        raise content.fault or _error(upload, outcome)

    async def _write(self, placed: Placed, content: Content, idle_s: float) -> Outcome:
        name = placed.replica.endpoint
        await content.begin(name)
        try:
            outcome = await self._ground.member(name).endpoint.write(
                placed.remote, content, size_bytes=placed.upload.size_bytes, idle_s=idle_s
            )
        except Exception as error:  # noqa: BLE001 - a defect in one kind must not leave an upload that nobody ends
            what = f"internal error: {type(error).__name__}"
            outcome = Unknown(Cause.FAILED, what, inside=f"{what}: {error}")
        if isinstance(outcome, Unknown) and content.fault is None:
            self._ground.asking.note_health(name, outcome, None)
        return outcome

    async def stored(self, upload: Upload) -> None:
        """The storage has said that it has all of it. Raises ``Unavailable`` (502) when it turns out that it has not."""
        progress = await self._steward.sent(upload, Sent.STORED)
        if progress is not Progress.COMPLETE:
            raise Unavailable(
                f"{upload.path}: the storage element said that it has it, and has not",
                status=502,
                missing={str(upload.target): progress.value},
            )


def _error(upload: Upload, outcome: Outcome) -> RequestError:
    reasons = {str(upload.target): reason_of(outcome)}
    return none_did(upload.path, "written", {upload.target: outcome}, reasons)

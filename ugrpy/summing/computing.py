"""What is the checksum of the bytes that a storage sends?"""

import asyncio

from ugrpy.core.errors import EndpointError, Malformed
from ugrpy.endpoints.base import Endpoint
from ugrpy.namespace.model import Absent, Cause, Denied, Unknown, unknown_from
from ugrpy.namespace.outcomes import DigestAnswer, Told
from ugrpy.summing.copies import Copy
from ugrpy.webdav.digests import Hasher

# So much is gathered before a thread takes it, or handing it over would cost more than the sum.
_TOGETHER_BYTES = 1024 * 1024


async def compute(endpoint: Endpoint, copy: Copy, algorithm: str, *, idle_s: float) -> DigestAnswer:
    """Read the whole copy. A body that is not as long as the storage said tells nothing."""
    hasher = Hasher((algorithm,))
    if not hasher.algorithms:
        return Told()
    try:
        async with endpoint.open(copy.remote, {}, idle_s=idle_s) as opened:
            if opened.status != 200:
                return _refused(opened.status)
            length_bytes = 0
            gathered = bytearray()
            async for piece in opened.pieces:
                length_bytes += len(piece)
                gathered += piece
                if len(gathered) >= _TOGETHER_BYTES:
                    await asyncio.to_thread(hasher.update, bytes(gathered))
                    gathered.clear()
            await asyncio.to_thread(hasher.update, bytes(gathered))
    except EndpointError as error:
        return unknown_from(error)
    if copy.entry.size_bytes not in (None, length_bytes):
        return unknown_from(Malformed("the file is not as long as the storage element says"))
    return Told(hasher.digests())


def _refused(status: int) -> DigestAnswer:
    match status:
        case 404:
            return Absent()
        case 403:
            return Denied()
        case _:
            return Unknown(Cause.FAILED, f"GET answered {status}")

"""How is something copied within a storage that cannot do it itself? Read from it and written to it, piece by piece."""

from collections.abc import Sequence

from ugrpy.core.errors import EndpointError
from ugrpy.endpoints.base import Endpoint
from ugrpy.namespace.model import Absent, Cause, Denied, Entry, Found, Kind, Unknown, unknown_from
from ugrpy.namespace.outcomes import Conflict, Done, Outcome
from ugrpy.namespace.paths import join

IDLE_S = 60.0
# A collection with more than this below it is not copied through us.
MOST_NAMES = 10_000


async def copy_by_hand(endpoint: Endpoint, path: str, target: str, kind: Kind) -> Outcome:
    """Copy a file, or a collection with all below it; whatever is wrong with one of them is the outcome of all."""
    left = [MOST_NAMES]
    return await _copy(endpoint, path, target, kind, left)


async def _copy(endpoint: Endpoint, path: str, target: str, kind: Kind, left: list[int]) -> Outcome:
    left[0] -= 1
    if left[0] < 0:
        return Conflict(403, f"more than {MOST_NAMES} names are not copied through this gateway")
    if kind is Kind.FILE:
        return await _copy_file(endpoint, path, target)
    made = await endpoint.make_collection(target)
    if not isinstance(made, Done) and not (isinstance(made, Conflict) and made.status == 405):
        return made
    children: list[Entry] = []

    def take(part: Sequence[Entry]) -> None:
        children.extend(part)

    said = await endpoint.list(path, take)
    if not isinstance(said, Found):
        return said
    for child in children:
        outcome = await _copy(
            endpoint, join(path, child.name), join(target, child.name), child.kind, left
        )
        if not isinstance(outcome, Done):
            return outcome
    return made if isinstance(made, Done) else Done()


async def _copy_file(endpoint: Endpoint, path: str, target: str) -> Outcome:
    try:
        async with endpoint.open(path, {}, idle_s=IDLE_S) as opened:
            match opened.status:
                case 200:
                    length = opened.headers.get("Content-Length", "")
                    return await endpoint.write(
                        target,
                        opened.pieces,
                        size_bytes=int(length) if length.isdigit() else None,
                        idle_s=IDLE_S,
                    )
                case 404:
                    return Absent()
                case 401 | 403:
                    return Denied(opened.status)
                case status:
                    return Unknown(Cause.MALFORMED, f"GET answered {status}")
    except EndpointError as error:
        return unknown_from(error)

"""How do changes keep out of each other's way?

An operation is begun only while no other touches the same names, nor what is above or below them; nor is an upload. What a process has left behind
when it died is brought to its end before anything new is begun there: completed later, it would undo what was acknowledged since.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ugrpy.changing.ground import Ground
from ugrpy.core.errors import RequestError, Unavailable
from ugrpy.namespace.changes import Operation
from ugrpy.namespace.model import Kind


def busy(path: str) -> Unavailable:
    """What a client is told whose change would meet another."""
    return Unavailable(
        f"{path} is being changed by somebody else at this moment", retry_after_s=1.0
    )


@asynccontextmanager
async def under_way(ground: Ground, operation: Operation) -> AsyncIterator[None]:
    """Write an operation down, and take it for left behind if it is not brought to its end in here. Raises ``Unavailable``."""
    if await ground.journal.begin(operation) is not None:
        raise busy(operation.path)
    try:
        yield
    except BaseException:
        ground.left.add(operation.number)
        with suppress(RequestError):
            names = [name for name in (operation.path, operation.target) if name]
            await ground.forgotten(*names, below=operation.kind is Kind.COLLECTION)
        raise

"""Does a name lie below a file, where nothing can be?

Asked about ``/f/x`` when ``/f`` is a file, Apache answers 400 and XRootD 500. That is no fault of theirs, and the answer is
*absent*. Taken for a fault, three requests by anybody would put the storage out of service for everybody.

Only what stands above tells it from a real fault. Above a file there are collections, below it there are nothing but
errors, so the place of the file is found by bisection: a storage that is really broken is asked about log2 of the path's depth
more, and the whole of it ends with the question's deadline.
"""

from collections.abc import Awaitable, Callable

from ugrpy.core.errors import EndpointError, Failed, Malformed
from ugrpy.namespace.model import Absent, Found, Kind, Observation

Ask = Callable[[str], Awaitable[Observation]]


async def lies_below_a_file(path: str, ask: Ask) -> bool:
    """Whether an ancestor of ``path`` is a file or absent.

    ``ask`` is a stat that raises ``EndpointError``, and says *file* only when it is sure.
    """
    ancestors = _ancestors(path)
    low, high = 0, len(ancestors)
    while low < high:
        middle = (low + high) // 2
        try:
            said = await ask(ancestors[middle])
        except (Failed, Malformed):
            high = middle
            continue
        except EndpointError:
            return False
        match said:
            case Absent():
                return True
            case Found(entry) if entry.kind is Kind.FILE:
                return True
            case Found():
                low = middle + 1
            case _:
                return False
    return False


def _ancestors(path: str) -> list[str]:
    """What stands above a path, from the top; the root is always a collection and left out."""
    components = path.strip("/").split("/")
    return ["/" + "/".join(components[:count]) for count in range(1, len(components))]

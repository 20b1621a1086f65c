"""How does a change at a scripted endpoint go, and what goes in and out of it?

Values and small generators; the endpoint itself is ``ScriptedEndpoint``.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass

from ugrpy.core.errors import TimedOut
from ugrpy.endpoints.base import Opened
from ugrpy.namespace.model import Cause, Found, Unknown
from ugrpy.namespace.outcomes import Outcome
from ugrpy.testing import wire
from ugrpy.testing.script import Reply

CHANGES = ("make_collection", "delete", "move", "copy", "write")

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Act:
    """How one change goes. The default: it is done after the endpoint's latency, and the truth is told.

    ``done``: whether it is done at all; ``told`` is said instead of the truth; ``error`` is raised, as no endpoint should.
    ``after_s`` passes before it is done (``None``: the endpoint's latency), ``until_told_s`` between that and the answer;
    ``hangs``: there is no answer. ``takes_bytes``: a write reads so much of its body and then breaks off, *unknown*; what
    it had read stays when it is ``done``, and the old content when it is not.
    """

    done: bool = True
    told: Outcome | None = None
    error: BaseException | None = None
    after_s: float | None = None
    until_told_s: float = 0.0
    hangs: bool = False
    takes_bytes: int | None = None


BROKEN = Unknown(Cause.FAILED, "as the script says")
FAILS = Act(done=False, told=BROKEN)
DONE_UNTOLD = Act(told=BROKEN)
HANGS = Act(done=False, hangs=True)
HANGS_AFTER = Act(hangs=True)


class Plan:
    """Which act comes next, by verb and by path; those of a path go before those of the verb."""

    def __init__(self) -> None:
        self._acts: dict[tuple[str, str | None], list[Act]] = {}
        self._acted: Counter[tuple[str, str | None]] = Counter()

    def set(self, verb: str, path: str | None, acts: tuple[Act, ...]) -> None:
        """These in turn, the last one for ever."""
        if not acts:
            raise ValueError("at least one act is needed")
        if verb not in CHANGES:
            raise ValueError(f"{verb!r} is no change; there are {', '.join(CHANGES)}")
        self._acts[verb, path] = list(acts)
        self._acted.pop((verb, path), None)

    def next(self, verb: str, path: str) -> Act:
        """How the next change goes."""
        key = (verb, path) if (verb, path) in self._acts else (verb, None)
        acts = self._acts.get(key, [Act()])
        nth = self._acted[key]
        self._acted[key] += 1
        return acts[min(nth, len(acts) - 1)]


def act_of(reply: Reply) -> Act:
    """What an answer to everything does to a change: it is not done."""
    told: Outcome = BROKEN if isinstance(reply.observation, Found) else reply.observation
    return Act(False, told, reply.error, reply.after_s, hangs=reply.hangs)


def opened(content: bytes, headers: Mapping[str, str]) -> Opened:
    """The answer to a GET of this content, with one range at most."""
    said = {name.lower(): value for name, value in headers.items()}
    whole = {"Content-Length": str(len(content))}
    match wire.parse_ranges(said.get("range", ""), len(content)):
        case []:
            return Opened(416, {"Content-Range": f"bytes */{len(content)}"}, pieces(b""))
        case [(first, last)]:
            part = content[first : last + 1]
            told = {"Content-Length": str(len(part))}
            told["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return Opened(206, told, pieces(part))
        case _:
            return Opened(200, whole, pieces(content))


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """In such pieces as a server sends."""
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]


async def collected(body: AsyncIterable[bytes], idle_s: float, takes_bytes: int | None) -> bytes:
    """The body, or so much of it. A piece that does not come in time is an ``EndpointError``, as from a storage."""
    content = bytearray()
    pieces = aiter(body)
    while takes_bytes is None or len(content) < takes_bytes:
        try:
            async with asyncio.timeout(idle_s):
                content += await anext(pieces)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise TimedOut("the body stopped coming") from None
    return bytes(content[:takes_bytes])

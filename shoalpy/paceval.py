"""Which proxies does a PAC script name for these URLs?

The script comes from the network, often from whoever answers to the name ``wpad``, and is a program. So it runs in a process of its own,
with limits to its time and memory, and without the interpreter's way to read modules from the disk. The interpreter and the functions that
scripts call are those of pypac (reference section 10.2 lists what there must be).

The process is this module again: a JSON object on its standard input, ``{"script": …, "urls": […]}``, and ``{"answers": […]}`` or
``{"error": …}`` on its standard output.
"""

import asyncio
import contextlib
import json
import resource
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from ugrpy.core.errors import DataError

# As the Frontier client has it (reference section 10.3).
MAX_SCRIPT_BYTES = 65_536
TIMEOUT_S = 10.0

_MEMORY_BYTES = 1 << 30  # address space: the interpreter and Python's own need a fifth of it
_MAX_ANSWER_CHARS = 65_536


class BadScript(DataError):
    """A script that cannot be used: too long, not JavaScript, not one that answers with text, or one that does not end."""


async def evaluate_pac(
    script: str, urls: Sequence[str], *, timeout_s: float = TIMEOUT_S
) -> tuple[str, ...]:
    """What the script returns for each URL, as it is. Raises ``BadScript``."""
    if len(script.encode("utf-8", "replace")) > MAX_SCRIPT_BYTES:
        raise BadScript(f"the script has more than {MAX_SCRIPT_BYTES} bytes")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shoalpy.paceval", str(max(1, round(timeout_s)))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    question = json.dumps({"script": script, "urls": list(urls)}).encode()
    try:
        async with asyncio.timeout(timeout_s):
            said, _ = await child.communicate(question)
    except TimeoutError:
        raise BadScript(f"the script has not answered within {timeout_s:g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    return _parse_reply(said, len(urls))


def _parse_reply(said: bytes, count: int) -> tuple[str, ...]:
    try:
        reply = json.loads(said)
    except ValueError:
        raise BadScript("the script used up its time or memory") from None
    if "error" in reply:
        raise BadScript(f"the script cannot be used: {reply['error']}")
    answers = reply["answers"]
    if len(answers) != count or not all(isinstance(one, str) for one in answers):
        raise BadScript("the script does not answer with text")
    return tuple(answers)


# -- inside the process ----------------------------------------------------------------------------


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Evaluate here and now; everything that goes wrong becomes the ``error``."""
    # only here, since they take a while
    from dukpy.module_loader import JSModuleLoader  # noqa: PLC0415
    from pypac.parser import PACFile  # noqa: PLC0415

    JSModuleLoader.load = _no_modules
    try:
        pac = PACFile(question["script"])
        found = [pac.find_proxy_for_url(url, host_of(url)) for url in question["urls"]]
    except Exception as error:  # noqa: BLE001 - the functions that scripts call raise whatever they like
        return {"error": str(error).partition("\n")[0][:500]}
    return {"answers": [one[:_MAX_ANSWER_CHARS] if isinstance(one, str) else None for one in found]}


def host_of(url: str) -> str:
    """The host that a script is given: without port and brackets."""
    return urlsplit(url).hostname or ""


def _no_modules(*_asked: object) -> tuple[None, None, None]:
    return None, None, None


def main() -> None:
    """One question, one reply. The first argument is how many seconds of processor time there are."""
    seconds = int(sys.argv[1])
    question = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    # nothing that is printed below may stand before the reply
    with contextlib.redirect_stdout(sys.stderr):
        reply = answer(question)
    sys.stdout.write(json.dumps(reply))


if __name__ == "__main__":
    main()

"""How is a list of proxies handed to whoever uses it: as text, to ``cvmfs_talk``, in ``default.local``, in a Frontier string?

``default.local`` is read by a shell, so a list stands in quotes there: ``;`` and ``|`` mean something else outside. Of several
assignments the last one counts.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from shoalpy.client.files import replace_text
from shoalpy.frontier import parse_connect_string
from shoalpy.proxylist import Proxy, ProxyList
from ugrpy.core.errors import UgrError

VARIABLE = "CVMFS_HTTP_PROXY"
TOOL_MISSING = 2  # what old clients leave with

_ASSIGNMENT = re.compile(
    rf"""^(?P<head>[ \t]*(?:export[ \t]+)?{VARIABLE}=)
    (?P<value>"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>[^\s\#"';|&]*))
    (?P<tail>[ \t]*(?:\#[^\n]*)?)$""",
    re.MULTILINE | re.VERBOSE,
)
_ANY_ASSIGNMENT = re.compile(rf"^[ \t]*(?:export[ \t]+)?{VARIABLE}=", re.MULTILINE)


class CannotWrite(UgrError):
    """The list cannot be put where it belongs."""


class NoTool(UgrError):
    """There is no ``cvmfs_talk``."""


def render_dump(proxies: ProxyList | None) -> str:
    """For a person or a script: in double quotes."""
    return f'"{proxies or ""}"'


def proxies_assigned(text: str) -> str:
    """What a ``default.local`` says, or nothing."""
    value = ""
    for match in _ASSIGNMENT.finditer(text):
        value = match["double"] or match["single"] or match["bare"] or ""
    return value


def with_proxies_assigned(text: str, proxies: ProxyList) -> str:
    """The same text with this list, all else as it was; the assignment is added at the end where there is none.

    Raises ``CannotWrite`` for an assignment that cannot be replaced with certainty.
    """
    found = list(_ASSIGNMENT.finditer(text))
    if len(found) != len(_ANY_ASSIGNMENT.findall(text)):
        raise CannotWrite(f"an assignment of {VARIABLE} is not on one line of its own")
    assigned = f'"{proxies}"'
    if not found:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}{VARIABLE}={assigned}\n"
    last = found[-1]
    return text[: last.start("value")] + assigned + text[last.end("value") :]


def read_default_local(path: Path) -> str:
    """Its text; empty when there is none. Raises ``CannotWrite`` when it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CannotWrite(f"cannot read {path}: {error.strerror or error}") from None


def edit_default_local(path: Path, proxies: ProxyList) -> bool:
    """Put the list into the file; whether that changed it. Raises ``CannotWrite``."""
    before = read_default_local(path)
    after = with_proxies_assigned(before, proxies)
    if after == before:
        return False
    try:
        replace_text(path, after)
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from None
    return True


def set_by_talk(tool: str, proxies: ProxyList) -> int:
    """Tell the running CVMFS; the exit status of ``cvmfs_talk``. Raises ``NoTool``."""
    program = shutil.which(tool)
    if program is None:
        raise NoTool(
            f"there is no {tool} here, so CVMFS cannot be told",
            hint="install cvmfs, name the command in client.cvmfs_talk, or use --edit or --dump",
        )
    try:
        status = subprocess.run([program, "proxy", "set", str(proxies)], check=False).returncode  # noqa: S603 - no shell
    except OSError as error:
        raise NoTool(f"cannot run {program}: {error.strerror or error}") from None
    return status if status >= 0 else 128 - status


def render_frontier(before: str, proxies: Iterable[Proxy]) -> str:
    """The connect string with these proxies before those it names. Raises ``BadConnectString``."""
    return str(parse_connect_string(before).with_proxies(proxies))

"""What did the client find last time, and what stood in default.local before it wrote there?

A JSON file, ``{"cvmfs": {"found": "http://…;http://…", "wrote": "…", "before": "…"}, "frontier": {…}}``. It is a help and no more: without
it, or with one that cannot be read, the client works without memory.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from shoalpy.client.files import replace_text
from shoalpy.model import Upstream
from shoalpy.proxylist import BadProxyList, Group, ProxyList, parse_proxy_list


@dataclass(frozen=True, slots=True)
class Memory:
    """For one upstream. All are lists of proxies as text, or empty."""

    found: str = ""
    wrote: str = ""
    before: str = ""

    @property
    def groups(self) -> tuple[Group, ...]:
        """What was found."""
        try:
            return parse_proxy_list(self.found).groups if self.found else ()
        except BadProxyList:
            return ()


def remember(groups: tuple[Group, ...], memory: Memory) -> Memory:
    """The same after something was found."""
    return Memory(str(ProxyList(groups)), memory.wrote, memory.before)


def recall(file: str, upstream: Upstream) -> Memory:
    """What is known; nothing when there is no such file or no such thing in it."""
    said = _read(file).get(upstream.value)
    if not isinstance(said, dict):
        return Memory()
    texts = (said.get(name) for name in ("found", "wrote", "before"))
    return Memory(*(one if isinstance(one, str) else "" for one in texts))


def store(file: str, upstream: Upstream, memory: Memory) -> None:
    """Keep it. Raises ``OSError``."""
    if not file or memory == recall(file, upstream):
        return
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {**_read(file), upstream.value: asdict(memory)}
    replace_text(path, json.dumps(kept, indent=1) + "\n")


def _read(file: str) -> dict[str, object]:
    if not file:
        return {}
    try:
        said = json.loads(Path(file).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}

"""What the steps of this tour may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ugrpy.demo.client import Ask, Reply, url_of
from ugrpy.demo.sites import GATEWAY_ADDRESS, Site


@dataclass(frozen=True, slots=True)
class Explained:
    """What ``ugrpy explain`` printed and the status it ended with."""

    exit_code: int
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step may use: the servers, by URL and by their switches, and a way to ask them.

    URLs have no trailing slash. ``storage_urls`` and ``pids`` are keyed by the site's name; ``pids`` is asked again
    each time because a storage element may have been started anew. ``wait`` is ``processes.wait_until``.
    """

    gateway_url: str
    storage_urls: Mapping[str, str]
    ask: Ask
    pids: Callable[[], Mapping[str, int | None]]
    kill: Callable[[Site], None]
    revive: Callable[[Site], None]
    explain: Callable[[str, str], Explained]
    wait: Callable[[Callable[[], bool], float], bool]

    def get(self, path: str, source: str = GATEWAY_ADDRESS, query: str = "") -> Reply:
        """GET a federated path from an address; redirects come back as they are."""
        return self.ask("GET", url_of(self.gateway_url, path) + query, source=source)

"""What a step is: it is given the scene, shows something, and says which of its claims held."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ugrpy.demo.client import Ask, Reply, url_of
from ugrpy.demo.sites import GATEWAY_ADDRESS, Site


@dataclass(frozen=True, slots=True)
class Check:
    """One claim. ``detail`` says what was seen instead when it failed."""

    claim: str
    held: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to show. ``columns`` are its headers; every row has as many cells. All of it is plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a command printed, under the command itself."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step shows: a sentence for the viewer, the evidence, and the claims."""

    sentence: str
    evidence: Grid | Quote
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        """Whether every claim held. A step that claims nothing has not shown anything."""
        return bool(self.checks) and all(check.held for check in self.checks)


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


@dataclass(frozen=True, slots=True)
class Step:
    """A section of the tour."""

    title: str
    run: Callable[[Scene], Outcome]


def all_of(claim: str, wrong: list[str], total: int) -> Check:
    """A claim about many cases: held when none is wrong and there were any; the first few wrong ones are named."""
    shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return Check(f"{claim} ({total - len(wrong)} of {total})", not wrong and total > 0, shown)

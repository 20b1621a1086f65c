"""The steps where a storage element dies and comes back, seen by the client that is nearest to it."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from ugrpy.core.clock import SystemClock
from ugrpy.demo.client import Reply, parse_listing, url_of
from ugrpy.demo.data import EVERYWHERE, ONLY_GENEVA, PLAN
from ugrpy.demo.scene import Scene
from ugrpy.demo.sites import GATEWAY_ADDRESS, GENEVA, SITES, Site, nearest_first, site_at
from ugrpy.service.tour.outcome import Check, Grid, Outcome

PATIENCE_S = 15.0
"""How long a change may take to show; the demo's gateway probes twice a second, so about 2 s are expected."""
UNAVAILABLE = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Seen:
    """One redirect as the client in Geneva saw it, ``after_s`` seconds after the switch was thrown."""

    after_s: float
    status: int
    target: Site | None


def one_dies(scene: Scene) -> Outcome:
    """Kill the storage element in Geneva; its client is sent to the next nearest, and nothing is called absent."""
    fallback = nearest_first(GENEVA, (site for site in SITES if site != GENEVA))[0]
    scene.kill(GENEVA)
    seen = _watch(scene, lambda view: view.target == fallback)
    # a second view: the gateway has noticed by now, whatever it had kept of the name
    lonely = _settled(scene, ONLY_GENEVA, lambda reply: reply.status in UNAVAILABLE)
    listing = scene.ask(
        "PROPFIND",
        url_of(scene.gateway_url, "/runs/"),
        source=GATEWAY_ADDRESS,
        headers={"Depth": "1"},
    )
    names = {entry.path for entry in parse_listing(listing.body)}
    elsewhere = {
        row.path for row in PLAN if row.path.startswith("/runs/") and set(row.holders) != {GENEVA}
    }
    checks = (
        Check(
            f"redirects move on to {fallback.city}", seen[-1].target == fallback, _tell(seen[-1])
        ),
        Check(
            "no client was sent an error meanwhile",
            all(view.status == HTTPStatus.FOUND for view in seen),
            ", ".join(sorted({str(view.status) for view in seen})),
        ),
        Check(
            "a file only Geneva holds is unavailable, not absent",
            lonely.status in UNAVAILABLE,
            f"status {lonely.status}",
        ),
        Check(
            "listings still show what the others hold",
            listing.status == HTTPStatus.MULTI_STATUS and elsewhere <= names,
            f"status {listing.status}, missing {', '.join(sorted(elsewhere - names))}",
        ),
    )
    sentence = f"The server in Geneva is killed while its neighbour keeps asking for {EVERYWHERE}."
    return Outcome(sentence, _timeline(seen, f"{ONLY_GENEVA}: {lonely.status}"), checks)


def it_returns(scene: Scene) -> Outcome:
    """Start it again; its client is sent there again, and its own file can be had."""
    scene.revive(GENEVA)
    seen = _watch(scene, lambda view: view.target == GENEVA)
    lonely = _settled(scene, ONLY_GENEVA, lambda reply: reply.status == HTTPStatus.FOUND)
    checks = (
        Check("redirects return to Geneva", seen[-1].target == GENEVA, _tell(seen[-1])),
        Check(
            "no client was sent an error meanwhile",
            all(view.status == HTTPStatus.FOUND for view in seen),
            ", ".join(sorted({str(view.status) for view in seen})),
        ),
        Check(
            "the file only Geneva holds is back",
            lonely.status == HTTPStatus.FOUND and site_at(lonely.target_address) == GENEVA,
            f"status {lonely.status}"
            + (", still called absent" if lonely.status == HTTPStatus.NOT_FOUND else ""),
        ),
    )
    sentence = "The same server is started again; a few good probes and it has its clients back."
    return Outcome(sentence, _timeline(seen, f"{ONLY_GENEVA}: {lonely.status}"), checks)


def _watch(scene: Scene, done: Callable[[Seen], bool]) -> list[Seen]:
    """Ask from Geneva again and again until ``done`` or the patience is over; every answer is kept."""
    clock = SystemClock()
    began = clock.monotonic()
    seen: list[Seen] = []

    def look() -> bool:
        reply = scene.get(EVERYWHERE, GENEVA.client_address)
        seen.append(Seen(clock.monotonic() - began, reply.status, site_at(reply.target_address)))
        return done(seen[-1])

    scene.wait(look, PATIENCE_S)
    return seen


def _settled(scene: Scene, path: str, done: Callable[[Reply], bool]) -> Reply:
    """The first answer that satisfies ``done``, or the last one before the patience is over."""
    replies: list[Reply] = []

    def look() -> bool:
        replies.append(scene.get(path, GENEVA.client_address))
        return done(replies[-1])

    scene.wait(look, PATIENCE_S)
    return replies[-1]


def _timeline(seen: list[Seen], last: str) -> Grid:
    """The first answer of each kind in a row, so that a hundred equal ones are one line."""
    rows = []
    previous = ""
    for view in seen:
        if _tell(view) != previous:
            previous = _tell(view)
            rows.append((f"{view.after_s:.2f}", previous))
    return Grid(("seconds", f"GET {EVERYWHERE} from {GENEVA.city}"), (*rows, ("then", last)))


def _tell(view: Seen) -> str:
    return f"{view.status}, to {view.target.city}" if view.target else f"{view.status}"

"""The steps that look: who is there, who holds what, and the three as one namespace."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from ugrpy.demo.client import Listed, Reply, parse_links, parse_listing, url_of
from ugrpy.demo.data import (
    ODD,
    PLAN,
    children_of,
    collections_of,
    paths_on,
)
from ugrpy.demo.scene import Scene
from ugrpy.demo.sites import (
    GATEWAY_ADDRESS,
    SITES,
    Site,
)
from ugrpy.service.tour.outcome import Check, Grid, Outcome, all_of


def meet_everybody(scene: Scene) -> Outcome:
    """The processes, and that each of them answers."""
    rows: list[tuple[str, ...]] = []
    checks = []
    pids = scene.pids()
    for site in SITES:
        url = scene.storage_urls[site.name]
        rows.append((site.name, f"{site.city}, {site.country}", url, str(pids[site.name])))
        reply = scene.ask("OPTIONS", f"{url}/", source=GATEWAY_ADDRESS)
        speaks = reply.status == HTTPStatus.OK and "1" in reply.headers.get("dav", "")
        checks.append(Check(f"{site.name} speaks WebDAV", speaks, f"status {reply.status}"))
    rows.append(("gateway", "", scene.gateway_url, str(pids["gateway"])))
    ready = scene.ask("GET", f"{scene.gateway_url}/readyz", source=GATEWAY_ADDRESS)
    checks.append(
        Check("the gateway is ready", ready.status == HTTPStatus.OK, f"status {ready.status}")
    )
    sentence = (
        "Three WebDAV servers on three loopback networks, which a generated GeoIP database places "
        "on three continents, and one gateway over them."
    )
    return Outcome(sentence, Grid(("who", "place", "URL", "process"), tuple(rows)), tuple(checks))


def who_holds_what(scene: Scene) -> Outcome:
    """The storage elements' own listings against the plan."""
    held = {site.name: _files_of(scene, site) for site in SITES}
    rows: list[tuple[str, ...]] = []
    for planned in PLAN:
        marks = ("●" if planned.path in held[site.name] else "·" for site in SITES)
        rows.append((planned.path, *marks))
    checks = []
    for site in SITES:
        wrong = sorted(held[site.name] ^ paths_on(site))
        total = len(held[site.name] | paths_on(site))
        checks.append(all_of(f"{site.name} holds exactly its files", wrong, total))
    sentence = "Asked directly, each storage element knows only its own files: some are everywhere, some in one place."
    return Outcome(
        sentence, Grid(("file", *(site.city for site in SITES)), tuple(rows)), tuple(checks)
    )


def one_namespace(scene: Scene) -> Outcome:
    """A walk through the gateway finds the union of the three; the page for browsers says the same."""
    rows: list[tuple[str, ...]] = []
    wrong, wrong_first, wrong_size = [], [], []
    folders = sorted(collections_of(planned.path for planned in PLAN))
    sizes = {planned.path: planned.size_bytes for planned in PLAN}
    for folder in folders:
        first, *children = _propfind(scene.gateway_url, folder, scene)
        seen = {PurePosixPath(child.path).name: child.collection for child in children}
        rows.append((folder, str(len(seen)), ", ".join(sorted(seen))))
        if seen != children_of(folder) or len(seen) != len(children):
            wrong.append(folder)
        if (first.path, first.collection) != (folder, True):
            wrong_first.append(folder)
        wrong_size += [
            child.path
            for child in children
            if not child.collection and sizes.get(child.path) not in (None, child.size_bytes)
        ]
    page = scene.get(f"{ODD}/")
    linked = {name for name in _linked_names(scene, page) if name}
    missing = sorted(children_of(ODD).keys() - linked)
    checks = (
        all_of("every listing is the union of the three, each name once", wrong, len(folders)),
        all_of("the collection itself comes first", wrong_first, len(folders)),
        all_of("every size is right", wrong_size, len(PLAN)),
        all_of("the page for browsers links every odd name", missing, len(children_of(ODD))),
    )
    sentence = "Asked through the gateway, the three are one tree: a PROPFIND lists the union of what they hold."
    return Outcome(sentence, Grid(("collection", "entries", "names"), tuple(rows)), checks)


def _propfind(base_url: str, path: str, scene: Scene, depth: str = "1") -> list[Listed]:
    slashed = path if path.endswith("/") else f"{path}/"
    reply = scene.ask(
        "PROPFIND", url_of(base_url, slashed), source=GATEWAY_ADDRESS, headers={"Depth": depth}
    )
    if reply.status != HTTPStatus.MULTI_STATUS:
        raise ValueError(f"PROPFIND {slashed} at {base_url}: status {reply.status}")
    return parse_listing(reply.body)


def _files_of(scene: Scene, site: Site) -> frozenset[str]:
    listed = _propfind(scene.storage_urls[site.name], "/", scene, depth="infinity")
    return frozenset(entry.path for entry in listed if not entry.collection)


def _linked_names(scene: Scene, page: Reply) -> Iterator[str]:
    """The decoded last components of what the page links to below itself."""
    base = url_of(scene.gateway_url, f"{ODD}/")
    for href in parse_links(page.body):
        target = urljoin(base, href)
        if target.startswith(base):
            yield unquote(urlsplit(target).path).removeprefix(f"{ODD}/").rstrip("/")

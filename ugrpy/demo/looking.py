"""The steps that look: who is there, who holds what, one namespace, redirects, a metalink."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from ugrpy.demo.client import Listed, Reply, parse_links, parse_listing, parse_metalink, url_of
from ugrpy.demo.data import (
    DEEP,
    EVERYWHERE,
    ODD,
    ONLY_GENEVA,
    ONLY_TOKYO,
    ONLY_VICTORIA,
    PLAN,
    SHARED,
    Planned,
    children_of,
    collections_of,
    content_of,
    paths_on,
)
from ugrpy.demo.outcome import Check, Grid, Outcome, Scene, all_of
from ugrpy.demo.sites import (
    GATEWAY_ADDRESS,
    SITES,
    TOKYO,
    Site,
    distance_km,
    nearest_first,
    site_at,
)

MULTI_STATUS = 207
FOUND = 302
OK = 200
NOT_FOUND = 404
NOWHERE = "/runs/run-9999.dat"
SHOWN = (EVERYWHERE, SHARED, ONLY_VICTORIA, ONLY_GENEVA, ONLY_TOKYO, DEEP, f"{ODD}/100% sure?.txt")
"""The rows of the redirect table; all of the plan is checked."""


def meet_everybody(scene: Scene) -> Outcome:
    """The processes, and that each of them answers."""
    rows: list[tuple[str, ...]] = []
    checks = []
    pids = scene.pids()
    for site in SITES:
        url = scene.storage_urls[site.name]
        rows.append((site.name, f"{site.city}, {site.country}", url, str(pids[site.name])))
        reply = scene.ask("OPTIONS", f"{url}/", source=GATEWAY_ADDRESS)
        speaks = reply.status == OK and "1" in reply.headers.get("dav", "")
        checks.append(Check(f"{site.name} speaks WebDAV", speaks, f"status {reply.status}"))
    rows.append(("gateway", "", scene.gateway_url, str(pids["gateway"])))
    ready = scene.ask("GET", f"{scene.gateway_url}/readyz", source=GATEWAY_ADDRESS)
    checks.append(Check("the gateway is ready", ready.status == OK, f"status {ready.status}"))
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


def nearest_replica(scene: Scene) -> Outcome:
    """Every file asked for from every place, followed to its bytes."""
    rows: list[tuple[str, ...]] = []
    wrong_target, wrong_bytes = [], []
    for planned in PLAN:
        cells = []
        for client in SITES:
            reply = scene.get(planned.path, client.client_address)
            target = site_at(reply.target_address) if reply.status == FOUND else None
            cells.append(_leg(client, target))
            label = f"{planned.path} from {client.city}: {reply.status} {reply.location}".rstrip()
            if target != nearest_first(client, planned.holders)[0]:
                wrong_target.append(label)
            if target is None or not _is_planned(scene, planned, reply.location, client):
                wrong_bytes.append(label)
        if planned.path in SHOWN:
            rows.append((planned.path, *cells))
    miss = scene.get(NOWHERE).status
    total = len(PLAN) * len(SITES)
    checks = (
        all_of("the redirect leads to the nearest holder", wrong_target, total),
        all_of("what is then downloaded is that file, byte for byte", wrong_bytes, total),
        Check("a name that nobody holds is 404", miss == NOT_FOUND, f"status {miss}"),
    )
    sentence = "The same URL sends each client to the nearest storage element that holds the file."
    return Outcome(
        sentence, Grid(("file", *(f"client in {site.city}" for site in SITES)), tuple(rows)), checks
    )


def metalink(scene: Scene) -> Outcome:
    """All replicas of one file, best first, for a client in Tokyo."""
    client, planned = TOKYO, next(row for row in PLAN if row.path == EVERYWHERE)
    reply = scene.get(EVERYWHERE, client.client_address, "?metalink=4")
    document = parse_metalink(reply.body)
    rows = ((str(offer.priority), offer.country, offer.url) for offer in document.offers)
    seen = [site_at(urlsplit(offer.url).hostname or "") for offer in document.offers]
    wrong = [o.url for o in document.offers if not _is_planned(scene, planned, o.url, client)]
    priorities = [offer.priority for offer in document.offers]
    media_type = reply.headers.get("content-type", "")
    checks = (
        Check("it is a metalink", media_type.startswith("application/metalink4+xml"), media_type),
        Check(
            "it names all holders, nearest first",
            seen == nearest_first(client, planned.holders) and priorities == sorted(priorities),
            ", ".join(offer.url for offer in document.offers),
        ),
        Check(
            "size and name are the file's",
            (document.size_bytes, document.name)
            == (planned.size_bytes, PurePosixPath(EVERYWHERE).name),
            f"{document.name}, {document.size_bytes} bytes",
        ),
        all_of("every URL in it delivers the file", wrong, len(document.offers)),
    )
    sentence = f"With ?metalink the gateway hands out every replica of {EVERYWHERE}, ordered for a client in Tokyo."
    return Outcome(sentence, Grid(("priority", "country", "URL"), tuple(rows)), checks)


def _propfind(base_url: str, path: str, scene: Scene, depth: str = "1") -> list[Listed]:
    slashed = path if path.endswith("/") else f"{path}/"
    reply = scene.ask(
        "PROPFIND", url_of(base_url, slashed), source=GATEWAY_ADDRESS, headers={"Depth": depth}
    )
    if reply.status != MULTI_STATUS:
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


def _is_planned(scene: Scene, planned: Planned, url: str, client: Site) -> bool:
    """Whether the URL delivers the planned file; the ROOT file is recognised by its first bytes."""
    reply = scene.ask("GET", url, source=client.client_address)
    if planned.size_bytes is None:
        return reply.status == OK and reply.body.startswith(b"root")
    return reply.status == OK and reply.body == content_of(planned.path, planned.size_bytes)


def _leg(client: Site, target: Site | None) -> str:
    if target is None:
        return "nowhere"
    return f"{target.city}, {distance_km(client, target):,.0f} km"

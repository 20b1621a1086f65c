"""The steps that send clients somewhere: to the nearest replica, or to all of them with a metalink."""

from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from ugrpy.demo.client import Reply, parse_metalink
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
    content_of,
    planned_at,
)
from ugrpy.demo.scene import Scene
from ugrpy.demo.sites import SITES, TOKYO, Site, distance_km, nearest_first, site_at
from ugrpy.service.tour.outcome import Check, Grid, Outcome, all_of

NOWHERE = "/runs/run-9999.dat"
SETTLE_S = 3.0
"""A client is not kept waiting for a nearer storage element that is slower than usual, so under load a first answer may
lead farther; the next one must not."""
Replies = dict[tuple[str, Site], Reply]
SHOWN = (EVERYWHERE, SHARED, ONLY_VICTORIA, ONLY_GENEVA, ONLY_TOKYO, DEEP, f"{ODD}/100% sure?.txt")
"""The rows of the redirect table; all of the plan is checked."""


def nearest_replica(scene: Scene) -> Outcome:
    """Every file asked for from every place, followed to its bytes."""
    journeys = [(planned, client) for planned in PLAN for client in SITES]
    replies = {
        (row.path, client): scene.get(row.path, client.client_address) for row, client in journeys
    }
    late = [journey for journey in journeys if _astray(*journey, replies)]

    def settled() -> bool:
        for row, client in late:
            replies[row.path, client] = scene.get(row.path, client.client_address)
        return not any(_astray(*journey, replies) for journey in late)

    scene.wait(settled, SETTLE_S)
    astray = [_label(*journey, replies) for journey in journeys if _astray(*journey, replies)]
    spoilt = [
        _label(row, client, replies)
        for row, client in journeys
        if not _is_planned(scene, row, replies[row.path, client].location, client)
    ]
    miss = scene.get(NOWHERE).status
    checks = (
        all_of("the redirect leads to the nearest holder", astray, len(journeys)),
        all_of("what is then downloaded is that file, byte for byte", spoilt, len(journeys)),
        Check("a name that nobody holds is 404", miss == HTTPStatus.NOT_FOUND, f"status {miss}"),
    )
    sentence = "The same URL sends each client to the nearest storage element that holds the file."
    if late:
        sentence += (
            f" {len(late)} had to be asked again: the nearest was slow to answer the first time."
        )
    rows = ((path, *(_leg(client, replies[path, client]) for client in SITES)) for path in SHOWN)
    return Outcome(
        sentence,
        Grid(("file", *(f"client in {site.city}" for site in SITES)), tuple(rows)),
        checks,
    )


def metalink(scene: Scene) -> Outcome:
    """All replicas of one file, best first, for a client in Tokyo."""
    client, planned = TOKYO, planned_at(EVERYWHERE)
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


def _is_planned(scene: Scene, planned: Planned, url: str, client: Site) -> bool:
    """Whether the URL delivers the planned file; the ROOT file is recognised by its first bytes."""
    if not url:
        return False
    reply = scene.ask("GET", url, source=client.client_address)
    if planned.size_bytes is None:
        return reply.status == HTTPStatus.OK and reply.body.startswith(b"root")
    return reply.status == HTTPStatus.OK and reply.body == content_of(
        planned.path, planned.size_bytes
    )


def _astray(planned: Planned, client: Site, replies: Replies) -> bool:
    """Whether the client was sent anywhere but to the nearest holder."""
    target = _target(replies[planned.path, client])
    return target != nearest_first(client, planned.holders)[0]


def _label(planned: Planned, client: Site, replies: Replies) -> str:
    reply = replies[planned.path, client]
    return f"{planned.path} from {client.city}: {reply.status} {reply.location}".rstrip()


def _target(reply: Reply) -> Site | None:
    return site_at(reply.target_address) if reply.status == HTTPStatus.FOUND else None


def _leg(client: Site, reply: Reply) -> str:
    target = _target(reply)
    if target is None:
        return f"status {reply.status}"
    return f"{target.city}, {distance_km(client, target):,.0f} km"

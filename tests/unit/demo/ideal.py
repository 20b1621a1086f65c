"""The three storage elements and the gateway as a function: what a right answer to each of the tour's questions is.

A test makes it wrong in one place with ``lie`` and sees whether the step notices.
"""

from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from ugrpy.core.urls import encode_path
from ugrpy.demo.client import Reply
from ugrpy.demo.data import PLAN, children_of, collections_of, content_of, paths_on
from ugrpy.demo.scene import Explained, Scene
from ugrpy.demo.sites import SITES, Site, nearest_first, site_at

GATEWAY = "http://127.0.0.1:8080"
ROOT_BYTES = b"root" + bytes(60)
SIZES = {row.path: len(ROOT_BYTES) if row.size_bytes is None else row.size_bytes for row in PLAN}
COLLECTIONS = collections_of(row.path for row in PLAN)

Lie = Callable[[str, str, str, Reply], Reply | None]


class Ideal:
    """Answers as the real servers should. ``lie(method, host and path, source, truth)`` may replace an answer."""

    def __init__(self, lie: Lie = lambda *_: None) -> None:
        self.lie = lie
        self.dead: set[Site] = set()

    def scene(self) -> Scene:
        return Scene(
            gateway_url=GATEWAY,
            storage_urls={site.name: storage_url(site) for site in SITES},
            ask=self.ask,
            pids=lambda: {"gateway": 1, **{site.name: 2 for site in SITES}},
            kill=self.dead.add,
            revive=self.dead.discard,
            explain=lambda path, client: Explained(
                0, f"{path} for {client}: tokyo victoria geneva"
            ),
            wait=ask_often,
        )

    def ask(self, method: str, url: str, *, source: str, headers: Mapping[str, str] = {}) -> Reply:
        parts = urlsplit(url)
        path = unquote(parts.path)
        site = site_at(parts.hostname or "")
        if site is None:
            truth = self._gateway(method, path, source, parts.query)
        elif site in self.dead:
            raise ConnectionRefusedError(url)
        else:
            truth = _storage(method, path, site)
        return self.lie(method, f"{parts.hostname}{path}", source, truth) or truth

    def _gateway(self, method: str, path: str, source: str, query: str) -> Reply:
        if path == "/readyz":
            return Reply(200)
        if method == "PROPFIND":
            return self._listing(path)
        if path.endswith("/"):
            links = (encode_path(path + name) for name in children_of(path.rstrip("/") or "/"))
            return Reply(
                200, {}, "".join(f'<a href="{escape(href)}">x</a>' for href in links).encode()
            )
        row = next((row for row in PLAN if row.path == path), None)
        if row is None:
            return Reply(404)
        client = next((s for s in SITES if s.client_address == source), SITES[0])
        holders = nearest_first(client, (s for s in row.holders if s not in self.dead))
        if not holders:
            return Reply(503)
        if query == "metalink=4":
            return _metalink(path, holders)
        return Reply(302, {"location": storage_url(holders[0]) + encode_path(path)})

    def _listing(self, path: str) -> Reply:
        folder = path.rstrip("/") or "/"
        alive = {name for site in SITES if site not in self.dead for name in paths_on(site)}
        known = alive | collections_of(alive)
        children = [f"{folder.rstrip('/')}/{name}" for name in children_of(folder)]
        return multistatus([folder, *(child for child in children if child in known)])


def ask_often(ready: Callable[[], bool], _timeout_s: float) -> bool:
    """A wait without waiting: five looks."""
    return any(ready() for _ in range(5))


def storage_url(site: Site) -> str:
    return f"http://{site.storage_address}:8401"


def multistatus(paths: list[str]) -> Reply:
    """Collections are known by the plan."""
    responses = []
    for path in paths:
        if path in COLLECTIONS:
            href, props = path.rstrip("/") + "/", "<d:resourcetype><d:collection/></d:resourcetype>"
        else:
            href, props = path, f"<d:getcontentlength>{SIZES[path]}</d:getcontentlength>"
        responses.append(
            f"<d:response><d:href>{escape(encode_path(href))}</d:href>"
            f"<d:propstat><d:prop>{props}</d:prop></d:propstat></d:response>"
        )
    body = f'<d:multistatus xmlns:d="DAV:">{"".join(responses)}</d:multistatus>'
    return Reply(207, {}, body.encode())


def _storage(method: str, path: str, site: Site) -> Reply:
    if method == "OPTIONS":
        return Reply(200, {"dav": "1, 2"})
    held = paths_on(site)
    if method == "PROPFIND":
        return multistatus([*sorted(collections_of(held)), *sorted(held)])
    if path not in held:
        return Reply(404)
    return Reply(200, {}, ROOT_BYTES if path.endswith(".root") else content_of(path, SIZES[path]))


def _metalink(path: str, holders: list[Site]) -> Reply:
    urls = "".join(
        f'<url priority="{number}" location="{site.country.lower()}">{storage_url(site)}{path}</url>'
        for number, site in enumerate(holders, start=1)
    )
    body = (
        f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="{path.rpartition("/")[2]}">'
        f"<size>{SIZES[path]}</size>{urls}</file></metalink>"
    )
    return Reply(200, {"content-type": "application/metalink4+xml; charset=utf-8"}, body.encode())

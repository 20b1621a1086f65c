"""What a VM does: it asks who is nearest, and fetches its file through the caches it is told of, one after the other."""

from dataclasses import dataclass

from shoalpy.demo.client import Reply, ask
from shoalpy.demo.origin import FILE, FILES
from shoalpy.demo.sites import Site
from shoalpy.demo.stage import Stage
from ugrpy.core.errors import DataError


@dataclass(frozen=True, slots=True)
class Told:
    """One cache as a VM is told of it."""

    name: str
    address: str
    port: int
    distance_km: float | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of the fetch: by which cache in the end, after which had failed, and whether all bytes are right.

    ``via`` is what the cache wrote into the answer's ``Via``.
    """

    cache: str = ""
    failed: tuple[str, ...] = ()
    right: bool = False
    via: str = ""


def told_by_v1(stage: Stage, site: Site) -> list[str]:
    """``/nearest``: addresses of caches, best first, as shoal's clients get them."""
    found = _asked(stage, site, "/nearest").json() or {}
    return [found[str(rank)]["public_ip"] for rank in range(len(found))]


def told(stage: Stage, site: Site) -> list[Told]:
    """``/v2/nearest``: the same with kilometres."""
    return [
        Told(
            one["cache"]["key"],
            one["cache"]["public_ip"],
            one["cache"]["port"],
            one["distance_km"],
        )
        for one in _asked(stage, site, "/v2/nearest").json()
    ]


def script_for(stage: Stage, site: Site) -> Reply:
    """``/wpad.dat`` as it is answered to this place's VM."""
    return ask(f"{stage.server_url}/wpad.dat", source=site.vm_address)


def fetch(stage: Stage, site: Site, caches: list[Told]) -> Fetched:
    """The file through the first of the caches that hands it over."""
    failed: list[str] = []
    for cache in caches:
        try:
            reply = ask(
                f"{stage.origin_url}{FILE}",
                source=site.vm_address,
                proxy=(cache.address, cache.port),
            )
        except (OSError, DataError):
            failed.append(cache.name)
            continue
        if reply.status == 200:
            via = reply.headers.get("via", "")
            return Fetched(cache.name, tuple(failed), reply.body == FILES[FILE], via)
        failed.append(cache.name)
    return Fetched(failed=tuple(failed))


def _asked(stage: Stage, site: Site, path: str) -> Reply:
    reply = ask(f"{stage.server_url}{path}", source=site.vm_address)
    if reply.status != 200:
        raise DataError(f"{path} answers {reply.status}: {reply.text[:100]}")
    return reply

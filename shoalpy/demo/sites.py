"""Who plays in the tour: three places, each with a loopback network that holds a cache and a VM.

On Linux every address in 127.0.0.0/8 belongs to the machine, so a cache can listen on 127.0.2.2 and a VM can really connect from
127.0.2.10; the generated GeoIP database does the rest.
"""

import math
from dataclasses import dataclass
from ipaddress import IPv4Network

SERVER_ADDRESS = "127.0.0.1"
"""Outside every place's network, so a browser on this machine is a caller whose place is unknown."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place. ``name`` is its cache's key, ``country`` an ISO 3166 alpha-2 code, the position is in degrees."""

    name: str
    city: str
    country: str
    network: IPv4Network
    latitude_deg: float
    longitude_deg: float

    @property
    def cache_address(self) -> str:
        """Where the cache listens."""
        return str(self.network[2])

    @property
    def vm_address(self) -> str:
        """Where this place's VM connects from."""
        return str(self.network[10])

    @property
    def hostname(self) -> str:
        """What the cache's agent says it is called."""
        return f"squid.{self.name}.example.org"


VICTORIA = Site("victoria", "Victoria", "CA", IPv4Network("127.0.1.0/24"), 48.4284, -123.3656)
GENEVA = Site("geneva", "Geneva", "CH", IPv4Network("127.0.2.0/24"), 46.2044, 6.1432)
TOKYO = Site("tokyo", "Tokyo", "JP", IPv4Network("127.0.3.0/24"), 35.6762, 139.6503)

SITES = (VICTORIA, GENEVA, TOKYO)


def nearest_first(here: Site, without: Site | None = None) -> list[str]:
    """The names of the places in the order in which the VM here should be told of their caches."""
    order = sorted(SITES, key=lambda there: distance_km(here, there))
    return [site.name for site in order if site is not without]


def distance_km(one: Site, other: Site) -> float:
    """The great-circle distance, by the angle between two unit vectors on a sphere of 6371.0088 km.

    The server uses another formula; the tour checks it against this one.
    """
    cosine = sum(a * b for a, b in zip(_unit_vector(one), _unit_vector(other), strict=True))
    return 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))


def _unit_vector(site: Site) -> tuple[float, float, float]:
    latitude, longitude = math.radians(site.latitude_deg), math.radians(site.longitude_deg)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )

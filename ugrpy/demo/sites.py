"""Who plays in the tour: three sites, each with a loopback network, and where each network is said to be.

On Linux every address in 127.0.0.0/8 belongs to the machine, so a storage element can listen on 127.0.2.1 and a
client can really connect from 127.0.2.10; the generated GeoIP database does the rest.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network

GATEWAY_ADDRESS = "127.0.0.1"
"""Outside every site's network, so a browser on this machine is a client whose place is unknown."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place with a storage element and a client.

    ``name`` is the endpoint's name, ``country`` an ISO 3166 alpha-2 code, the position is in degrees.
    """

    name: str
    city: str
    country: str
    network: IPv4Network
    latitude_deg: float
    longitude_deg: float

    @property
    def storage_address(self) -> str:
        """Where the storage element listens."""
        return str(self.network[1])

    @property
    def client_address(self) -> str:
        """Where this site's client connects from."""
        return str(self.network[10])


VICTORIA = Site("victoria", "Victoria", "CA", IPv4Network("127.0.1.0/24"), 48.4284, -123.3656)
GENEVA = Site("geneva", "Geneva", "CH", IPv4Network("127.0.2.0/24"), 46.2044, 6.1432)
TOKYO = Site("tokyo", "Tokyo", "JP", IPv4Network("127.0.3.0/24"), 35.6762, 139.6503)

SITES = (VICTORIA, GENEVA, TOKYO)


def site_at(address: str) -> Site | None:
    """The site whose storage element listens on the address, if any."""
    return next((site for site in SITES if site.storage_address == address), None)


def distance_km(one: Site, other: Site) -> float:
    """The great-circle distance, by the angle between two unit vectors on a sphere of 6371.0088 km.

    The gateway uses another formula; the tour checks it against this one.
    """
    cosine = sum(a * b for a, b in zip(_unit_vector(one), _unit_vector(other), strict=True))
    return 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))


def nearest_first(client: Site, holders: Iterable[Site]) -> list[Site]:
    """The holders in the order in which the client should be sent to them."""
    return sorted(holders, key=lambda holder: distance_km(client, holder))


def _unit_vector(site: Site) -> tuple[float, float, float]:
    latitude, longitude = math.radians(site.latitude_deg), math.radians(site.longitude_deg)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )

"""The federation that macro benchmarks ask: where elements and clients are, and how the gateway is told."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from benchmarks.corpus import Corpus, lookup_path

# (latitude, longitude, country) of the elements, in the order of corpus members
SITES = (
    (48.46, -123.31, "CA"),
    (46.23, 6.05, "CH"),
    (25.04, 121.61, "TW"),
    (41.83, -88.25, "US"),
    (53.57, 9.88, "DE"),
    (-37.8, 144.96, "AU"),
    (51.57, -1.31, "GB"),
    (45.78, 4.87, "FR"),
)
# Client addresses by zone; 127.0.11.0/24 and so on are placed by the database we write.
ZONES: Mapping[str, tuple[float, float, str]] = {
    "127.0.11.1": (49.26, -123.25, "CA"),
    "127.0.12.1": (44.5, 11.33, "IT"),
    "127.0.13.1": (35.7, 139.7, "JP"),
}


def write_geoip(path: Path) -> None:
    """A city database that knows the networks of the zones."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City", languages=["en"]
    )
    for address, (latitude, longitude, country) in ZONES.items():
        writer.insert_network(
            IPSet([address.rpartition(".")[0] + ".0/24"]),
            {
                "location": {"latitude": latitude, "longitude": longitude},
                "country": {"iso_code": country},
            },
        )
    writer.to_db_file(str(path))


def settings(
    urls: Sequence[str], geoip: Path, **more: Mapping[str, object]
) -> dict[str, Mapping[str, object]]:
    """The gateway's configuration: element ``n`` is ``se<n>`` at site ``n``; answers stay cached for the whole run.

    ``more`` holds further tables (``federation``, ``service``).
    """
    return {
        "cache": {"ttl_s": 3600.0, "negative_ttl_s": 3600.0, "listing_ttl_s": 3600.0},
        "locality": {"geoip": [str(geoip)]},
        "endpoints": {
            f"se{number}": {"url": url, "location": list(SITES[number][:2])}
            for number, url in enumerate(urls)
        },
        **more,
    }


def nearest(zone: str, members: Sequence[int]) -> int:
    """Which member a client in ``zone`` must be sent to; the sites are too far apart for the fuzz to matter."""
    return min(members, key=lambda member: _km(ZONES[zone][:2], SITES[member][:2]))


def right_location(zone: str, corpus: Corpus, urls: Sequence[str], index: int) -> str:
    """Where a GET of look-up name ``index``, which exists, must lead."""
    return urls[nearest(zone, corpus.holders(index))] + lookup_path(index)


def _km(a: tuple[float, float], b: tuple[float, float]) -> float:
    # the spherical law of cosines: another formula than the code under test uses
    (lat_a, lon_a), (lat_b, lon_b) = (map(math.radians, point) for point in (a, b))
    cosine = math.sin(lat_a) * math.sin(lat_b)
    cosine += math.cos(lat_a) * math.cos(lat_b) * math.cos(lon_a - lon_b)
    return 6371 * math.acos(max(-1.0, min(1.0, cosine)))

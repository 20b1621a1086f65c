"""Where on Earth is a loopback address? A MaxMind city database that says so for the tour's networks."""

from collections.abc import Iterable
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from shoalpy.demo.sites import Site


def write_geoip(path: Path, sites: Iterable[Site]) -> None:
    """Write a GeoLite2-City shaped database that places each site's network at its city."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City", languages=["en"]
    )
    for site in sites:
        writer.insert_network(
            IPSet([str(site.network)]),
            {
                "city": {"names": {"en": site.city}},
                "country": {"iso_code": site.country},
                # floats: integers would come back as integers, which no real database does
                "location": {
                    "latitude": float(site.latitude_deg),
                    "longitude": float(site.longitude_deg),
                },
            },
        )
    writer.to_db_file(str(path))

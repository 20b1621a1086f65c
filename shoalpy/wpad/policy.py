"""What does the operator say of PAC scripts: ``[wpad]``, and the words of its lists?

::

    [[wpad.destinations]]
    name = "cvmfs"
    globs = ["*/cvmfs/*"]
    upstream = "cvmfs"

    [[wpad.hosts]]
    name = "lhchomeproxy.example.org"
    proxies = ["WLCG", "OVERLOAD=cvmfs;1000;15;60", "cvmfs=DIRECT", "b1.example.org", "DIRECT"]

A list is tried from its beginning, which may be ``WLCG``: what the caller's organisation offers, with ``WLCG+BACKUP`` followed by the backups of each
destination. If it offers nothing, and the organisation does not ask too often (``OVERLOAD=destination;requests;minutes;minutes blocked``), the rest
counts: ways for single destinations; ``NEAREST``, the caches tracked here; proxies, nearest first; ``DIRECT``. The name of a host
further up stands for its list. An empty list gives ``NONE``. ``shoalpy.wpad.rules`` is where these words are understood.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from shoalpy.model import Upstream
from shoalpy.pac import PacStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """A kind of URLs."""

    name: Annotated[
        str, Field(min_length=1, description="its alias, in lists here and in the files of sites")
    ]
    globs: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="shell patterns of URLs; the name of a destination further up stands for its patterns",
        ),
    ]
    upstream: Annotated[
        Upstream | None,
        Field(description="caches that must front this are the nearest ones for these URLs"),
    ] = None
    backups: Annotated[
        tuple[str, ...], Field(description="proxies to fall back to, host or host:port")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What is answered to those who ask for the script under one name of this server."""

    name: Annotated[str, Field(min_length=1, description='the name; "*" is any other')]
    proxies: Annotated[
        tuple[str, ...],
        Field(
            description="tried in this order: WLCG or WLCG+BACKUP, what the organisation of the caller offers; OVERLOAD=destination;requests;minutes;minutes blocked; destination=proxy;proxy; NEAREST; host:port; DIRECT"
        ),
    ]


@dataclass(frozen=True, slots=True)
class WpadPolicy:
    """PAC scripts for callers."""

    style: Annotated[
        PacStyle,
        Field(
            description='"wlcg": PROXY http://host:port, as CVMFS and Frontier have it; "standard": as browsers do'
        ),
    ] = PacStyle.WLCG
    count: Annotated[int, Field(ge=1, le=100, description="most nearest caches in a script")] = 10
    by_address: Annotated[
        bool, Field(description="name nearest caches by address instead of host name")
    ] = False
    hosts: Annotated[
        tuple[HostSettings, ...],
        Field(description="lists by the name that callers ask for; without any, nearest caches"),
    ] = ()
    destinations: Annotated[
        tuple[DestinationSettings, ...], Field(description="kinds of URLs that go their own ways")
    ] = ()
    overload_excludes: Annotated[
        tuple[str, ...], Field(description="organisations that may ask as often as they like")
    ] = ()
    rules_file: Annotated[
        str,
        Field(
            description="wlcgwpad.conf of a WLCG service with more hosts, destinations and excluded organisations; what is said here counts before it"
        ),
    ] = ""
    worker_proxies: Annotated[
        str, Field(description="file of squids that sites have registered: worker-proxies.json")
    ] = ""
    shoal_squids: Annotated[
        str, Field(description="file of squids that registered elsewhere: shoal-squids.json")
    ] = ""
    export_worker_proxies: Annotated[
        str, Field(description="file that registered squids are written to, for other servers")
    ] = ""
    export_shoal_squids: Annotated[
        str, Field(description="file that the caches tracked here are written to, likewise")
    ] = ""
    reload_s: Annotated[
        float, Field(gt=0, description="how often the files are read and written")
    ] = 300.0

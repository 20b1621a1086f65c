"""What is a copy, as it was asked for and as it is answered?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ugrpy.changing.uploads import Permit
from ugrpy.copying.relaying import Transfer
from ugrpy.federation import Replica
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import EndpointId
from ugrpy.webdav.copying import CopyRequest


@dataclass(frozen=True, slots=True)
class Job:
    """One third-party copy.

    ``path`` is the federated path of the end that is here, ``external`` what the client calls it. ``other`` is the federated path of
    the other end when that is here as well, else ``None``. ``passed`` goes to the other server, and holds secrets; ``headers`` are the
    request's own. ``permit`` holds the client's conditions on what a pull would replace.
    """

    path: str
    external: str
    zone: Zone
    asked: CopyRequest
    permit: Permit
    other: str | None = None
    passed: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Redirected:
    """The client is to ask there: that storage element carries it out."""

    replica: Replica


@dataclass(frozen=True, slots=True)
class Relayed:
    """It is carried out by this process; ``endpoint`` is the storage element at this end, as far as there is one yet."""

    transfer: Transfer
    endpoint: EndpointId | None = None


Answer = Redirected | Relayed

"""What can be set? The whole configuration as one frozen tree.

The areas declare their own settings (``CachePolicy`` and its like); the tables here extend them with what belongs
beside them in the file, so that ``[federation]`` *is* a ``FanoutPolicy`` and can be handed to whoever takes one.
Field names are the keys of the file; each carries its help, from which the reference page is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator

from ugrpy.announcing.settings import DowntimeSettings
from ugrpy.cache.entries import CachePolicy
from ugrpy.changing.ground import ChangeSettings
from ugrpy.config.values import (
    check_kind,
    check_mounts,
    check_probe,
    parse_mount,
    parse_prefix,
    parse_probe,
    parse_url,
)
from ugrpy.copying.settings import CopySettings
from ugrpy.core.listen import Listen
from ugrpy.endpoints.base import ProbePlan
from ugrpy.health.policy import HealthPolicy
from ugrpy.load.settings import LoadSettings
from ugrpy.locality.model import (
    MAX_WEIGHT,
    Network,
    NetworkPlace,
    PositionSetting,
    PreferenceRule,
)
from ugrpy.locality.rank import RankPolicy
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.paths import Mount
from ugrpy.recording.settings import RecordingSettings
from ugrpy.security.identity import Audience
from ugrpy.settings.schema import STRICT
from ugrpy.settings.serving import AdminAddress, ListenAddresses, ServingSettings
from ugrpy.settings.shape import TableName
from ugrpy.settings.values import NAME_PATTERN
from ugrpy.shared.settings import SharedSettings
from ugrpy.streaming import StreamingSettings
from ugrpy.summing.settings import SumSettings
from ugrpy.transport.options import TransportOptions

_LISTEN = Listen("127.0.0.1", 8080)
_ADMIN = Listen("127.0.0.1", 8081)


class Absence(StrEnum):
    """What a miss means while the endpoint is out of service."""

    NORMAL = "normal"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class ServiceSettings(ServingSettings):
    """``[service]``: the processes and their listeners."""

    listen: ListenAddresses = (_LISTEN,)
    admin: AdminAddress = _ADMIN
    workers: Annotated[int, Field(ge=1, le=512, description="processes that share the port")] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationSettings(FanoutPolicy):
    """``[federation]``: the namespace and how long a question may take."""

    prefixes: Annotated[
        tuple[Annotated[str, AfterValidator(parse_prefix)], ...],
        Field(
            description="paths under which clients see the federation; the longest match counts, by whole components"
        ),
    ] = ()
    new_prefix: Annotated[
        str, AfterValidator(parse_prefix), Field(description="what a matched prefix becomes")
    ] = "/"
    closed: Annotated[
        tuple[Annotated[str, AfterValidator(parse_prefix)], ...],
        Field(
            description="federated paths that nobody may read or list, with all below them, by whole components"
        ),
    ] = ()
    max_replicas: Annotated[
        int,
        Field(ge=0, description="most replicas named in metalinks and Link headers; 0 means all"),
    ] = 0
    max_list_items: Annotated[
        int,
        Field(
            ge=0,
            description="a collection with more items is not listed (403), its items can still be read by name; 0 means no such limit",
        ),
    ] = 0
    show_endpoints: Annotated[
        Audience,
        Field(
            description="who is told the names of the storage elements and what is wrong with them: public (everybody), authenticated (who has shown a credential) or admin (only the admin listener)"
        ),
    ] = Audience.PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesSettings(ChangeSettings):
    """``[changes]``: who may change what clients see, and how changes are followed up."""

    write_from: Annotated[
        tuple[Network, ...],
        Field(
            description="networks whose clients may upload, delete, move and copy, on endpoints that are writable; empty: nobody may"
        ),
    ] = ()
    state_dir: Annotated[
        Path | None,
        Field(
            description="folder on a local disk, for this gateway alone, where changes under way are written down; without it the one that systemd gives (StateDirectory=), else one below $XDG_STATE_HOME or ~/.local/state named after the first listen address"
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings(StreamingSettings):
    """``[streaming]``: for whom the gateway passes the bytes on itself."""

    paths: Annotated[
        tuple[Annotated[str, AfterValidator(parse_prefix)], ...],
        Field(
            description="federated paths that are streamed for everybody, with all below them, by whole components"
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalitySettings(RankPolicy):
    """``[locality]``: who is near whom."""

    geoip: Annotated[
        tuple[Path, ...],
        Field(description="GeoIP databases (.mmdb): city and autonomous system, either or both"),
    ] = ()
    networks: Annotated[
        tuple[NetworkPlace, ...], Field(description="networks placed by hand, before any database")
    ] = ()
    rules: Annotated[
        tuple[PreferenceRule, ...],
        Field(description="preferences that come before distance; the first matching rule counts"),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings(TransportOptions):
    """``[endpoints.NAME]``: one storage element. ``name`` is the table's name."""

    name: Annotated[
        str,
        TableName("endpoint", "what logs, metrics and headers call it"),
        Field(pattern=NAME_PATTERN),
    ]
    url: Annotated[
        str,
        AfterValidator(parse_url),
        Field(description="base URL: http, https, dav (= http) or davs (= https)"),
    ]
    kind: Annotated[
        str, AfterValidator(check_kind), Field(description="what it speaks: dav, http or memory")
    ] = "dav"
    mounts: Annotated[
        tuple[Annotated[Mount, PlainValidator(parse_mount)], ...],
        AfterValidator(check_mounts),
        Field(
            description='what it holds: "/federated = /on/the/endpoint", or only "/federated" when its root lies there'
        ),
    ] = (Mount("/", "/"),)
    location: Annotated[
        PositionSetting | None,
        Field(
            description="where it is: [latitude, longitude]; without it the GeoIP databases are asked"
        ),
    ] = None
    weight: Annotated[
        float,
        Field(
            ge=0,
            le=MAX_WEIGHT,
            description="its share of the clients among equally near endpoints; 0: only if no other",
        ),
    ] = 1.0
    readable: Annotated[bool, Field(description="clients may be sent there")] = True
    listable: Annotated[bool, Field(description="it is asked for the contents of collections")] = (
        True
    )
    stat_children: Annotated[
        bool,
        Field(
            description="files that its listings name without a size are asked about one by one, as far as the deadline allows"
        ),
    ] = False
    writable: Annotated[
        bool,
        Field(
            description="clients may change what is there, as far as `[changes]` lets them: it takes uploads, and deletions reach it"
        ),
    ] = False
    create_parents: Annotated[
        bool,
        Field(
            description="before a client is sent there to upload, collections missing above the name are made"
        ),
    ] = True
    third_party_copy: Annotated[
        bool,
        Field(
            description="it carries out third-party copies (COPY with Source, or with Destination elsewhere); otherwise the gateway passes the bytes on"
        ),
    ] = False
    checksums: Annotated[
        bool,
        Field(
            description="it is asked for the checksums of its files; a storage that has none to tell need not be"
        ),
    ] = True
    free_bytes: Annotated[
        int | None,
        Field(
            ge=0,
            description="room it has, when it does not say so itself (RFC 4331); what is uploaded is taken off while the gateway runs",
        ),
    ] = None
    absence: Annotated[
        Absence,
        Field(
            description="strict: while it is out of service a name found nowhere is 503, not 404"
        ),
    ] = Absence.NORMAL
    probe: Annotated[
        bool | str,
        AfterValidator(check_probe),
        Field(
            description='ask for signs of life while it is idle: true (in the way of its kind), false or "off", or "head", "options", "propfind" or "get:/path" with or without a path'
        ),
    ] = True
    probe_status: Annotated[
        tuple[Annotated[int, Field(ge=100, le=599)], ...],
        Field(
            description="statuses that are a sign of life when it is probed, besides 401 and 403; empty: all below 500, of a GET 200"
        ),
    ] = ()
    probe_bytes: Annotated[
        int | None,
        Field(ge=0, description="how many bytes a probe by GET has to bring"),
    ] = None
    downtime_names: Annotated[
        tuple[str, ...],
        Field(
            description='what calendars of downtimes call it, in place of the host of its url: a host, "host/service type", an OSG resource or resource group'
        ),
    ] = ()
    health: Annotated[
        HealthPolicy | None,
        Field(
            description="what differs for this endpoint from `[health]`, by the same keys: `[endpoints.NAME.health]`"
        ),
    ] = None
    """A whole policy once it is loaded; ``None`` when the endpoint has nothing of its own."""

    @property
    def probe_plan(self) -> ProbePlan | None:
        """How it is probed; ``None`` when it is not."""
        plan = parse_probe(self.probe, self.probe_status)
        return None if plan is None else replace(plan, size_bytes=self.probe_bytes)

    @property
    def transport(self) -> TransportOptions:
        """The connection's part alone."""
        return TransportOptions(
            **{part.name: getattr(self, part.name) for part in fields(TransportOptions)}
        )


@dataclass(frozen=True, slots=True)
class Tables:
    """The top of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    service: Annotated[ServiceSettings, Field(description="the processes and their listeners")] = (
        field(default_factory=ServiceSettings)
    )
    federation: Annotated[
        FederationSettings, Field(description="the namespace and how long a question may take")
    ] = field(default_factory=FederationSettings)
    cache: Annotated[
        CachePolicy, Field(description="how much each worker remembers, and for how long")
    ] = field(default_factory=CachePolicy)
    health: Annotated[
        HealthPolicy, Field(description="when an endpoint leaves service and when it comes back")
    ] = field(default_factory=HealthPolicy)
    load: Annotated[
        LoadSettings,
        Field(description="how much is done at a time, and how it is shared among client networks"),
    ] = field(default_factory=LoadSettings)
    downtimes: Annotated[
        DowntimeSettings,
        Field(description="calendars of downtimes, and what is done ahead of one"),
    ] = field(default_factory=DowntimeSettings)
    changes: Annotated[
        ChangesSettings,
        Field(description="who may change what clients see, and how changes are followed up"),
    ] = field(default_factory=ChangesSettings)
    streaming: Annotated[
        StreamSettings,
        Field(
            description="for whom the gateway passes the bytes on itself, instead of redirecting: nobody, unless one of the first three keys is set"
        ),
    ] = field(default_factory=StreamSettings)
    checksums: Annotated[
        SumSettings, Field(description="how checksums are come by that nobody has told yet")
    ] = field(default_factory=SumSettings)
    copy: Annotated[
        CopySettings, Field(description="copies between endpoints and other servers")
    ] = field(default_factory=CopySettings)
    recording: Annotated[
        RecordingSettings,
        Field(description="the flight recorder: what was decided, and why, on disk"),
    ] = field(default_factory=RecordingSettings)
    shared: Annotated[
        SharedSettings,
        Field(
            description="the store in which gateways and their workers share what they have learnt; nothing is shared unless `url` or `memcached` is set"
        ),
    ] = field(default_factory=SharedSettings)
    locality: Annotated[LocalitySettings, Field(description="who is near whom")] = field(
        default_factory=LocalitySettings
    )
    endpoints: Annotated[
        tuple[EndpointSettings, ...], Field(description="the storage elements, a table for each")
    ] = ()


@dataclass(frozen=True, slots=True)
class Configuration(Tables):
    """Everything that is set. Two are equal when they set the same, wherever it came from."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def origin(self, key: str) -> str:
        """Where a key was set: ``site.toml:12``, ``environment``, ``command line`` or ``default``.

        ``key`` is written as in ``cache.ttl_s``, ``endpoints.uvic.url`` or ``locality.rules[0].prefer``.
        """
        return self.origins.get(key, "default")

"""What can be set for the client; all of it has a default, and a file is needed only to change one.

``docs/reference/shoalpy-client-configuration.md`` is written from here (``python -m shoalpy.client.settings``).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from shoalpy.client.candidates import Grouping
from shoalpy.proxylist import parse_proxy_list
from shoalpy.targets import parse_cvmfs_url, parse_target_url
from ugrpy.core.errors import DataError
from ugrpy.settings import loading, reference
from ugrpy.settings.loading import NOTHING, Loaded
from ugrpy.settings.schema import STRICT, Schema

DEFAULT_FILE = Path("/etc/shoalpy/client.toml")
_STRATUM_ONES = (
    "cvmfs-stratum-one.cern.ch",
    "cernvmfs.gridpp.rl.ac.uk",
    "cvmfs.racf.bnl.gov",
    "cvmfs.fnal.gov",
)
_Port = Annotated[int, Field(ge=1, le=65535)]


def parse_default(text: str) -> str:
    """A list of proxies, or nothing; raises ``ValueError``."""
    try:
        return str(parse_proxy_list(text)) if text.strip() else ""
    except DataError as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``[client]``: whom to ask, what to test, and what to fall back on."""

    cvmfs_url: Annotated[
        str, Field(pattern="^https?://", description="what a shoal server is asked for CVMFS")
    ] = "http://shoal.heprc.uvic.ca/nearestcvmfs"
    frontier_url: Annotated[
        str, Field(pattern="^https?://", description="what it is asked for Frontier")
    ] = "http://shoal.heprc.uvic.ca/nearestconditions"
    server_timeout_s: Annotated[
        float, Field(gt=0, le=300, description="how long the server has to answer")
    ] = 10.0
    caches: Annotated[int, Field(ge=1, le=50, description="how many proxies to keep")] = 2
    default_proxies: Annotated[
        str,
        AfterValidator(parse_default),
        Field(
            description='proxies for when nothing better is found, written as CVMFS_HTTP_PROXY; "" takes those of default_local'
        ),
    ] = ""
    balance_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=10,
            description="proxies slower than the fastest by no more than this share of its time share the load with it",
        ),
    ] = 0.25
    balance_margin_s: Annotated[
        float, Field(ge=0, le=10, description="the same in seconds, in addition; both 0 for never")
    ] = 0.005
    default_local: Annotated[Path, Field(description="the file that says what CVMFS uses")] = Path(
        "/etc/cvmfs/default.local"
    )
    cvmfs_talk: Annotated[str, Field(min_length=1, description="the command that tells it")] = (
        "cvmfs_talk"
    )
    state_file: Annotated[
        str, Field(description='where the last list that was found is kept; "" for nowhere')
    ] = "/var/lib/shoalpy-client/client.json"
    pac_urls: Annotated[
        tuple[Annotated[str, Field(pattern="^(https?|file)://")], ...],
        Field(description='PAC files, the first that can be had is used; also for "auto"'),
    ] = ()

    @property
    def grouping(self) -> Grouping:
        """Which proxies share the load."""
        return Grouping(self.balance_ratio, self.balance_margin_s)


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """``[tests]``: how a proxy shows that it works."""

    cvmfs: Annotated[
        tuple[Annotated[str, AfterValidator(parse_cvmfs_url)], ...],
        Field(
            min_length=1,
            description="whitelists; one that comes through a proxy shows that it works",
        ),
    ] = tuple(f"http://{one}/cvmfs/atlas.cern.ch/.cvmfswhitelist" for one in _STRATUM_ONES)
    frontier: Annotated[
        tuple[Annotated[str, AfterValidator(parse_target_url)], ...],
        Field(min_length=1, description="pages of launchpads, the same for Frontier"),
    ] = ("http://frontier.cern.ch/atlr",)
    timeout_s: Annotated[float, Field(gt=0, le=60, description="how long a proxy has for each")] = (
        2.0
    )
    total_s: Annotated[
        float, Field(gt=0, le=300, description="how long all tests may take together")
    ] = 3.0


@dataclass(frozen=True, slots=True)
class LanSettings:
    """``[lan]``: caches that announce themselves in this network."""

    wait_s: Annotated[
        float,
        Field(ge=0, le=600, description="how long to wait for one; they speak once a minute"),
    ] = 65.0
    address: Annotated[str, Field(description="where to listen")] = "0.0.0.0"  # noqa: S104 - broadcasts are for all
    squid_port: Annotated[_Port, Field(description="where squids announce themselves")] = 50000
    cvmfs_port: Annotated[_Port, Field(description="where varnishes for CVMFS do")] = 50001
    frontier_port: Annotated[_Port, Field(description="where all other varnishes do")] = 50002
    secret_file: Annotated[
        Path | None,
        Field(description="a file with the secret that announcements must be signed with"),
    ] = None


@dataclass(frozen=True, slots=True)
class ClientTables:
    """The top of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    client: Annotated[
        ClientSettings, Field(description="whom to ask, what is written, and what to fall back on")
    ] = field(default_factory=ClientSettings)
    tests: Annotated[TrialSettings, Field(description="how a proxy shows that it works")] = field(
        default_factory=TrialSettings
    )
    lan: Annotated[
        LanSettings, Field(description="caches that announce themselves in this network")
    ] = field(default_factory=LanSettings)


CLIENT_SCHEMA = Schema(
    ClientTables,
    environment="SHOAL_CLIENT_",
    file_names=("client.default_local", "client.state_file", "lan.secret_file"),
)


def load_client(
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = NOTHING,
    environ: Mapping[str, str],
) -> Loaded[ClientTables]:
    """The settings of these files, or of the usual one if it is there. Raises ``InvalidConfiguration``."""
    if not files and DEFAULT_FILE.is_file():
        files = (DEFAULT_FILE,)
    return loading.load(CLIENT_SCHEMA, files, overrides=overrides, environ=environ)


PAGE = reference.Page(
    module="shoalpy.client.settings",
    title="Configuration of shoalpy client",
    file="client.toml",
    example=("client.caches", "3"),
    words={},
)

if __name__ == "__main__":
    sys.stdout.write(reference.render_reference(CLIENT_SCHEMA, PAGE))

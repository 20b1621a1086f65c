"""What can be set for the agent; a file is needed only to say whom to tell.

``docs/reference/shoalpy-agent-configuration.md`` is written from it (``python -m shoalpy.agent.settings``).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from shoalpy.agent.announce import AnnouncePolicy
from shoalpy.agent.mail import MailPolicy
from shoalpy.guard import PortRange
from shoalpy.intake.amqp import AmqpPolicy
from shoalpy.model import CacheType, Upstream
from shoalpy.verify import VerificationPolicy
from ugrpy.settings import loading, reference
from ugrpy.settings.loading import NOTHING, Loaded
from ugrpy.settings.schema import STRICT, Schema


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """``[agent]``: the cache, and whom to tell of it."""

    server: Annotated[
        str,
        Field(
            pattern="^(https?://[^/]+)?$",
            description="shoalpy server, http(s)://host:port: it is asked for our address, and told of the cache if there is a key",
        ),
    ] = ""
    key_file: Annotated[
        str, Field(description="file with the key that heartbeats to the server are signed with")
    ] = ""
    state_dir: Annotated[str, Field(description='where our identity is kept; "" for nowhere')] = (
        "/var/lib/shoalpy-agent"
    )
    interval_s: Annotated[
        float, Field(gt=0, le=3600, description="seconds between heartbeats, drawn within a tenth")
    ] = 30.0
    hostname: Annotated[str, Field(description="name of this machine; empty: its own")] = ""
    cache_type: Annotated[
        CacheType | None, Field(description="kind of cache, where it is not to be found out")
    ] = None
    cache_port: Annotated[int, Field(ge=0, le=65535, description="its port; 0 to find it out")] = 0
    upstream: Annotated[
        Upstream | None,
        Field(
            description="what it fronts; where it is not said, a squid fronts both, and the test of a varnish finds it out"
        ),
    ] = None
    public_ip: Annotated[str, Field(description="public address; empty to find it out")] = ""
    private_ip: Annotated[str, Field(description="private address; empty to find it out")] = ""
    external_ip: Annotated[
        str, Field(description="address of the NAT before it; empty to ask the server")
    ] = ""
    interface: Annotated[
        str, Field(description="network card; empty for that of the default route")
    ] = ""
    max_load_kbps: Annotated[
        float, Field(ge=0, description="kB/s it can send; 0 to go by the speed of the card")
    ] = 0.0
    test: Annotated[bool, Field(description="tell of the cache only while it works")] = True
    healthy_s: Annotated[
        float, Field(gt=0, description="seconds until one that works is tested again")
    ] = 21_600.0
    failing_s: Annotated[float, Field(gt=0, description="seconds until one that fails is")] = (
        1_800.0
    )
    proc_dir: Annotated[Path, Field(description="where the kernel's tables are")] = Path("/proc")
    sys_dir: Annotated[Path, Field(description="where those of the devices are")] = Path("/sys")


@dataclass(frozen=True, slots=True)
class AgentTables:
    """The top of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    agent: Annotated[AgentSettings, Field(description="the cache, and whom to tell of it")] = field(
        default_factory=AgentSettings
    )
    amqp: Annotated[AmqpPolicy, Field(description="the message broker, if there is one")] = field(
        default_factory=AmqpPolicy
    )
    verification: Annotated[
        VerificationPolicy, Field(description="what the cache is asked for in its test")
    ] = field(default_factory=VerificationPolicy)
    mail: Annotated[MailPolicy, Field(description="letters to the administrator")] = field(
        default_factory=MailPolicy
    )
    announce: Annotated[AnnouncePolicy, Field(description="broadcasts to the local network")] = (
        field(default_factory=AnnouncePolicy)
    )


AGENT_SCHEMA = Schema(
    AgentTables,
    environment="SHOALPY_AGENT_",
    file_names=(
        *("agent.key_file", "agent.state_dir", "announce.secret_file"),
        *("amqp.password_file", "amqp.ca_file", "amqp.cert_file", "amqp.key_file"),
    ),
)


def load_agent(
    files: Sequence[Path] = (),
    *,
    overrides: Mapping[str, object] = NOTHING,
    environ: Mapping[str, str],
) -> Loaded[AgentTables]:
    """The settings of these files; raises ``InvalidConfiguration``."""
    return loading.load(AGENT_SCHEMA, files, overrides=overrides, environ=environ)


PAGE = reference.Page(
    module="shoalpy.agent.settings",
    title="Configuration of shoalpy agent",
    file="agent.toml",
    example=("agent.cache_port", "3128"),
    words={PortRange: "port or range"},
    more=(
        "A `--config` that ends in `.conf` is a configuration of shoal's agent and read as such;"
        " its keys that have no use any more are passed over."
    ),
)

if __name__ == "__main__":
    sys.stdout.write(reference.render_reference(AGENT_SCHEMA, PAGE))

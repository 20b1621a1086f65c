"""What has the operator set, and where?

``load`` reads the sources and gives a ``Configuration``, a frozen tree; nothing below the command line imports this
package. Start reading at ``model`` (what can be set); ``loading`` says in which order sources count.
"""

from ugrpy.config.loading import load
from ugrpy.config.model import (
    Absence,
    Configuration,
    EndpointSettings,
    FederationSettings,
    LocalitySettings,
    ServiceSettings,
)
from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.settings.problems import InvalidConfiguration, Problem
from ugrpy.settings.serving import LogLevel

__all__ = [
    "Absence",
    "Configuration",
    "EndpointSettings",
    "FederationSettings",
    "InvalidConfiguration",
    "Listen",
    "LocalitySettings",
    "LogLevel",
    "Problem",
    "ServiceSettings",
    "UnixSocket",
    "load",
]

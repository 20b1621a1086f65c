"""Who carries a copy out? Pure.

Best a storage element itself, so that the bytes do not pass through here (row D89); otherwise the operator's script, if there is one for
this direction; otherwise this process.
"""

from collections.abc import Container, Iterable
from enum import StrEnum
from pathlib import Path

from ugrpy.copying.settings import CopySettings
from ugrpy.namespace.model import EndpointId
from ugrpy.webdav.copying import CopyMode


class How(StrEnum):
    """Who carries it out."""

    REDIRECTED = "redirected"
    SCRIPT = "script"
    STREAMED = "streamed"


def carrier(order: Iterable[EndpointId], able: Container[EndpointId]) -> EndpointId | None:
    """The best of the storage elements that carry out copies themselves."""
    return next((name for name in order if name in able), None)


def script_for(mode: CopyMode, settings: CopySettings) -> Path | None:
    """The operator's program for this direction."""
    return settings.push_script if mode is CopyMode.PUSH else settings.pull_script

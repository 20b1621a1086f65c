"""How much is recorded of what the gateway decides, and for how long does it stay?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """``[recording]``: the flight recorder."""

    enabled: Annotated[
        bool,
        Field(
            description="decisions are written to a ring of files, where there is a state folder (`changes.state_dir`) or `folder` is set"
        ),
    ] = True
    folder: Annotated[
        Path | None,
        Field(
            description="folder of the ring, for this gateway alone; without it `flights` in the state folder"
        ),
    ] = None
    max_bytes: Annotated[
        int,
        Field(
            ge=0,
            description="what the files of all workers may take together, the oldest goes first; 0 means that nothing is recorded",
        ),
    ] = 256 * MEGABYTE
    hits: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the redirects from memory that is recorded; everything else always is",
        ),
    ] = 1.0
    client_bits_v4: Annotated[
        int,
        Field(ge=0, le=32, description="so many bits are kept of an IPv4 client's address"),
    ] = 32
    client_bits_v6: Annotated[
        int,
        Field(ge=0, le=128, description="so many bits are kept of an IPv6 client's address"),
    ] = 128

    @property
    def is_on(self) -> bool:
        """Whether anything is to be recorded."""
        return self.enabled and self.max_bytes > 0

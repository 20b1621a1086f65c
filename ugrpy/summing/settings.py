"""What can an operator set about checksums?"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class SumSettings:
    """How checksums are come by that no storage tells, and how long what was learnt is of use."""

    command: Annotated[
        tuple[str, ...],
        Field(
            description='a program and its first arguments, asked when no storage tells the checksum; it is given the URL of a replica and the name of the algorithm, prints ">>>>> HASH value" and exits with 0'
        ),
    ] = ()
    compute: Annotated[
        bool,
        Field(
            description="the gateway reads a file and computes the checksum itself when neither a storage nor the command tells it"
        ),
    ] = False
    compare: Annotated[
        bool,
        Field(
            description="when the checksum of a file is asked for, its other replicas are asked as well, one after the other and nobody waiting, so that replicas that differ are found"
        ),
    ] = True
    timeout_s: Annotated[
        float,
        Field(gt=0, le=3600, description="most seconds that a client waits for a checksum"),
    ] = 120.0
    at_once: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="files read, or commands run, at the same time in each worker; comparing replicas is one more",
        ),
    ] = 2
    keep: Annotated[
        int,
        Field(
            gt=0,
            description="replicas whose checksums are kept; each takes some 500 bytes of every worker's memory",
        ),
    ] = 50_000

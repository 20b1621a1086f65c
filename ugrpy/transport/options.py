"""What an operator can set about the connections to one endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Limits for one endpoint. Each time-out is of its own kind, so that an error can say which one passed."""

    max_connections: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="most simultaneous questions to the endpoint, and as many changes, reads and uploads through the gateway besides; workers have equal shares of it, one each at least",
        ),
    ] = 64
    connect_timeout_s: Annotated[
        float,
        Field(gt=0, le=600, description="seconds to resolve the name, connect and finish TLS"),
    ] = 5.0
    first_byte_timeout_s: Annotated[
        float,
        Field(gt=0, le=600, description="seconds from the request to the head of the response"),
    ] = 15.0
    total_timeout_s: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds for a whole exchange, a big listing included"),
    ] = 60.0
    redirect_hosts: Annotated[
        tuple[str, ...],
        Field(
            description='hosts besides its own to which its redirects are followed when a name is looked up; ".example.org" means all below it'
        ),
    ] = ()
    verify_tls: Annotated[bool, Field(description="check the endpoint's certificate")] = True
    ca_file: Annotated[
        Path | None,
        Field(description="PEM file with the authorities to trust instead of the system's"),
    ] = None

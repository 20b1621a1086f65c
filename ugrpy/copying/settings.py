"""What an operator can set about third-party copies: the ``[copy]`` table of the configuration."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from ugrpy.locality import Network

_PATTERN = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def parse_partner(text: str) -> str:
    """A host, or ``*.example.org`` for all below it; in lower case."""
    if not _PATTERN.fullmatch(text):
        raise ValueError(f'expected a host or "*.example.org", got {text!r}')
    return text.lower()


def parse_header(text: str) -> str:
    """The name of a header."""
    if not _HEADER.fullmatch(text):
        raise ValueError(f"expected the name of a header, got {text!r}")
    return text


def parse_program(path: Path) -> Path:
    """Where a program is: no search path is looked through."""
    if not path.is_absolute():
        raise ValueError(f"expected an absolute path, got {str(path)!r}")
    return path


Program = Annotated[Path, AfterValidator(parse_program)]


@dataclass(frozen=True, slots=True)
class CopySettings:
    """Third-party copies."""

    partners: Annotated[
        tuple[Annotated[str, AfterValidator(parse_partner)], ...],
        Field(
            description='hosts that third-party copies may come from and go to, besides the endpoints; "*.example.org" means all below it; empty: any host'
        ),
    ] = ()
    partner_networks: Annotated[
        tuple[Network, ...],
        Field(
            description="networks of partners that the gateway itself may connect to although their addresses are private ones, and without TLS"
        ),
    ] = ()
    allow_http: Annotated[
        bool,
        Field(
            description="the gateway itself connects without TLS to partners outside partner_networks, too"
        ),
    ] = False
    ca_file: Annotated[
        Path | None,
        Field(
            description="PEM file with the authorities to trust for partners instead of the system's"
        ),
    ] = None
    max_connections: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="most copies that pass through the gateway at the same time, per worker; more are answered 503",
        ),
    ] = 32
    connect_timeout_s: Annotated[
        float,
        Field(
            gt=0, le=600, description="seconds to resolve a partner's name, connect and finish TLS"
        ),
    ] = 10.0
    first_byte_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="seconds that a partner has for the head of its answer, counted from when it has been sent everything",
        ),
    ] = 60.0
    idle_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=3600,
            description="a copy through the gateway in which nothing moves for so many seconds has failed; the whole may last as long as it takes",
        ),
    ] = 60.0
    push_script: Annotated[
        Program | None,
        Field(
            description="program that carries out pushes which no endpoint carries out itself, instead of the gateway"
        ),
    ] = None
    pull_script: Annotated[
        Program | None,
        Field(
            description="program that carries out pulls which no endpoint carries out itself, instead of the gateway"
        ),
    ] = None
    use_replica_url: Annotated[
        bool,
        Field(
            description="the script of a pull is given the URL at the endpoint that was chosen for it, instead of the path here, to which it would have to upload"
        ),
    ] = False
    header_parameters: Annotated[
        tuple[Annotated[str, AfterValidator(parse_header)], ...],
        Field(
            description="headers of the request that scripts are given as further arguments, in this order; an empty one for a header that did not come"
        ),
    ] = ()

"""What an operator can set about load: how much at once, for how long one waits, and what counts as one network."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

# Of all places so many more are for networks that have less than an equal share.
RESERVE_SHARE = 0.25
# A network that may ask so often in a second may do so for as many seconds in one go, unless the operator says otherwise.
BURST_S = 10.0


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """``[load]``: what each worker does at a time, and how it is shared."""

    max_at_work: Annotated[
        int,
        Field(
            ge=1,
            description="most requests of each worker for which endpoints are at work at a time, redirects of remembered names not counted; the others wait for their turn. A quarter more is for networks with less than an equal share",
        ),
    ] = 512
    max_waiting: Annotated[
        int,
        Field(
            ge=0,
            description="most requests that wait, for each worker; beyond them the network with most of them waiting is answered 429",
        ),
    ] = 20_000
    max_wait_s: Annotated[
        float,
        Field(
            gt=0, le=600, description="seconds that a request waits for its turn before it is 429"
        ),
    ] = 30.0
    network_at_work: Annotated[
        int,
        Field(
            ge=0,
            description="most requests at work for one client network, though there be room; 0: no such limit",
        ),
    ] = 0
    network_waiting: Annotated[
        int,
        Field(ge=0, description="most requests that wait for one client network; 0: no such limit"),
    ] = 0
    network_rate: Annotated[
        float,
        Field(
            ge=0,
            description="requests a second, redirects of remembered names not counted, that one client network may make of each worker; 0: no such limit",
        ),
    ] = 0.0
    network_burst: Annotated[
        int,
        Field(
            ge=0,
            description="how many it may make at once after a pause; 0: what it may make in 10 seconds",
        ),
    ] = 0
    network_bits_v4: Annotated[
        int,
        Field(
            ge=8,
            le=32,
            description="IPv4 addresses with so many bits in common are one client network",
        ),
    ] = 24
    network_bits_v6: Annotated[
        int,
        Field(
            ge=16, le=128, description="the same for IPv6: a site has 48 or 56, a local network 64"
        ),
    ] = 56
    endpoint_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="most of all that may be at work that one of several endpoints may keep waiting; beyond it, it counts as busy",
        ),
    ] = 0.9
    silent_endpoint_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="the same of an endpoint that answers nothing for `silent_after_s`",
        ),
    ] = 0.25
    silent_after_s: Annotated[
        float,
        Field(
            gt=0,
            le=600,
            description="seconds without any answer, while it is being asked, that make an endpoint silent",
        ),
    ] = 5.0

    @property
    def reserve(self) -> int:
        """The places that are for networks with less than an equal share."""
        return int(self.max_at_work * RESERVE_SHARE)

    @property
    def burst(self) -> float:
        """How many requests a network may make at once."""
        return self.network_burst or self.network_rate * BURST_S

"""When does an endpoint leave service, and when does it come back? What the operator can set."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """The ``[health]`` table of the configuration, for all endpoints; ``[endpoints.NAME.health]`` differs for one.

    The defaults are a breaker's. Other habits are a matter of numbers: ``eject_after = 1`` and ``return_after = 10`` make the
    quarantine of DynaFed (out at the first time-out, back after ten stable intervals: reference rows D122 and D123);
    ``eject_after = 0`` with ``probe = false`` is an endpoint that is always used (D126).
    """

    eject_after: Annotated[
        int,
        Field(
            ge=0,
            description="Failures in a row that take an endpoint out of service; a missing connection counts "
            "twice; 0 means never.",
        ),
    ] = 3
    probe_interval_s: Annotated[
        float,
        Field(gt=0, description="Seconds of silence after which an endpoint is probed."),
    ] = 10.0
    return_after: Annotated[
        int,
        Field(
            ge=1,
            description="Intervals in a row, each ended by a good probe, after which an endpoint is back.",
        ),
    ] = 2
    max_latency_s: Annotated[
        float,
        Field(gt=0, description="Seconds; a probe answered later than this counts as failed."),
    ] = 10.0
    slow_after: Annotated[
        int,
        Field(
            ge=1,
            description="Times in a row that clients were answered without waiting for an endpoint, after "
            "which it is not waited for at all until it is prompt again.",
        ),
    ] = 3
    slow_start_s: Annotated[
        float,
        Field(
            ge=0,
            description="seconds over which the share of an endpoint that has returned grows to its full size, among equally near ones; 0: at once",
        ),
    ] = 30.0
    max_ejected_percent: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="of all endpoints no more are out for their failures at one time, but one always may be: where more fail, this gateway's own network may be the likelier cause, and clients are sent to endpoints that it cannot reach itself; 100: nobody is ever sent to one that is known to fail; counts in `[health]` only",
        ),
    ] = 100

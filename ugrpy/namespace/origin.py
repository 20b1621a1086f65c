"""Where does an answer come from, and how long is it good?

What is known of a name carries the origin it had when it was put together: the endpoints, which were asked for it; a
store that gateways share; or the last known state, from before a restart or from before everything was cut off. That an
answer was then recalled from this worker's memory only the one who recalled it knows, and ``told`` says both in one word.
"""

from enum import StrEnum


class Origin(StrEnum):
    """Where an answer comes from. The values are what clients are told."""

    ENDPOINTS = "endpoints"
    """They were asked for this very answer, or others were asking them the same already."""
    MEMORY = "memory"
    """This worker remembered it."""
    SHARED = "shared"
    """The store that gateways share had it."""
    LAST_KNOWN = "last-known"
    """What was known last, and nobody can confirm by now: stale, and said to be so."""


def told(origin: Origin, *, recalled: bool) -> Origin:
    """The origin of an answer as a client is told it. ``recalled``: this worker's memory had it.

    What is stale stays stale, wherever it was kept in between.
    """
    return Origin.MEMORY if recalled and origin is not Origin.LAST_KNOWN else origin

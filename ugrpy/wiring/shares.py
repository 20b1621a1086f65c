"""How many requests at a time may one worker put to an endpoint, so that all of them together keep its limit? Pure.

Each has a share of its own for good, the first of them one more where the limit does not divide. Lending shares out would use a limit better while
clients crowd on one worker; but a share that nobody else may use cannot be lost with a worker that is killed, and needs no word between them
on the way of any request.
"""

from dataclasses import replace

from ugrpy.config import Configuration


def share_of(limit: int, workers: int, index: int) -> int:
    """The share of one worker; one at least, or it could not serve anybody."""
    return max(1, limit // workers + (index < limit % workers))


def of_worker(config: Configuration, index: int) -> Configuration:
    """The configuration as one of its workers keeps it."""
    workers = config.service.workers
    endpoints = tuple(
        replace(one, max_connections=share_of(one.max_connections, workers, index))
        for one in config.endpoints
    )
    return replace(config, endpoints=endpoints)


def too_few(config: Configuration) -> dict[str, int]:
    """The endpoints whose limit cannot be kept, since there are more workers, each with its limit."""
    workers = config.service.workers
    return {
        one.name: one.max_connections for one in config.endpoints if one.max_connections < workers
    }

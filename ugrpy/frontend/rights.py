"""May this client do that to that name? Asked once for the request's own path by the gateway, and here for every other name it is about."""

from collections.abc import Callable

from ugrpy.core.errors import Forbidden
from ugrpy.frontend.exchange import Exchange
from ugrpy.security.authz import Operation, Policy

Demand = Callable[[Exchange, Operation, str], None]
"""Raises ``Forbidden`` unless the client of the exchange may do that to the federated path."""


def demanding(policy: Policy) -> Demand:
    """What asks this policy."""

    def demand(exchange: Exchange, operation: Operation, path: str) -> None:
        decision = policy.authorise(exchange.identity, operation, path)
        if not decision.allowed:
            raise Forbidden(f"{exchange.external}: {decision.reason} (rule {decision.rule})")

    return demand

"""Which kinds of endpoint there are, and how one is made. A kind is imported only when it is used."""

import difflib
from importlib import import_module
from typing import Protocol, cast

from ugrpy.core.errors import ConfigError
from ugrpy.endpoints.base import Endpoint
from ugrpy.namespace.model import EndpointId
from ugrpy.transport.options import TransportOptions

KINDS: dict[str, str] = {
    "dav": "ugrpy.endpoints.dav:DavEndpoint",
    "http": "ugrpy.endpoints.plainhttp:PlainHttpEndpoint",
    "memory": "ugrpy.endpoints.memory:MemoryEndpoint",
}


class EndpointClass(Protocol):
    """How every kind is made: inside the running loop that will use it."""

    def __call__(self, name: EndpointId, base_url: str, options: TransportOptions) -> Endpoint:
        """Make the endpoint; no I/O happens before the first question."""
        ...


def endpoint_class(kind: str) -> EndpointClass:
    """The class of a kind. Raises ``ConfigError`` with the nearest name for an unknown one."""
    try:
        module, _, name = KINDS[kind].partition(":")
    except KeyError:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known kinds: {', '.join(sorted(KINDS))}"
        raise ConfigError(f"unknown endpoint kind {kind!r}; {hint}", hint=hint) from None
    return cast("EndpointClass", getattr(import_module(module), name))


def make_endpoint(
    kind: str, name: EndpointId, base_url: str, options: TransportOptions
) -> Endpoint:
    """An endpoint of that kind."""
    return endpoint_class(kind)(name, base_url, options)

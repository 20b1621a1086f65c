"""Which kinds are there, and what is said of one that is not?"""

import subprocess
import sys

import pytest

from ugrpy.core.errors import ConfigError
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.endpoints.memory import MemoryEndpoint
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.endpoints.registry import KINDS, endpoint_class, make_endpoint
from ugrpy.namespace.model import EndpointId
from ugrpy.transport.options import TransportOptions


@pytest.mark.parametrize(
    ("kind", "made"),
    [("dav", DavEndpoint), ("http", PlainHttpEndpoint), ("memory", MemoryEndpoint)],
)
async def test_every_kind_can_be_made(kind, made):
    endpoint = make_endpoint(kind, EndpointId("uvic"), "http://se.example/x/", TransportOptions())
    assert type(endpoint) is made
    assert (endpoint.id, endpoint.base_url) == ("uvic", "http://se.example/x")
    await endpoint.close()


def test_no_kind_is_left_out_above():
    assert set(KINDS) == {"dav", "http", "memory"}


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("davs", "did you mean 'dav'?"),
        ("htpp", "did you mean 'http'?"),
        ("Memory", "did you mean 'memory'?"),
        ("gopher", "known kinds: dav, http, memory"),
        ("", "known kinds: dav, http, memory"),
    ],
)
def test_an_unknown_kind_is_told_the_nearest(kind, hint):
    with pytest.raises(ConfigError) as caught:
        endpoint_class(kind)
    assert str(caught.value) == f"unknown endpoint kind {kind!r}; {hint}"
    assert caught.value.hint == hint


def test_a_kind_is_imported_only_when_it_is_used():
    code = (
        "import sys; from ugrpy.endpoints.registry import endpoint_class; "
        "endpoint_class('memory'); "
        "print('ugrpy.endpoints.memory' in sys.modules, 'ugrpy.endpoints.dav' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True False\n"

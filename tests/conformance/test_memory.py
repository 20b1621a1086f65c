"""The endpoint in memory keeps the contract."""

import pytest

from tests.conformance.changing_suite import Changes, ChangingSuite
from tests.conformance.corpus import TREE
from tests.conformance.endpoint_suite import EndpointSuite, Expectations
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.completing import CompletingEndpoint
from ugrpy.endpoints.memory import MemoryEndpoint
from ugrpy.namespace.model import EndpointId, Entry, Kind
from ugrpy.namespace.paths import name_of


class TestMemory(EndpointSuite):
    expects = Expectations(probe_status=None)

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        return full_tree()


class TestMemoryChanges(ChangingSuite):
    changes = Changes(digests=frozenset({"adler32", "md5"}), tells_space=True)

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        return MemoryEndpoint(EndpointId("conformance"), capacity_bytes=10_000_000)


class TestCompletingChanges(TestMemoryChanges):
    """What completes listings passes changes on."""

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        inner = MemoryEndpoint(EndpointId("conformance"), capacity_bytes=10_000_000)
        return CompletingEndpoint(inner, at_once=3, within_s=20)


def full_tree() -> MemoryEndpoint:
    """An endpoint in memory that holds the corpus."""
    endpoint = MemoryEndpoint(EndpointId("conformance"))
    for path, node in TREE.files.items():
        entry = Entry(name_of(path), Kind.FILE, len(node.content), node.mtime_s)
        endpoint.put(path, entry)
    for path in ("/empty", "/nested/empty too"):
        endpoint.put(path, Entry(name_of(path), Kind.COLLECTION))
    return endpoint


class TestCompleting(TestMemory):
    """What completes listings keeps the contract of what it completes."""

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        return CompletingEndpoint(full_tree(), at_once=3, within_s=20)

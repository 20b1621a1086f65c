"""The kinds that speak HTTP keep the contract over our own storage element."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.corpus import TREE
from tests.conformance.endpoint_suite import Expectations
from tests.conformance.http_suite import HttpSuite
from ugrpy.testing import Faults, StorageElement

pytestmark = pytest.mark.functional


class OverStorageElement(HttpSuite):
    faults = Faults()

    @pytest.fixture
    async def origin(self) -> AsyncIterator[str]:
        async with StorageElement(TREE) as element:
            element.faults = self.faults
            yield element.base_url


class TestDav(OverStorageElement):
    kind = "dav"


class TestDavWithAbsoluteHrefs(OverStorageElement):
    faults = Faults(absolute_hrefs=True)


class TestPlainHttp(OverStorageElement):
    kind = "http"
    expects = Expectations(lists=False, tells_collections=False, probe_status=200)
    faults = Faults(no_dav=True)

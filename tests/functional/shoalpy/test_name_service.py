"""Addresses asked of a name server over UDP."""

from ipaddress import ip_address

import pytest

from shoalpy.geoapi_lookup import NameService
from tests.functional.shoalpy.naming import NameServer

pytestmark = pytest.mark.functional


@pytest.fixture
def names():
    with NameServer() as server:
        server.names["a.example"] = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
        yield server


@pytest.fixture
async def service(names):
    service = NameService((names.where,))
    yield service
    await service.close()


async def test_all_addresses_of_a_name(service):
    found = await service.addresses("a.example")
    assert set(found) == set(map(ip_address, ("192.0.2.1", "192.0.2.2", "2001:db8::1")))


@pytest.mark.parametrize("name", ["none.example", "a..example", 64 * "x" + ".example", "."])
async def test_what_has_none(service, name):
    assert await service.addresses(name) == []


async def test_search_domains_do_not_count(service, names):
    await service.addresses("none.example")
    assert set(names.asked) == {"none.example"}


async def test_a_server_in_trouble_says_nothing(service, names):
    names.broken.add("broken.example")
    with pytest.raises(OSError, match=r"addresses of broken\.example"):
        await service.addresses("broken.example")


async def test_a_server_that_is_not_there():
    service = NameService(("127.0.0.1:9",))
    with pytest.raises(OSError, match=r"addresses of a\.example"):
        await service.addresses("a.example")
    await service.close()


async def test_a_name_server_given_with_ipv6():
    service = NameService(("[::1]:9",))
    with pytest.raises(OSError, match=r"addresses of a\.example"):
        await service.addresses("a.example")
    await service.close()

"""What the tree in memory does beyond the contract: how it is filled."""

from ugrpy.endpoints.memory import MemoryEndpoint
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind


async def test_parents_come_into_being_with_a_file():
    endpoint = MemoryEndpoint(EndpointId("uvic"))
    endpoint.put_files([("/a/b/f", 3), ("/a/g", 0)])
    assert await endpoint.stat("/a/b") == Found(Entry("b", Kind.COLLECTION))
    assert await endpoint.stat("/a/b/f") == Found(Entry("f", Kind.FILE, 3))
    assert repr(endpoint) == "MemoryEndpoint(uvic, 5 names)"


async def test_a_name_can_be_replaced():
    endpoint = MemoryEndpoint(EndpointId("uvic"), "http://se.example/")
    dated = Entry("a", Kind.COLLECTION, mtime_s=7)
    endpoint.put("/a", dated)
    endpoint.put("/a/f", Entry("f", Kind.FILE, 1))
    endpoint.put("/a/f", Entry("f", Kind.FILE, 2))
    assert await endpoint.stat("/a") == Found(dated)
    assert await endpoint.stat("/a/f") == Found(Entry("f", Kind.FILE, 2))
    assert await endpoint.stat("/a/f/x") == Absent()
    assert endpoint.url("/a b") == "http://se.example/a%20b"

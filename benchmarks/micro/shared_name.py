"""What does it cost to write a name of two replicas as it is shared, and to read it again? ``size`` names, each written and read once."""

from benchmarks.timing import Work
from ugrpy.federation.codec import decode_name, encode_name
from ugrpy.federation.known import KnownName
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import Digest, EndpointId, Entry, Found, Kind

WALL_S, MONOTONIC_S = 1_795_365_733.0, 5000.0
_REPLICAS = (EndpointId("uvic"), EndpointId("cern"))


def prepare(seed: int, size: int) -> Work:
    """As the gateway does it once after the endpoints were asked, and once when another worker asks."""
    names = [_name(seed + number) for number in range(size)]

    def run() -> list[KnownName]:
        read: list[KnownName] = []
        for known in names:
            data = encode_name(known, WALL_S, MONOTONIC_S)
            assert data is not None
            read.append(decode_name(data, WALL_S, MONOTONIC_S))
        return read

    def check(read: object) -> None:
        assert isinstance(read, list)
        assert [one.merged for one in read] == [one.merged for one in names]

    return Work(run, size, check)


def _name(number: int) -> KnownName:
    path = f"/atlas/rucio/data18_13TeV/{number % 97:02x}/{number % 89:02x}/DAOD.{number:08}._000001.pool.root.1"
    digests = (Digest("adler32", f"{number:08x}"),)
    entry = Entry(path.rpartition("/")[2], Kind.FILE, 10**9 + number, 1_700_000_000, digests)
    knowledge = {name: Sighting(Found(entry), MONOTONIC_S) for name in _REPLICAS}
    return KnownName(path, summarise(knowledge), knowledge, frozenset(), {}, MONOTONIC_S)

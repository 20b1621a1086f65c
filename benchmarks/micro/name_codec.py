"""What does it cost to write a name of two replicas as bytes and to read it back? ``size`` names, both ways."""

from benchmarks.macro.memory_per_name import known_name
from benchmarks.timing import Work
from ugrpy.federation.codec import decode_name, encode_name
from ugrpy.federation.known import KnownName

NOW_S = 5000.0


def prepare(seed: int, size: int) -> Work:
    """``encode_name`` and ``decode_name`` for each name."""
    names = [known_name(seed * 1_000_003 + number) for number in range(size)]

    def run() -> list[KnownName]:
        written = [encode_name(known, NOW_S, NOW_S) for known in names]
        return [decode_name(data, NOW_S, NOW_S) for data in written if data is not None]

    def check(read: object) -> None:
        assert read == names

    return Work(run, size, check)

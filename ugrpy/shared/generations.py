"""Is what was remembered of a name still true, as far as the shared store knows?

Each path belongs to one of ``BUCKETS`` buckets, and each bucket has a number in the store, its generation. A change of a name takes the numbers of its bucket
and of its collection's bucket out of the store; who finds none puts a new one there, drawn by lot from so many that no number
ever comes twice. So a number that is still the same says that nothing in the bucket was changed meanwhile, and one that was lost
(evicted, restarted) can only make us ask once more. A change of everything below a collection does the same to the one number that belongs to all
(``EPOCH_KEY``); a generation is the pair of both.

When what counts (all times are this process's own):

- A number counts from the moment the question for it was *sent*: it was current then or later.
- What endpoints were asked *after* a number had *arrived* belongs to that number; the change that would make it wrong comes later and changes the
  number. What they were asked before may have been answered before the change, and the number drawn after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

BUCKETS = 16384
EPOCH_KEY = "e"
LONG_AGO_S = float("-inf")

Generation: TypeAlias = tuple[int, int]
"""The number of all, and that of the bucket."""


def bucket_of(path: str) -> int:
    """The bucket of a path, the same in every process."""
    return crc32(path.encode("utf-8", "surrogatepass")) & (BUCKETS - 1)


def bucket_key(number: int) -> str:
    """Where the number of a bucket is kept."""
    return f"g{number:x}"


def parse_number(value: bytes | None) -> int | None:
    """A number of the store; ``None`` for one that is not there, or is garbage."""
    return int(value) if value is not None and len(value) < 20 and value.isdigit() else None


def render_number(number: int) -> bytes:
    """As it is kept."""
    return b"%d" % number


@dataclass(slots=True)
class Bucket:
    """What this process knows of one bucket.

    ``since_s`` is when the generation arrived for the first time, ``confirmed_s`` when it was asked for the last time that it was still the same.
    """

    number: int
    generation: Generation | None = None
    since_s: float = LONG_AGO_S
    confirmed_s: float = LONG_AGO_S

    def heard(self, generation: Generation, sent_s: float, arrived_s: float) -> None:
        """The store has told the generation. What was asked before the last answer we have is no news."""
        if sent_s < self.confirmed_s:
            return
        if generation != self.generation:
            self.generation = generation
            self.since_s = arrived_s
        self.confirmed_s = sent_s

    def doubt(self) -> None:
        """It is to be asked for anew before anything in it is believed."""
        self.confirmed_s = LONG_AGO_S


def keys_of(buckets: Iterable[Bucket]) -> list[str]:
    """What is read to know their generations."""
    return [EPOCH_KEY, *(bucket_key(bucket.number) for bucket in buckets)]

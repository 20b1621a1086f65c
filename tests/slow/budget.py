"""How long does a fuzz target go on, and from which seed?

``UGRPY_FUZZ_S`` seconds for each target, 20 unless told otherwise. ``UGRPY_FUZZ_SEED`` begins a run as an earlier one began;
without it every run goes elsewhere, and a failure names the seed.
"""

import os
import random
import time
from collections.abc import Iterator

FUZZ_S = float(os.environ.get("UGRPY_FUZZ_S", "20"))
SEED = int(os.environ.get("UGRPY_FUZZ_SEED", str(random.randrange(2**32))))
# the last round may have just begun when the time is up
TIMEOUT_S = FUZZ_S + 180


def rounds() -> Iterator[random.Random]:
    """A source of chance for each round until the time is up, and at least one."""
    ends = time.monotonic() + FUZZ_S
    number = 0
    print(f"UGRPY_FUZZ_SEED={SEED}")
    while number == 0 or time.monotonic() < ends:
        yield random.Random(f"{SEED} {number}")
        number += 1

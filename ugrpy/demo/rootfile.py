"""A small ROOT file with a known answer: invariant masses around the Z boson's.

The values come from a hash of their number, so every machine and every library version draws the same ones. The file's
bytes are not that stable (ROOT keys carry the time of writing), so it is written once and copied to its holders.
"""

import hashlib
import math
import uuid
from pathlib import Path
from statistics import NormalDist

import numpy as np
import uproot

TREE = "dimuons"
EVENTS = 4000
Z_BOSON = NormalDist(mu=91.1876, sigma=2.4952)  # GeV; a bell is close enough to the real shape here


def masses_gev() -> list[float]:
    """The generated masses, in order of the event number."""
    return [Z_BOSON.inv_cdf(_fraction(event)) for event in range(EVENTS)]


def write_root_file(path: Path) -> None:
    """Write one TTree with the branches ``event`` (int64) and ``mass`` (float64, GeV)."""
    # the default is a fresh UUID of this machine's address and clock
    fixed = uuid.uuid5(uuid.NAMESPACE_URL, "ugrpy-demo")
    with uproot.recreate(path, uuid_function=lambda: fixed) as file:
        file[TREE] = {
            "event": np.arange(EVENTS, dtype=np.int64),
            "mass": np.array(masses_gev(), dtype=np.float64),
        }


def mean_mass_gev(url: str) -> float:
    """Open the file at an HTTP URL the way an analysis does, and average the branch.

    Raises whatever uproot and its HTTP client raise.
    """
    with uproot.open(url) as file:
        values = file[TREE]["mass"].array(library="np")
    return math.fsum(float(value) for value in values) / len(values)


def _fraction(number: int) -> float:
    """A number strictly between 0 and 1 that looks drawn and always is the same."""
    digest = hashlib.blake2b(b"event %d" % number, digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64

"""Which file is on which storage element, and what is in it.

The table below is the truth the tour checks every answer against. Contents follow from the path alone, modification
times are fixed, so two runs lay out the same namespace.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ugrpy.demo.rootfile import write_root_file
from ugrpy.demo.sites import GENEVA, SITES, TOKYO, VICTORIA, Site

MTIME_S = 1_715_940_000
"""2024-05-17 10:00:00 UTC, for every file and collection."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One file: its federated path, its holders, its size. ``None`` means the ROOT file, whose size is not ours to choose."""

    path: str
    holders: tuple[Site, ...]
    size_bytes: int | None


EVERYWHERE = "/conditions/geometry.txt"
ROOT_FILE = "/physics/dimuons.root"
DEEP = "/archive/2024/05/17/raw/detector.log"
SHARED = "/runs/run-0002.dat"
ONLY_VICTORIA = "/runs/run-0101.dat"
ONLY_GENEVA = "/runs/run-0102.dat"
ONLY_TOKYO = "/runs/run-0103.dat"
ODD = "/odd names"

PLAN = (
    Planned("/README.txt", SITES, 180),
    Planned(EVERYWHERE, SITES, 4_096),
    Planned(ROOT_FILE, SITES, None),
    Planned("/runs/run-0001.dat", (VICTORIA, GENEVA), 65_536),
    Planned(SHARED, (GENEVA, TOKYO), 65_537),
    Planned("/runs/run-0003.dat", (VICTORIA, TOKYO), 65_538),
    Planned(ONLY_VICTORIA, (VICTORIA,), 20_001),
    Planned(ONLY_GENEVA, (GENEVA,), 20_002),
    Planned(ONLY_TOKYO, (TOKYO,), 20_003),
    Planned(DEEP, (GENEVA, TOKYO), 1_234),
    Planned("/archive/2024/05/18/raw/detector.log", (VICTORIA,), 1_235),
    Planned("/archive/empty.dat", SITES, 0),
    Planned(f"{ODD}/two  spaces.txt", (VICTORIA, TOKYO), 64),
    Planned(f"{ODD}/100% sure?.txt", (GENEVA,), 65),
    Planned(f"{ODD}/a&b;c=d+e.txt", (VICTORIA,), 66),
    Planned(f"{ODD}/#hash [1] {{x}}.txt", (TOKYO,), 67),
    Planned(f"{ODD}/12:30 \"now\" 'n' <then>.txt", (GENEVA, TOKYO), 68),
    Planned(f"{ODD}/Žluťoučký kůň – 東京.txt", SITES, 69),
    Planned(f"{ODD}/%2F is not a slash.txt", (VICTORIA, GENEVA), 70),
    Planned(f"{ODD}/~.hidden..txt", (TOKYO,), 71),
)


def paths_on(site: Site) -> frozenset[str]:
    """Every file path the site's storage element holds."""
    return frozenset(planned.path for planned in PLAN if site in planned.holders)


def collections_of(paths: Iterable[str]) -> frozenset[str]:
    """Every collection above the paths, the root included, without trailing slashes."""
    return frozenset(str(parent) for path in paths for parent in PurePosixPath(path).parents)


def children_of(collection: str) -> dict[str, bool]:
    """What the merged listing of a collection must hold: name -> whether it is a collection."""
    inner = collections_of(planned.path for planned in PLAN)
    names = [*(planned.path for planned in PLAN), *inner]
    parent = PurePosixPath(collection)
    return {
        PurePosixPath(name).name: name in inner
        for name in names
        if name != "/" and PurePosixPath(name).parent == parent
    }


def planned_at(path: str) -> Planned:
    """The row of the table for a path; ``KeyError`` when there is none."""
    return {planned.path: planned for planned in PLAN}[path]


def content_of(path: str, size_bytes: int) -> bytes:
    """The bytes of a planned file: the same for the same path, different for different paths.

    ``.dat`` is noise, so a byte served from the wrong place shows; everything else is text that names its path.
    """
    if path.endswith(".dat"):
        return hashlib.shake_256(path.encode()).digest(size_bytes)
    line = f"This is {path} and nothing else.\n".encode()
    return (line * (size_bytes // len(line) + 1))[:size_bytes]


def lay_out(root: Path) -> None:
    """Create ``root/SITE`` for each site and fill it as the table says. ``root`` must exist."""
    template = root / "dimuons.root"
    write_root_file(template)
    for planned in PLAN:
        for site in planned.holders:
            target = root / site.name / planned.path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if planned.size_bytes is None:
                shutil.copyfile(template, target)
            else:
                target.write_bytes(content_of(planned.path, planned.size_bytes))
    template.unlink()
    for site in SITES:
        for name in _names_below(root / site.name):
            os.utime(name, (MTIME_S, MTIME_S))


def _names_below(top: Path) -> Iterator[Path]:
    """Everything below, children before their parents, so that setting a time is not undone by the next."""
    for folder, _, files in os.walk(top, topdown=False):
        yield from (Path(folder, file) for file in files)
        yield Path(folder)

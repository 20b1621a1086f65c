"""Servers for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.shoalpy.shoal import Shoal, ShoalStarter


@pytest.fixture(scope="module")
def start_shoal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShoalStarter]:
    """Starts servers: ``start_shoal("[ranking]\\n…")``."""
    folder: Path = tmp_path_factory.mktemp("shoalpy")
    with ShoalStarter(folder) as starter:
        yield starter


@pytest.fixture(scope="module")
def shoal(start_shoal: ShoalStarter) -> Shoal:
    """One server for the module, without verification."""
    return start_shoal()

"""The satellites import locality for a distance: it must not bring a network stack along."""

import os
import subprocess
import sys

import pytest

import ugrpy.locality

HEAVY = ("aiohttp", "asyncio", "socket", "ssl", "logging", "maxminddb", "geoip2")


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [("ugrpy.locality", HEAVY), ("ugrpy.locality.geodb", ("aiohttp", "asyncio"))],
)
def test_a_fresh_interpreter_stays_light(module, forbidden):
    code = f"import sys, {module}; print(*(name for name in {forbidden!r} if name in sys.modules))"
    # coverage, when it measures subprocesses, brings modules of its own along
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=bare,
    )
    assert done.stdout.split() == []


def test_every_public_name_exists():
    for name in ugrpy.locality.__all__:
        assert hasattr(ugrpy.locality, name)

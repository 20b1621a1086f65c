"""What the package offers, and that the clock does not bring a server in."""

import subprocess
import sys

import pytest

import ugrpy.testing


def test_everything_promised_is_there():
    assert all(getattr(ugrpy.testing, name) is not None for name in ugrpy.testing.__all__)


def test_anything_else_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Fake'"):
        ugrpy.testing.__getattr__("Fake")


def test_the_clock_is_light():
    code = (
        "import sys; from ugrpy.testing import FakeClock; FakeClock(); "
        "sys.exit('aiohttp' in sys.modules or 'asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

"""Where an answer comes from, in one word."""

import pytest

from ugrpy.namespace.origin import Origin, told


@pytest.mark.parametrize(
    ("origin", "recalled", "expected"),
    [
        (Origin.ENDPOINTS, False, Origin.ENDPOINTS),
        (Origin.ENDPOINTS, True, Origin.MEMORY),
        (Origin.SHARED, False, Origin.SHARED),
        (Origin.SHARED, True, Origin.MEMORY),
        (Origin.LAST_KNOWN, False, Origin.LAST_KNOWN),
        (Origin.LAST_KNOWN, True, Origin.LAST_KNOWN),
    ],
)
def test_what_is_recalled_is_memory_unless_it_is_stale(
    origin: Origin, recalled: bool, expected: Origin
) -> None:
    """Stale stays stale."""
    assert told(origin, recalled=recalled) is expected

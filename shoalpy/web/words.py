"""What verification says of a cache, in words for people, whoever shows it."""

from shoalpy.model import Cache, Health

_MESSAGES = {
    Health.PENDING: "Not verified yet.",
    Health.OFF: "Verification is switched off.",
    Health.FAILED: "Error during verification.",
    Health.PASSED: "All systems OK!",
}


def message_of(cache: Cache) -> str:
    """The last word, or the usual one."""
    return cache.verification.message or _MESSAGES[cache.verification.health]

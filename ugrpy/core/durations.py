"""How is a length of time told to people?"""


def phrase_duration(seconds: float) -> str:
    """A length of time as people say it: ``0 s``, ``12 s``, ``5 min``, ``3 h``, ``2 d``; rounded down."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 2 * 3600:
        return f"{whole // 60} min"
    if whole < 2 * 86400:
        return f"{whole // 3600} h"
    return f"{whole // 86400} d"

"""Which real programs took part in the benchmark of this process? Whoever starts one says so here, never the benchmark."""

_taking_part: dict[str, str] = {}


def note(name: str, version: str) -> None:
    """A program of this name and version was started."""
    _taking_part[name] = version


def noted() -> dict[str, str]:
    """Name to version, sorted by name."""
    return dict(sorted(_taking_part.items()))

"""One benchmark in a process of its own: ``python -m benchmarks.one NAME SEED REPEAT SECONDS`` prints its result as JSON, with
the real programs that took part (``peers``).

A benchmark that cannot run or answers wrongly prints ``{"error": ...}`` and ends with status 1.
"""

import json
import signal
import sys
from types import FrameType

from benchmarks import programs
from benchmarks.catalogue import catalogue
from benchmarks.model import Settings, WrongAnswer
from benchmarks.topology import CannotRun


def main(arguments: list[str]) -> int:
    """Run it; the exit status."""
    name, seed, repeat, seconds = arguments
    signal.signal(signal.SIGTERM, _leave)
    settings = Settings(int(seed), int(repeat), float(seconds))
    try:
        result = catalogue()[name].load()(settings)
    except (WrongAnswer, CannotRun) as error:
        json.dump({"error": f"{type(error).__name__}: {error}"}, sys.stdout)
        return 1
    json.dump(result.as_json() | {"peers": programs.noted()}, sys.stdout)
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    # as an exception, so that the servers of the topology are stopped on the way out
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

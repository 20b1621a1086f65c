"""What every test runs under: both event loops, no blocking calls of ours, no lost task failures, Hypothesis' profile."""

import asyncio
import gc
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import uvloop
from blockbuster import blockbuster_ctx

pytest_plugins = ["tests.parity.plugin", "tests.peers.fixtures"]

# The packages whose frames may not block the loop. Test code may: it opens files and loads certificates.
OURS = ["ugrpy", "shoalpy", "glintpy", "schedpy"]
# These run on both loops; the others open sockets and run where production runs, on uvloop.
BOTH_LOOPS = ("unit", "properties", "conformance")

hypothesis.settings.register_profile("local", deadline=None, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")

_loop_errors: list[dict[str, Any]] = []


def _watched(
    make: Callable[[], asyncio.AbstractEventLoop],
) -> Callable[[], asyncio.AbstractEventLoop]:
    """A loop factory whose loops hand over what nobody awaited, instead of only logging it."""

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.set_exception_handler(lambda _loop, context: _loop_errors.append(context))
        return loop

    return new_loop


_ASYNCIO = _watched(asyncio.new_event_loop)
_UVLOOP = _watched(uvloop.new_event_loop)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Quick tests run once on each loop, the others on uvloop alone."""
    tests = config.rootpath / "tests"
    area = Path(item.path).relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
    return {"asyncio": _ASYNCIO, "uvloop": _UVLOOP} if area in BOTH_LOOPS else {"uvloop": _UVLOOP}


def pytest_collection_finish() -> None:
    """Put what is loaded now out of the collector's sight, so that collecting after each async test is cheap."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _earlier_files_out_of_sight() -> None:
    """The same for what earlier files loaded and left for the session: after 600 tests collecting took 56 ms, and 3 in the beginning."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def loop_errors(request: pytest.FixtureRequest) -> Iterator[list[dict[str, Any]]]:
    """Fails a test when a task or callback failed with nobody listening; a test may inspect and clear the list."""
    _loop_errors.clear()
    yield _loop_errors
    if not _is_async(request):
        return
    gc.collect()  # a dropped task speaks when it is collected, and should in the test that dropped it
    seen = [f"{error.get('message')}: {error.get('exception')!r}" for error in _loop_errors]
    _loop_errors.clear()
    if seen:
        pytest.fail("nobody heard of this:\n" + "\n".join(seen), pytrace=False)


@pytest.fixture(autouse=True)
def _no_blocking(request: pytest.FixtureRequest) -> Iterator[None]:
    """In async tests a blocking call with one of our frames on the stack raises ``BlockingError``."""
    if not _is_async(request):
        yield
        return
    with blockbuster_ctx(OURS):
        yield


def _is_async(request: pytest.FixtureRequest) -> bool:
    # Hypothesis wraps the coroutine function in a plain one and keeps it as the inner test
    test = getattr(request.node, "obj", None)
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", test)
    return inspect.iscoroutinefunction(inner)

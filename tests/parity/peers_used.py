"""Which real programs took part while a test ran?

Whoever starts a server or calls a client says so by ``record(name, version)``; the author of a test never does. What is
recorded while a fixture is set up belongs to that fixture and to every test that requests it, directly or not; what is
recorded otherwise belongs to the test that is running.
"""

from collections.abc import Iterable


class PeerTracker:
    """Keeps the books; the plugin tells it when fixtures and tests begin and end."""

    def __init__(self) -> None:
        self._setting_up: list[str] = []
        self._by_fixture: dict[str, dict[str, str]] = {}
        self._by_test: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<PeerTracker in {self._setting_up}, fixtures {self._by_fixture}, test {self._by_test}>"

    def record(self, name: str, version: str) -> None:
        """A real program takes part: started by the innermost fixture being set up, else used by the test."""
        if self._setting_up:
            self._by_fixture[self._setting_up[-1]][name] = version
        else:
            self._by_test[name] = version

    def begin_fixture(self, fixture: str) -> None:
        """A fixture is being set up anew; what an earlier one of that name recorded is forgotten."""
        self._setting_up.append(fixture)
        self._by_fixture[fixture] = {}

    def end_fixture(self) -> None:
        """The innermost set-up is over; a fixture that asked for another one while set up inherits its programs."""
        inner = self._setting_up.pop()
        if self._setting_up:
            self._by_fixture[self._setting_up[-1]].update(self._by_fixture[inner])

    def begin_test(self) -> None:
        """Forget what the previous test called."""
        self._by_test = {}

    def of_test(self, fixtures: Iterable[str]) -> dict[str, str]:
        """Name to version for the running test, which requested these fixtures; sorted by name."""
        used = dict(self._by_test)
        for fixture in fixtures:
            used.update(self._by_fixture.get(fixture, {}))
        return dict(sorted(used.items()))


tracker = PeerTracker()
record = tracker.record

"""pacparser: the library with which CVMFS and Frontier clients evaluate PAC scripts. Debian's own Python calls it, in a process for each question."""

import functools
import json
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.parity import peers_used

_PYTHON = "/usr/bin/python3"
_PACKAGE = "python3-pacparser"
_TIMEOUT_S = 60

# a script at a time, since a parser that is given a second one keeps what the first defined
_PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pacparser
question = json.load(sys.stdin)
answers = []
for script, urls in question:
    pacparser.init()
    try:
        pacparser.parse_pac_string(script)
        answers.append([pacparser.find_proxy(url, host) for url, host in urls])
    except Exception as error:
        answers.append(None)
    finally:
        pacparser.cleanup()
print(json.dumps(answers))
"""


@functools.cache
def _version() -> str | None:
    """That of the package, since the library does not say."""
    try:
        subprocess.run(
            [_PYTHON, "-W", "ignore", "-c", "import pacparser"],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        done = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", _PACKAGE],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.partition("-")[0]


@dataclass(frozen=True, slots=True)
class PacParser:
    """Evaluates scripts as those clients do."""

    version: str

    def answers(
        self, scripts: Sequence[str], url: str = "http://x.example/", host: str = ""
    ) -> list[str | None]:
        """What each script returns for one URL; ``None`` for a script that is refused."""
        found = self._ask([(script, [(url, host or _host(url))]) for script in scripts])
        return [None if one is None else one[0] for one in found]

    def answer(self, script: str, url: str = "http://x.example/") -> str:
        """What the script returns."""
        (found,) = self.answers([script], url)
        assert found is not None, f"pacparser refuses this script:\n{script}"
        return found

    def counts(self, script: str, times: int, url: str = "http://x.example/") -> Counter[str]:
        """How often it returns what, when it is asked so many times."""
        (found,) = self._ask([(script, [(url, _host(url))] * times)])
        assert found is not None
        return Counter(found)

    def _ask(
        self, question: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    ) -> list[list[str] | None]:
        done = subprocess.run(
            [_PYTHON, "-W", "ignore", "-c", _PROGRAM],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        peers_used.record("pacparser", self.version)
        found: list[list[str] | None] = json.loads(done.stdout)
        return found


def require_pacparser() -> PacParser:
    """pacparser, or the end of the test: a skip here, a failure with ``CI=true``."""
    version = _version()
    if version is not None:
        return PacParser(version)
    message = f"pacparser is not installed: apt-get install --no-install-recommends {_PACKAGE}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0]

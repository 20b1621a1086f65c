"""What did litmus find? Its output, test by test.

    -> running `basic':
     2. options............... WARNING: server does not claim Class 2 compliance
        ...................... pass (with 1 warning)
     3. put_get............... pass
     6. propset............... FAIL (PROPPATCH on `/litmus/prop': ...: 403 Forbidden
     7. propget............... SKIPPED

What it shows while a test runs ends in a carriage return and is not looked at; a reason may go on in further lines.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What came of one test."""

    PASS = "pass"
    WARNING = "warning"
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Found:
    """One test of a suite. ``words`` are those of litmus, its first line."""

    suite: str
    number: int
    name: str
    verdict: Verdict
    words: str = ""


_SUITE = re.compile(r"-> running `(?P<suite>\w+)':")
_TEST = re.compile(
    r" ?(?P<number>\d+)\. (?P<name>\w+)\.* (?P<verdict>pass|FAIL|SKIPPED|WARNING)(?P<rest>.*)"
)
_WORDS = re.compile(r"^[:( ]*(?P<words>.*?)\)?$")


def parse_litmus(text: str) -> list[Found]:
    """The tests in the order in which they ran."""
    found: list[Found] = []
    suite = ""
    for line in text.replace("\r", "\n").splitlines():
        if (begun := _SUITE.match(line)) is not None:
            suite = begun["suite"]
        elif (match := _TEST.match(line)) is not None:
            verdict = Verdict(match["verdict"].replace("WARNING", "warning"))
            words = _WORDS.match(match["rest"].strip())
            told = "" if words is None or verdict is Verdict.PASS else words["words"]
            found.append(Found(suite, int(match["number"]), match["name"], verdict, told))
    return found


def deviations(found: Iterable[Found]) -> list[Found]:
    """Those that did not simply pass."""
    return [one for one in found if one.verdict is not Verdict.PASS]

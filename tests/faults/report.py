"""``python -m tests.faults.report > docs/reliability.md``: the table of faults as the last run left it.

``check_page`` is what the tests hold the page to: it has every fault, verb and dialect that is tried now, and no wrong
answer. The counts are those of the run that wrote it; they are not compared, since timing may turn an honest answer into a
right one.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from tests.faults.cases import VERB_WORDS, VERBS, cases_of, fronts
from tests.faults.catalogue import FAMILIES, TROUBLES, Effect, Trouble
from tests.faults.oracle import Verdict
from tests.faults.records import RECORDS, Key, load
from tests.faults.test_table import DEADLINE_S, LIMIT_S
from ugrpy.testing.dialects import DIALECTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"

_INTRODUCTION = """\
# Reliability

<!-- written by `make reliability`; change tests/faults/catalogue.py and run it again -->

What a client is told while a storage element misbehaves. Every fault below is done to a storage element under a running
gateway, with every way to read, in every dialect, in three kinds of company: alone, beside a healthy storage element that
holds the same name, and beside one that does not. An oracle that knows the case, and nothing of the gateway, judges each answer.

- **right**: the whole truth.
- **honest**: an answer that admits what it does not know: 502, 503 or 504 naming the storage element in trouble, 403 where
  it refuses, or what the others know with `Proxy-Status` naming the one that is missing.
- **wrong**: all else. "Not found" for trouble, a part that passes for the whole, a wrong size, a client sent to a replica
  that nobody vouches for, an answer too late or none, 500; and an apology where the truth was to be had.

The gateway waits {deadline_s:g} s at most; after {limit_s:g} s an answer counts as wrong, a bound that leaves room for a busy machine. The same
cases run in virtual time, where each answer has to come at the very moment it is due. After each family of faults, the failures
that operators see have grown for the storage elements in trouble and for no other.
"""

_CELLS = """\
## Faults

In the tables below each cell is right / honest. A fault that only a body can show is not tried with the plain server, which is
asked by HEAD; and that one cannot list, so a listing with it is honest at best.
"""

_LIMITS = """\
## What cannot be noticed

- A lie that nobody contradicts. Sizes that are wrong are tried against two storage elements that tell the truth; one word against
  one proves nothing, and is shown as a conflict.
- A lie told before anybody else has spoken. HEAD and PROPFIND of one name are answered at the first word, so the lies above come
  {late_s:g} s late.
- A redirect within one host to a page that answers 200, such as a page to log in: object stores do the same for good reasons.
- Wrong bytes under the right size. A client reads them from the storage element itself; checksums tell.

## Run it

`make reliability` tries all of it and writes this page. `pytest tests/faults` tries it as part of the tests, which hold this page to
the list of faults and to no wrong answer. A fault is a line in `tests/faults/catalogue.py`.

Beside the table, `tests/faults` shows that names of healthy storage elements are answered at once while another one has any of these
faults, and that floods without end leave the gateway small and others served.
"""


def render(counts: Counter[Key]) -> str:
    """The page."""
    late_s = max(t.faults.delay_s for t in TROUBLES if t.effect is Effect.LIES)
    parts = [
        _INTRODUCTION.format(deadline_s=DEADLINE_S, limit_s=LIMIT_S),
        _totals(counts),
        _dialects(counts),
    ]
    parts.append(_CELLS)
    for family in FAMILIES:
        parts.append(f"### {family.name.capitalize()}\n")
        parts.append(_family_head())
        parts.extend(_row(trouble, counts) for trouble in family.troubles)
        parts.append("")
    parts.append(_LIMITS.format(late_s=late_s))
    return "\n".join(parts)


def _totals(counts: Counter[Key]) -> str:
    said = _by_verdict(counts)
    lines = [
        "## Totals\n",
        f"{len(TROUBLES)} faults, {len(VERBS)} ways to read, {len(DIALECTS)} dialects.\n",
        "| cases tried | right | honest | wrong |",
        "|---:|---:|---:|---:|",
        f"| {sum(said.values())} | {said['right']} | {said['honest']} | {said['wrong']} |",
    ]
    return "\n".join(lines) + "\n"


def _dialects(counts: Counter[Key]) -> str:
    """Right / honest / wrong for each dialect and verb; what never gets to speak a dialect is in the last line."""
    names = [dialect.name for dialect in DIALECTS]
    lines = [
        "## Dialects\n",
        "Each cell is right / honest / wrong.\n",
        "| dialect | " + " | ".join(VERB_WORDS[verb.id] for verb in VERBS) + " |",
        "|---|" + "---:|" * len(VERBS),
    ]
    for name in [*names, "none (trouble at the door)"]:
        cells = [
            _cell(Counter({k: n for k, n in counts.items() if k[1] == verb.id and _is(k[2], name)}))
            for verb in VERBS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _is(front: str, dialect: str) -> bool:
    names = {one.name for one in DIALECTS}
    return front == dialect if dialect in names else front not in names


def _family_head() -> str:
    verbs = " | ".join(VERB_WORDS[verb.id] for verb in VERBS)
    return f"| fault | what happens | dialects | {verbs} | wrong |\n|---|---|---:|" + "---:|" * (
        len(VERBS) + 1
    )


def _row(trouble: Trouble, counts: Counter[Key]) -> str:
    mine = Counter({key: count for key, count in counts.items() if key[0] == trouble.id})
    cells = [
        _short(Counter({key: count for key, count in mine.items() if key[1] == verb.id}))
        for verb in VERBS
    ]
    wrong = _by_verdict(mine)["wrong"]
    words = trouble.words.replace("|", "\\|")
    return f"| `{trouble.id}` | {words} | {len(fronts(trouble))} | {' | '.join(cells)} | {wrong} |"


def _by_verdict(counts: Counter[Key]) -> Counter[str]:
    said: Counter[str] = Counter({verdict.value: 0 for verdict in Verdict})
    for (*_, verdict), count in counts.items():
        said[verdict] += count
    return said


def _cell(counts: Counter[Key]) -> str:
    said = _by_verdict(counts)
    return f"{said['right']} / {said['honest']} / {said['wrong']}"


def _short(counts: Counter[Key]) -> str:
    said = _by_verdict(counts)
    return f"{said['right']} / {said['honest']}"


_ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (\d+) \|.*\| (\d+) \|$", re.MULTILINE)


def check_page(page: str) -> list[str]:
    """What is wrong with a page, as far as it can be seen without a run."""
    rows = {name: (words, int(wide), int(wrong)) for name, words, wide, wrong in _ROW.findall(page)}
    now = {
        trouble.id: (trouble.words.replace("|", "\\|"), len(fronts(trouble)), 0)
        for trouble in TROUBLES
    }
    found = [
        f"{name}: {rows.get(name)} instead of {now[name]}"
        for name in now
        if rows.get(name) != now[name]
    ]
    found += [f"{name} is not tried any more" for name in rows if name not in now]
    wanted = [VERB_WORDS[verb.id] for verb in VERBS] + [dialect.name for dialect in DIALECTS]
    found += [f"{word} is not on the page" for word in wanted if f"| {word} |" not in page]
    tried = re.search(r"^\| (\d+) \| \d+ \| \d+ \| (\d+) \|$", page, re.MULTILINE)
    total = sum(1 for trouble in TROUBLES for _case in cases_of(trouble))
    if tried is None or int(tried[1]) != total or int(tried[2]) != 0:
        found.append(f"the totals are not those of {total} cases without a wrong answer")
    return found


def main() -> None:
    """Write the page to standard output. Exits when the records are not those of a whole run."""
    counts = load(ROOT / RECORDS)
    current = {trouble.id for trouble in TROUBLES}
    counts = Counter({key: count for key, count in counts.items() if key[0] in current})
    page = render(counts)
    if wrong := check_page(page):
        sys.exit("reliability: run tests/faults/test_table.py first\n" + "\n".join(wrong[:20]))
    sys.stdout.write(page)


if __name__ == "__main__":
    main()

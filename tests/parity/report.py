"""How do people and programs read the verdicts?"""

import json
from collections import Counter
from collections.abc import Mapping

from tests.parity.rows import CHECKLISTS, Row
from tests.parity.status import Status, Verdict

_INTRODUCTION = """\
# Parity

Each row is one criterion of the reference checklists. A row passes when every test that claims it passed in the last
run and the real programs it needs were used while they ran. Tests never assert speed: a row about it names a figure of a benchmark and a bound, and
passes when the newest result kept in `benchmarks/results` holds that figure and meets the bound. This page and
`parity.json` are written by `make parity` from `tests/rows.toml`, the last test run and those results; do not edit them.
"""


def render_json(verdicts: Mapping[str, Verdict]) -> str:
    """``{"rows": {id: {"status", "tests", "peers", "missing"}}}``, in the order given; ``figures`` where a benchmark is part of the proof."""
    rows = {
        row_id: {
            "status": verdict.status.value,
            "tests": list(verdict.tests),
            "peers": list(verdict.peers),
            "missing": verdict.missing,
        }
        | ({"figures": list(verdict.figures)} if verdict.figures else {})
        for row_id, verdict in verdicts.items()
    }
    return json.dumps({"rows": rows}, indent=1, ensure_ascii=False) + "\n"


def render_markdown(rows: Mapping[str, Row], verdicts: Mapping[str, Verdict]) -> str:
    """Totals first, then one table for each checklist."""
    parts = [_INTRODUCTION, _totals(rows, verdicts)]
    for prefix, title in CHECKLISTS.items():
        mine = [row for row in rows.values() if row.checklist == prefix]
        if not mine:
            continue
        parts.append(f"## {title}\n")
        parts.append("| row | criterion | status | proof | missing |\n|---|---|---|---|---|")
        parts.extend(_line(row, verdicts[row.id]) for row in mine)
        parts.append("")
    return "\n".join(parts)


def count(verdicts: Mapping[str, Verdict]) -> dict[Status, int]:
    """How many rows have each status; every status is present."""
    counted = Counter(verdict.status for verdict in verdicts.values())
    return {status: counted[status] for status in Status}


def _totals(rows: Mapping[str, Row], verdicts: Mapping[str, Verdict]) -> str:
    lines = [
        "| checklist | rows | pass | partial | fail | open |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for prefix, title in CHECKLISTS.items():
        mine = {row.id: verdicts[row.id] for row in rows.values() if row.checklist == prefix}
        if mine:
            lines.append(_total(title, mine))
    lines.append(_total("**all**", verdicts))
    return "\n".join(lines) + "\n"


def _total(title: str, verdicts: Mapping[str, Verdict]) -> str:
    numbers = " | ".join(str(number) for number in count(verdicts).values())
    return f"| {title} | {len(verdicts)} | {numbers} |"


def _line(row: Row, verdict: Verdict) -> str:
    proof = [f"`{test.removeprefix('tests/')}`" for test in verdict.tests]
    proof += [_cell(figure) for figure in verdict.figures]
    if verdict.peers:
        proof.append("with " + ", ".join(verdict.peers))
    missing = verdict.missing
    if row.needs and verdict.status is Status.OPEN and not missing.startswith("not used"):
        missing += "; needs " + ", ".join(sorted(row.needs))
    cells = (row.id, _cell(row.text), verdict.status.value, "<br>".join(proof), _cell(missing))
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """Text that cannot break out of its table cell."""
    escaped = text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return " ".join(escaped.split())

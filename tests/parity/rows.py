"""What are the rows, and in which order are they shown?"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.parity.bounds import Bound, parse_bound

ROWS_FILE = Path(__file__).resolve().parents[1] / "rows.toml"

# prefix of an id -> title of its checklist, in the order of the report
CHECKLISTS: Mapping[str, str] = {
    "D": "DynaFed",
    "K": "Clients",
    "M": "Moonshots",
    "S": "Shoal",
    "GD": "Glint: image distribution",
    "GO": "Glint: image optimisation and contextualisation",
    "GU": "Glint: UI, CLI and API",
    "CJ": "Cloud Scheduler: jobs and matching",
    "CL": "Cloud Scheduler: VM lifecycle",
    "CK": "Cloud Scheduler: clouds",
    "CP": "Cloud Scheduler: policy",
    "CM": "Cloud Scheduler: monitoring and diagnostics",
    "CR": "Cloud Scheduler: persistence and recovery",
    "CX": "Cloud Scheduler: UI, CLI and API",
}
_ID = re.compile(r"([A-Z]+)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion. ``needs`` names the real programs that its proof must have used, ``measured`` what benchmarks must have found."""

    id: str
    text: str
    needs: frozenset[str] = frozenset()
    measured: tuple[Bound, ...] = ()

    @property
    def checklist(self) -> str:
        """The letters of the id, a key of ``CHECKLISTS``."""
        return split_id(self.id)[0]


def split_id(row_id: str) -> tuple[str, int]:
    """``"D25"`` as ``("D", 25)``. Raises ``ValueError`` for anything not made like an id."""
    match = _ID.fullmatch(row_id)
    if match is None or match[1] not in CHECKLISTS:
        raise ValueError(f"{row_id!r} is not the id of a checklist row")
    return match[1], int(match[2])


def parse_rows(toml: str) -> dict[str, Row]:
    """The rows of a ``rows.toml`` text in the order of the report. Raises ``ValueError`` for a bad one."""
    rows = []
    for row_id, table in tomllib.loads(toml).items():
        if not isinstance(table, dict) or not table.keys() <= {"text", "needs", "measured"}:
            raise ValueError(f"{row_id}: a row has text, needs and measured, nothing else")
        bounds = tuple(parse_bound(row_id, bound) for bound in table.get("measured", ()))
        rows.append(Row(row_id, str(table["text"]), frozenset(table.get("needs", ())), bounds))
    order = list(CHECKLISTS)
    rows.sort(key=lambda row: (order.index(row.checklist), split_id(row.id)[1]))
    return {row.id: row for row in rows}


def load_rows() -> dict[str, Row]:
    """The project's rows."""
    return parse_rows(ROWS_FILE.read_text(encoding="utf-8"))

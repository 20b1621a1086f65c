"""How is a result shown to people? A few aligned lines; every figure as median with minimum and maximum."""

from collections.abc import Iterator, Mapping
from typing import Any

_COLUMNS = (
    ("rate", "requests/s"),
    ("cpu_us", "CPU us/request"),
    ("p50_us", "p50 us"),
    ("p99_us", "p99 us"),
    ("busy", "server cores"),
    ("load_busy", "load cores"),
    ("other_busy", "other cores"),
    ("peak_rss_mb", "peak MB"),
    ("first_ms", "first byte ms"),
    ("total_ms", "total ms"),
    ("cpu_ms", "CPU ms"),
    ("mb_per_s", "MB/s"),
    ("growth_mb", "growth MB"),
    ("body_mb", "body MB"),
    ("ns", "ns/operation"),
)


def lines(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    """The result of ``Result.as_json`` as text."""
    yield f"== {name}"
    if error := result.get("error"):
        yield f"   FAILED: {error}"
        return
    used = [
        column
        for column in _COLUMNS
        if any(column[0] in cells for cells in result["subjects"].values())
    ]
    rows = [["", *(title for _, title in used)]]
    for subject, cells in result["subjects"].items():
        rows.append([subject, *(_spread(cells.get(key)) for key, _ in used)])
    yield from _aligned(rows)
    for pair, cells in result["ratios"].items():
        yield f"   {pair}: " + ", ".join(f"{_spread(s)} by {m}" for m, s in cells.items())
    for subject, statuses in result["statuses"].items():
        counts = " ".join(f"{status}:{count}" for status, count in statuses.items())
        yield f"   {subject} answered {counts}, all as they should be"
    for check in result["checks"]:
        verdict = "holds  " if check["holds"] else "MISSED "
        yield f"   {verdict}{check['text']}: {check['value']:.4g}"
    for note in result["notes"]:
        yield f"   {note}"


def _spread(value: Mapping[str, float] | None) -> str:
    if value is None:
        return ""
    if value["min"] == value["max"]:
        return _number(value["median"])
    return f"{_number(value['median'])} ({_number(value['min'])}..{_number(value['max'])})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "   " + "  ".join(cells).rstrip()

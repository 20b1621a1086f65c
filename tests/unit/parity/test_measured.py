"""Is a kept result taken for what it says, and for no more?"""

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from benchmarks.catalogue import catalogue
from tests.parity.bounds import Bound
from tests.parity.measured import Document, Finding, Found, compare, load_documents
from tests.parity.rows import load_rows

ROOT = Path(__file__).parents[3]
NOISE = "DISTURBED: other processes used up to 0.31 cores; measure again"
BOUND = Bound("nearest", ("ratios", "shoal / nginx", "rate"), at_least=0.12)


def result(median: float, **more: object) -> dict[str, Any]:
    spread = {"min": median / 2, "median": median, "max": median * 2}
    return {
        "subjects": {},
        "ratios": {"shoal / nginx": {"rate": spread}},
        "notes": [],
        "peers": {"nginx": "1.22.1"},
        **more,
    }


def document(
    version: str, rounds: int = 5, seconds: float = 1.0, **results: dict[str, Any]
) -> Document:
    file = f"benchmarks/results/{version}.json"
    return Document(file, Version(version), "cad8ab06b863", rounds, seconds, results)


def test_the_median_is_compared_and_where_it_stands_is_told():
    kept = [document("0.2.0", nearest=result(0.2))]
    assert compare(BOUND, kept) == Finding(
        Found.MET,
        "nearest: shoal / nginx by rate 0.2 >= 0.12 in benchmarks/results/0.2.0.json (0.2.0 at cad8ab06b863)",
        {"nginx": "1.22.1"},
    )
    assert compare(BOUND, [document("0.2.0", nearest=result(0.11))]).found is Found.MISSED


def test_the_latest_version_counts_even_where_an_earlier_one_said_better():
    kept = [document("0.10.0", nearest=result(0.11)), document("0.9.0", nearest=result(0.3))]
    assert compare(BOUND, kept).found is Found.MISSED
    assert compare(BOUND, [*kept, document("0.11.0", other=result(1))]).found is Found.MISSED
    kept.append(document("0.11.0.dev1", nearest=result(0.2)))
    assert compare(BOUND, kept).found is Found.MET
    assert compare(BOUND, [*kept, document("0.11.0", nearest=result(0.1))]).found is Found.MISSED


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ([], "no result is kept"),
        ([document("0.2.0", other=result(0.2))], "no result is kept"),
        ([document("0.2.0", nearest={"error": "CannotRun: no nginx"})], "CannotRun: no nginx in"),
        ([document("0.2.0", nearest=result(0.2, notes=[NOISE]))], NOISE),
        ([document("0.2.0", nearest=result(0.2, ratios={}))], "not in benchmarks/results/0.2.0"),
        ([document("0.2.0", rounds=1, nearest=result(0.2))], "1 rounds of 1 s are too few"),
        ([document("0.2.0", seconds=0.2, nearest=result(0.2))], "5 rounds of 0.2 s are too few"),
    ],
)
def test_what_proves_nothing_says_why(kept, why):
    finding = compare(BOUND, kept)
    assert (finding.found, finding.peers) == (Found.NOTHING, {})
    assert why in finding.text
    assert ">= 0.12" in finding.text


def test_results_are_read_from_their_folder(tmp_path):
    assert load_documents(tmp_path) == []
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    said = {
        "environment": {"commit": "cad8ab06b863"},
        "settings": {"seed": 1, "repeat": 5, "seconds": 1.0},
        "results": {"nearest": result(0.2)},
    }
    (folder / "0.2.0.json").write_text(json.dumps(said))
    assert load_documents(tmp_path) == [document("0.2.0", nearest=result(0.2))]
    for name, text in {"quick.json": json.dumps(said), "0.3.0.json": "{", "0.4.0.json": "{}"}.items():  # fmt: skip
        (folder / name).write_text(text)
        with pytest.raises(ValueError, match=name):
            load_documents(tmp_path)
        (folder / name).unlink()


def test_what_is_kept_can_be_read_and_bounds_name_benchmarks_there_are():
    assert load_documents(ROOT)
    named = {bound.benchmark for row in load_rows().values() for bound in row.measured}
    assert named <= catalogue().keys()

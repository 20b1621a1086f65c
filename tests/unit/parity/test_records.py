"""Do several runs become one picture, and is it kept?"""

import json

from tests.parity.records import Claim, Outcome, Record, load_records, merge_into, reconcile

PASSED = Record(Claim(("D1",), {"D2": "half"}), Outcome.PASSED, "", {"nginx": "1.22.1"})
SKIPPED = Record(Claim(("D3",)), Outcome.SKIPPED, "no davix")


def test_a_rerun_replaces_a_record_and_leaves_the_others(tmp_path):
    path = tmp_path / "cache" / "parity.json"
    merge_into(path, {"a": PASSED, "b": SKIPPED})
    merge_into(path, {"b": PASSED})
    assert load_records(path) == {"a": PASSED, "b": PASSED}
    assert sorted(child.name for child in path.parent.iterdir()) == ["parity.json", "parity.lock"]


def test_a_missing_or_strange_file_holds_no_records(tmp_path):
    path = tmp_path / "parity.json"
    assert load_records(path) == {}
    for text in ("", "[]", "{}", '{"tests": {"a": 1}}', '{"tests": {"a": {"outcome": "odd"}}}'):
        path.write_text(text)
        assert load_records(path) == {}


def test_the_file_is_sorted_json(tmp_path):
    path = tmp_path / "parity.json"
    merge_into(path, {"b": SKIPPED, "a": PASSED})
    raw = json.loads(path.read_text())
    assert list(raw["tests"]) == ["a", "b"]
    assert raw["tests"]["a"]["peers"] == {"nginx": "1.22.1"}


def test_the_tests_and_markers_of_today_count():
    today = {"a": Claim(("D9",)), "new": Claim(("D3",))}
    merged = reconcile(today, {"a": PASSED, "gone": SKIPPED})
    assert merged == {
        "a": Record(Claim(("D9",)), Outcome.PASSED, "", {"nginx": "1.22.1"}),
        "new": Record(Claim(("D3",)), Outcome.NOT_RUN),
    }

"""docs/reliability.md is about the faults that are tried now, and the records it is written from survive several runs."""

from collections import Counter

import pytest

from tests.faults.cases import cases_of
from tests.faults.catalogue import TROUBLES
from tests.faults.oracle import Verdict
from tests.faults.records import Key, load, merge_into
from tests.faults.report import PAGE, check_page, render


def test_the_page_is_current_and_knows_no_wrong_answer():
    assert check_page(PAGE.read_text(encoding="utf-8")) == [], "run: make reliability"


def whole_run() -> Counter[Key]:
    return Counter(
        (case.trouble.id, case.verb.id, case.front, "right")
        for trouble in TROUBLES
        for case in cases_of(trouble)
    )


def test_a_page_of_a_whole_run_is_in_order():
    assert check_page(render(whole_run())) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda page: page.replace("`hang`", "`hung`"), "hung is not tried any more"),
        (lambda page: page.replace("| no answer |", "| silence |"), "hang:"),
        (lambda page: page.replace("| dcache |", "| storm |"), "dcache is not on the page"),
        (lambda page: page.replace("| metalink |", "| torrent |"), "metalink is not on the page"),
    ],
)
def test_a_page_that_is_out_of_date(change, word):
    page = render(whole_run())
    assert change(page) != page
    assert any(word in found for found in check_page(change(page)))


def test_a_wrong_answer_shows():
    counts = whole_run()
    counts["hang", "GET", "nginx", "right"] -= 1
    counts["hang", "GET", "nginx", "wrong"] += 1
    found = check_page(render(counts))
    assert any(line.startswith("hang:") for line in found)
    assert any("totals" in line for line in found)


def test_a_family_that_runs_again_replaces_its_records(tmp_path):
    path = tmp_path / "cache" / "reliability.json"
    assert load(path) == Counter()
    first, second = list(cases_of(TROUBLES[0])), list(cases_of(TROUBLES[1]))
    merge_into(path, [(case, Verdict.WRONG) for case in first])
    merge_into(path, [(case, Verdict.HONEST) for case in second])
    merge_into(path, [(case, Verdict.RIGHT) for case in first])
    counts = load(path)
    assert {(key[0], key[3]) for key in counts} == {
        (TROUBLES[0].id, "right"),
        (TROUBLES[1].id, "honest"),
    }
    assert counts.total() == len(first) + len(second)
    path.write_text("not ours")
    assert load(path) == Counter()

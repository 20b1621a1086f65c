"""Is the list of rows whole, ordered and well formed?"""

from collections import Counter

import pytest

from tests.parity.rows import CHECKLISTS, Row, load_rows, parse_rows, split_id


def test_every_checklist_has_all_its_rows():
    rows = load_rows()
    sizes = Counter(row.checklist for row in rows.values())
    assert sizes == {
        "D": 163, "K": 70, "M": 25, "S": 80, "GD": 42, "GO": 20, "GU": 18,
        "CJ": 14, "CL": 21, "CK": 15, "CP": 10, "CM": 15, "CR": 7, "CX": 8,
    }  # fmt: skip
    for prefix, size in sizes.items():
        numbers = [split_id(row.id)[1] for row in rows.values() if row.checklist == prefix]
        assert numbers == list(range(1, size + 1))


def test_criteria_are_one_line_each_and_differ():
    texts = [row.text for row in load_rows().values()]
    assert all(text and "\n" not in text and text == text.strip() for text in texts)
    assert len(set(texts)) == len(texts)


def test_rows_are_put_in_the_order_of_the_report():
    rows = parse_rows('[K2]\ntext="b"\nneeds=["curl"]\n[D10]\ntext="x"\n[D9]\ntext="a"\n')
    assert list(rows) == ["D9", "D10", "K2"]
    assert rows["K2"] == Row("K2", "b", frozenset({"curl"}))


@pytest.mark.parametrize("toml", ['[Z1]\ntext="a"', '[d1]\ntext="a"', "D1 = 3", '[D1]\nwords="a"'])
def test_a_malformed_row_is_refused(toml):
    with pytest.raises(ValueError, match=r"D1|Z1|d1"):
        parse_rows(toml)


def test_ids_split_into_checklist_and_number():
    assert split_id("GD07") == ("GD", 7)
    assert next(iter(CHECKLISTS)) == "D"

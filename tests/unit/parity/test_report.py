"""Do both reports say what the verdicts say?"""

import json

from tests.parity.report import count, render_json, render_markdown
from tests.parity.rows import Row
from tests.parity.status import Status, Verdict

ROWS = {
    "D1": Row("D1", "names with | and * survive"),
    "D98": Row("D98", "fails over", frozenset({"davix"})),
    "K1": Row("K1", "redirects"),
}
VERDICTS = {
    "D1": Verdict(Status.PASS, ("tests/unit/t.py::a",), ("nginx 1.22.1",)),
    "D98": Verdict(Status.OPEN, missing="no test"),
    "K1": Verdict(Status.PARTIAL, ("tests/t.py::b", "tests/t.py::c"), missing="no IPv6"),
}


def test_json_has_the_agreed_shape():
    assert json.loads(render_json(VERDICTS)) == {
        "rows": {
            "D1": {"status": "pass", "tests": ["tests/unit/t.py::a"], "peers": ["nginx 1.22.1"], "missing": ""},
            "D98": {"status": "open", "tests": [], "peers": [], "missing": "no test"},
            "K1": {
                "status": "partial",
                "tests": ["tests/t.py::b", "tests/t.py::c"],
                "peers": [],
                "missing": "no IPv6",
            },
        }
    }  # fmt: skip


def test_every_status_is_counted():
    assert count(VERDICTS) == {Status.PASS: 1, Status.PARTIAL: 1, Status.FAIL: 0, Status.OPEN: 1}


def test_markdown_has_totals_and_one_line_a_row():
    lines = render_markdown(ROWS, VERDICTS).splitlines()
    assert "| DynaFed | 2 | 1 | 0 | 0 | 1 |" in lines
    assert "| **all** | 3 | 1 | 1 | 0 | 1 |" in lines
    assert (
        "| D1 | names with \\| and \\* survive | pass | `unit/t.py::a`<br>with nginx 1.22.1 |  |"
        in lines
    )
    assert "| D98 | fails over | open |  | no test; needs davix |" in lines
    assert "| K1 | redirects | partial | `t.py::b`<br>`t.py::c` | no IPv6 |" in lines
    assert "## Shoal" not in lines


def test_figures_stand_with_the_tests_as_proof():
    row = Row("S78", "fast", frozenset({"nginx"}))
    figure = "b: x | y by rate 0.2 >= 0.1 in 0.2.0.json"
    verdict = Verdict(Status.PASS, ("tests/t.py::a",), ("nginx 1.22.1",), figures=(figure,))
    assert json.loads(render_json({"S78": verdict}))["rows"]["S78"]["figures"] == [figure]
    line = "| S78 | fast | pass | `t.py::a`<br>b: x \\| y by rate 0.2 >= 0.1 in 0.2.0.json<br>with nginx 1.22.1 |  |"
    assert line in render_markdown({"S78": row}, {"S78": verdict}).splitlines()

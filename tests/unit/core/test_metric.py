"""Tables of metrics: what every service counts has the same rows under its own name, and the page shows all of a table."""

import re

import pytest

from ugrpy.core.metric import Label, Metric, MetricKind, render_reference
from ugrpy.core.service_metrics import FAULTS, METHODS, service_metrics
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.service.refusal import Fault


def test_each_program_has_rows_of_its_own_name():
    ours, theirs = service_metrics("ugrpy"), service_metrics("shoalpy", ("GET",))
    assert [row.name.removeprefix("ugrpy_") for row in ours.rows] == [
        row.name.removeprefix("shoalpy_") for row in theirs.rows
    ]
    assert len({row.name for row in (*ours.rows, *theirs.rows)}) == 10
    assert (ours.methods, theirs.methods) == (METHODS, ("GET",))
    assert theirs.requests.labels[0].values == ("GET", "other")


def test_the_reasons_are_those_the_server_counts():
    assert set(FAULTS) == set(Fault)


@pytest.mark.parametrize("row", service_metrics("shoalpy").rows, ids=lambda row: row.name)
def test_the_rows_follow_the_conventions(row):
    assert re.fullmatch(r"shoalpy_[a-z]+(_[a-z]+)*", row.name)
    assert row.name.endswith("_total") == (row.kind is MetricKind.COUNTER)
    assert bool(row.buckets) == (row.kind is MetricKind.HISTOGRAM)
    assert row.help.endswith(".")


def test_two_tables_have_two_registries(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    meter = PrometheusMeter(service_metrics("shoalpy").rows)
    meter.instrument("shoalpy_client_faults_total", reason="silent").add()
    page = meter.render()[1].decode()
    assert 'shoalpy_client_faults_total{reason="silent"} 1.0' in page
    assert "ugrpy_" not in page


def test_the_page_of_a_table():
    rows = (
        Metric("x_total", MetricKind.COUNTER, "things", "Things."),
        Metric(
            "x_seconds",
            MetricKind.HISTOGRAM,
            "seconds",
            "Time.",
            (Label("a", "which", ("b", "c")), Label("d", "who")),
            (0.5, 10.0),
        ),
    )
    assert render_reference(rows, "x.telemetry", "Numbers").splitlines() == [
        "# Numbers",
        "",
        "<!-- written by `python -m x.telemetry`; change the table there -->",
        "",
        "What `/metrics` shows, in the Prometheus text format.",
        "",
        "## x_total",
        "",
        "Things. A counter, in things.",
        "",
        "## x_seconds",
        "",
        "Time. A histogram, in seconds; buckets 0.5, 10.",
        "",
        "- `a`: which (`b`, `c`)",
        "- `d`: who",
    ]

"""The table of metrics keeps its conventions, and its page is current."""

import re
from pathlib import Path

import pytest

from ugrpy.core.metric import MetricKind
from ugrpy.telemetry import METRICS, render_reference

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def test_names_are_unique():
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric):
    assert re.fullmatch(r"ugrpy_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
    assert metric.name.endswith("_seconds") == (metric.unit == "seconds")
    assert bool(metric.buckets) == (metric.kind is MetricKind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_labels_are_unique_and_never_grow_with_the_data(metric):
    assert len(set(metric.label_names)) == len(metric.labels)
    assert not {"path", "address", "client", "url"} & set(metric.label_names)
    for label in metric.labels:
        assert len(set(label.values)) == len(label.values)


def test_the_checked_in_page_is_current():
    assert PAGE.read_text() == render_reference(), (
        "run: python -m ugrpy.telemetry > docs/reference/metrics.md"
    )

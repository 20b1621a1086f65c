"""The exporter: every row of the table is shown, and counting cheaply gives the numbers that counting directly gives."""

import random

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from ugrpy import telemetry
from ugrpy.core.metric import LATENCY_BUCKETS_S, MetricKind
from ugrpy.service.metrics import PLAIN_TYPE, PrometheusMeter
from ugrpy.telemetry import METRICS


def samples(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.fixture
def meter(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    return PrometheusMeter(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_of_the_table_is_shown(meter, metric):
    labels = {label.name: (label.values or ("any",))[0] for label in metric.labels}
    instrument = meter.instrument(metric.name, **labels)
    instrument.add(2.0)
    content_type, page = meter.render()
    assert content_type == PLAIN_TYPE
    assert f"# TYPE {metric.name} {metric.kind}" in page.decode()
    assert f"# HELP {metric.name} {metric.help}" in page.decode()
    name = metric.name + ("_count" if metric.kind is MetricKind.HISTOGRAM else "")
    value = 1.0 if metric.kind is MetricKind.HISTOGRAM else 2.0
    assert samples(page)[name, tuple(sorted(labels.items()))] == value


def test_all_of_them_are_there_before_anything_is_counted(meter):
    page = meter.render()[1].decode()
    assert all(f"# TYPE {metric.name} " in page for metric in METRICS)


def test_a_name_that_is_not_in_the_table(meter):
    with pytest.raises(KeyError):
        meter.instrument("ugrpy_nonsense")


def test_a_counter_counts_what_prometheus_counts(meter):
    registry = CollectorRegistry()
    direct = Counter("ugrpy_redirects_total", "x", ["endpoint"], registry=registry)
    ours = meter.instrument(telemetry.REDIRECTS.name, endpoint="a")
    for value in (1.0, 1.0, 2.5):
        direct.labels("a").inc(value)
        ours.add(value)
        key = ("ugrpy_redirects_total", (("endpoint", "a"),))
        assert samples(meter.render()[1])[key] == registry.get_sample_value(key[0], dict(key[1]))


def test_a_histogram_sorts_as_prometheus_does(meter):
    registry = CollectorRegistry()
    direct = Histogram(
        "ugrpy_request_seconds", "x", registry=registry, buckets=telemetry.REQUEST_SECONDS.buckets
    )
    ours = meter.instrument(telemetry.REQUEST_SECONDS.name)
    source = random.Random(1)
    values = [
        *LATENCY_BUCKETS_S,  # a bound belongs to its own bucket
        *(source.uniform(0, 40) for _ in range(200)),
        *(source.expovariate(1000) for _ in range(200)),
        0.0,
    ]
    for number, value in enumerate(values):
        direct.observe(value)
        ours.add(value)
        if number % 50 == 0:
            meter.flush()
    seen = {key: value for key, value in samples(meter.render()[1]).items() if "request" in key[0]}
    for (name, labels), value in seen.items():
        if name.startswith("ugrpy_request_seconds"):
            assert value == pytest.approx(registry.get_sample_value(name, dict(labels)))
    assert len([key for key in seen if key[0] == "ugrpy_request_seconds_bucket"]) == 16


def test_nothing_is_counted_twice(meter):
    meter.instrument(telemetry.EARLY_ANSWERS.name).add()
    meter.instrument(telemetry.REQUEST_SECONDS.name).add(0.1)
    pages = [meter.render()[1] for _ in range(3)]
    assert pages[0] == pages[1] == pages[2]
    assert samples(pages[0])["ugrpy_fanout_early_answers_total", ()] == 1
    assert samples(pages[0])["ugrpy_request_seconds_sum", ()] == pytest.approx(0.1)


def test_a_gauge_is_set_not_summed(meter):
    gauge = meter.instrument(telemetry.CACHE_ITEMS.name, cache="entry")
    gauge.add(5)
    gauge.add(3)
    assert samples(meter.render()[1])["ugrpy_cache_items", (("cache", "entry"),)] == 3


def test_openmetrics_when_it_is_asked_for(meter):
    meter.instrument(telemetry.EARLY_ANSWERS.name).add()
    content_type, page = meter.render("application/openmetrics-text; version=1.0.0,text/plain")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert page.endswith(b"# EOF\n")
    assert b"\nugrpy_fanout_early_answers_total 1.0\n" in page


def test_the_private_parts_are_still_there():
    """``_Histogram.flush`` adds to them, as there is no public way to add several observations at once."""
    series = Histogram("h", "x", registry=CollectorRegistry(), buckets=(1.0, 2.0))
    assert len(series._buckets) == 3
    for bucket in series._buckets:
        bucket.inc(2)
    series._sum.inc(7.5)
    got = {(s.name, s.labels.get("le")): s.value for s in next(iter(series.collect())).samples}
    assert got["h_bucket", "1.0"] == 2
    assert got["h_bucket", "+Inf"] == 6
    assert got["h_count", None] == 6
    assert got["h_sum", None] == 7.5

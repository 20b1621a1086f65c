"""The pages about settings and metrics say what the code says."""

from pathlib import Path

from shoalpy import telemetry
from shoalpy.config import PAGE, SCHEMA
from ugrpy.core.metric import render_reference
from ugrpy.settings import reference
from ugrpy.settings.shape import keys_of, table_in

PAGES = Path(__file__).resolve().parents[3] / "docs" / "reference"


def test_the_page_of_the_settings_is_current():
    written = (PAGES / "shoalpy-configuration.md").read_text("utf-8")

    assert written == reference.render_reference(SCHEMA, PAGE), (
        "run: python -m shoalpy.config > docs/reference/shoalpy-configuration.md"
    )


def test_the_page_of_the_metrics_is_current():
    written = (PAGES / "shoalpy-metrics.md").read_text("utf-8")

    assert written == telemetry.render_page(), (
        "run: python -m shoalpy.telemetry > docs/reference/shoalpy-metrics.md"
    )
    assert written == render_reference(telemetry.METRICS, "shoalpy.telemetry", "Metrics of shoalpy")


def test_every_key_has_its_help():
    tables: type = SCHEMA.tables
    for table in keys_of(tables):
        assert table.info.description
        inner = table_in(table.annotation)
        assert inner is not None
        assert [key.name for key in keys_of(inner) if not key.info.description] == []

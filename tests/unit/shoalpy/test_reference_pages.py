"""The pages about settings and metrics say what the code says."""

from pathlib import Path
from typing import Any

import pytest

from shoalpy import config, telemetry
from shoalpy.agent import settings as agent
from shoalpy.client import settings as client
from ugrpy.core.metric import render_reference
from ugrpy.settings import reference
from ugrpy.settings.schema import Schema
from ugrpy.settings.shape import keys_of, table_in

PAGES = Path(__file__).resolve().parents[3] / "docs" / "reference"
SETTINGS: dict[str, tuple[Schema[Any], reference.Page]] = {
    "shoalpy-configuration.md": (config.SCHEMA, config.PAGE),
    "shoalpy-agent-configuration.md": (agent.AGENT_SCHEMA, agent.PAGE),
    "shoalpy-client-configuration.md": (client.CLIENT_SCHEMA, client.PAGE),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_page_of_the_settings_is_current(name):
    schema, page = SETTINGS[name]
    written = (PAGES / name).read_text("utf-8")

    assert written == reference.render_reference(schema, page), (
        f"run: python -m {page.module} > docs/reference/{name}"
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_every_key_has_its_help(name):
    schema, _ = SETTINGS[name]
    tables: type = schema.tables
    for table in keys_of(tables):
        assert table.info.description
        inner = table_in(table.annotation)
        assert inner is not None
        assert [key.name for key in keys_of(inner) if not key.info.description] == []


def test_the_page_of_the_metrics_is_current():
    written = (PAGES / "shoalpy-metrics.md").read_text("utf-8")

    assert written == telemetry.render_page(), (
        "run: python -m shoalpy.telemetry > docs/reference/shoalpy-metrics.md"
    )
    assert written == render_reference(telemetry.METRICS, "shoalpy.telemetry", "Metrics of shoalpy")

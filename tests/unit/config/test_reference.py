"""The reference page names every key and is current."""

from pathlib import Path

import pytest

from ugrpy.config.model import Tables
from ugrpy.config.reference import render_reference
from ugrpy.settings.shape import keys_of, known_keys, table_in

PAGE = Path(__file__).parents[3] / "docs/reference/configuration.md"


def test_the_checked_in_page_is_current():
    assert PAGE.read_text() == render_reference(), (
        "run: python -m ugrpy.config.reference > docs/reference/configuration.md"
    )


@pytest.mark.parametrize("section", keys_of(Tables), ids=lambda key: key.name)
def test_every_key_is_on_the_page_with_its_meaning(section):
    table = table_in(section.annotation)
    assert table is not None
    for key in keys_of(table):
        assert key.info.description, f"{section.name}.{key.name} has no help text"
        assert f"`{key.name}`" in PAGE.read_text() or f".{key.name}]]" in PAGE.read_text()


def test_values_are_shown_as_toml():
    page = render_reference()
    assert '| `admin` | address | `"127.0.0.1:8081"` |' in page
    assert "| `readable` | true or false | `true` |" in page
    assert '| `mounts` | list of mounts | `["/"]` |' in page
    assert "| `url` | text | required |" in page
    assert "| `health` | table | none |" in page
    assert "| `workers` | whole number, ≥ 1, ≤ 512 | `1` |" in page


def test_keys_are_known_by_place():
    assert known_keys(Tables, ("locality", "rules", 3)) == ["networks", "asns", "prefer"]
    assert "eject_after" in known_keys(Tables, ("endpoints", 0, "health"))
    assert known_keys(Tables, ("cache", "ttl_s")) == []
    assert known_keys(Tables, ("nowhere", "at", "all")) == []

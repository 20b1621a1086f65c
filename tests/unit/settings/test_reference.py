"""The page of any set of tables: nested, listed and named ones have sections, values have words."""

from tests.unit.settings.station import SCHEMA, Degrees
from ugrpy.settings.reference import Page, render_reference
from ugrpy.settings.shape import keys_of, known_keys, named_tables

PAGE = Page(
    module="station.reference",
    example=("server.unit", "kelvin"),
    title="The station",
    file="station.toml",
    words={Degrees: "temperature"},
    written={Degrees: lambda degrees: f"{degrees.value:g} °C"},
    more="It runs without any file.",
)


def test_the_introduction_speaks_of_these_tables():
    page = render_reference(SCHEMA, PAGE)
    assert page.startswith("# The station\n\n<!-- written by `python -m station.reference`;")
    assert "`station.toml.d/*.toml` beside\n   `station.toml`" in page
    assert "`STATION_SERVER__UNIT=kelvin` sets `server.unit`." in page
    introduction = page[: page.index("\n## ")].replace("\n", " ")
    assert "The arrays of tables `[[map.places]]` of several files add up." in introduction
    assert "A sensor may be defined in one file only." in introduction
    assert introduction.rstrip().endswith("are errors. It runs without any file.")


def test_every_table_has_a_section():
    page = render_reference(SCHEMA, PAGE)
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## [server]",
        "## [server.tls]",
        "## [map]",
        "## [[map.places]]",
        "## [sensors.NAME]",
    ]
    assert "`NAME` is what readings carry: letters, digits" in page
    assert "Certificates of the server." in page
    assert "## [map]\n\nWho is where.\n\n## [[map.places]]" in page


def test_keys_are_shown_as_toml():
    page = render_reference(SCHEMA, PAGE)
    assert '| `listen` | list of addresses, not empty | `["127.0.0.1:8000"]` | where it' in page
    assert '| `unit` | `celsius` or `kelvin` | `"celsius"` |' in page
    assert '| `alarm` | temperature | `"40 °C"` |' in page
    assert "| `share` | number, > 0, < 1 | `0.5` |" in page
    assert "| `network` | network | required |" in page
    assert "| `certificate` | file name | none | PEM file |" in page
    assert "| `label` |" not in page


def test_the_shape_is_read_off_the_tables():
    tables: type = SCHEMA.tables
    assert known_keys(tables, ("server", "tls")) == ["certificate", "ciphers"]
    assert known_keys(tables, ("sensors", 0)) == ["url", "log"]
    assert known_keys(tables, ("server", "unit")) == []
    assert list(named_tables(tables)) == ["sensors"]
    assert named_tables(tables)["sensors"].field == "label"
    tls = keys_of(tables)[0].default.tls
    assert tls.ciphers == ("strong",)

"""Any set of tables can be loaded: nested, listed and named ones, from files, an environment of its own and options."""

from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.unit.settings.station import SCHEMA, Degrees, Place, Sensor, Server, Station, Tls, Unit
from ugrpy.settings import InvalidConfiguration, Listen, Schema, load

EVERYTHING = """\
[server]
listen = ["[::1]:80"]
unit = "kelvin"
alarm = "35.5 °C"
[server.tls]
certificate = "tls/cert.pem"
[[map.places]]
network = "192.0.2.0/24"
city = "Victoria"
[sensors."roof-1"]
url = "http://roof.example/"
log = "roof.log"
"""


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path: Path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def problems(*files: Path, environ=None, overrides=None) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load(SCHEMA, files, environ=environ or {}, overrides=overrides or {})
    directory = f"{files[0].parent}/" if files else ""
    return [str(one).replace(directory, "") for one in caught.value.problems]


def test_without_any_source_there_are_defaults():
    found = load(SCHEMA, environ={"STATION": "x", "UGRPY_SERVER__UNIT": "kelvin"})
    assert found.tables == Station()
    assert found.origin("server.unit") == "default"


def test_every_kind_of_table(write, tmp_path):
    write("tls/cert.pem", "")
    file = write("station.toml", EVERYTHING)
    found = load(SCHEMA, [file], environ={})
    assert found.tables.server == Server(
        (Listen("::1", 80),), Unit.KELVIN, Degrees(35.5), tls=Tls(tmp_path / "tls/cert.pem")
    )
    assert found.tables.map.places == (Place(ip_network("192.0.2.0/24"), "Victoria"),)
    roof = Sensor(label="roof-1", url="http://roof.example", log=tmp_path / "roof.log")
    assert found.tables.sensors == (roof,)
    assert found.origin("server.tls.certificate") == f"{file}:6"
    assert found.origin("sensors.roof-1.url") == f"{file}:11"
    assert found.tree["sensors"] == {
        "roof-1": {"url": "http://roof.example/", "log": str(tmp_path / "roof.log")}
    }


def test_sources_count_in_their_order(write):
    file = write("station.toml", EVERYTHING.replace("[server.tls]", "[server.nothing]", 0))
    write("tls/cert.pem", "")
    drop_in = write(
        "station.toml.d/more.toml",
        '[[map.places]]\nnetwork = "2001:db8::/32"\n[server]\nshare = 0.1\ncode = "EGLL"\n',
    )
    found = load(
        SCHEMA,
        [file],
        environ={
            "STATION_SERVER__SHARE": "0.25",
            "STATION_SERVER__CODE": "KJFK",
            "STATION_SENSORS__ROOF_1__URL": "http://other.example",
            "STATION_SENSORS__CELLAR__URL": "http://cellar.example",
            "STATION_SERVER__TLS__CIPHERS": '["weak"]',
        },
        overrides={"server": {"share": 0.75, "unit": None}},
    )
    assert found.tables.server.share == 0.75
    assert found.tables.server.code == "KJFK"
    assert found.tables.server.unit is Unit.KELVIN
    assert found.tables.server.tls.ciphers == ("weak",)
    assert [place.network.version for place in found.tables.map.places] == [4, 6]
    assert {one.label: one.url for one in found.tables.sensors} == {
        "roof-1": "http://other.example",
        "cellar": "http://cellar.example",
    }
    assert found.origin("server.share") == "command line"
    assert found.origin("server.code") == "environment"
    assert found.origin("map.places[1].network") == f"{drop_in}:2"


def test_everything_wrong_is_told_in_the_same_words(write):
    file = write(
        "station.toml",
        """\
[server]
listen = ["127.0.0.1:80", "0.0.0.0:80"]
unit = "rankine"
alarm = 40
share = 1
code = "cyvr"
[server.tls]
certificate = "no.pem"
cypher = 1
[[map.places]]
network = "10.0.0.1/8"
[sensors.a]
url = "http://a"
label = "b"
[sensors.b]
url = "http://a"
[sensors."no name"]
[sensor]
""",
    )
    write("station.toml.d/x.toml", '[sensors.a]\nurl = "http://c"\n')
    network = "expected a network such as 192.0.2.0/24 or 2001:db8::/32, got"
    assert problems(file, environ={"STATION_X__Y": "1"}) == [
        "station.toml:2: server.listen[1]: '0.0.0.0:80' cannot be listened on beside '127.0.0.1:80'",
        "station.toml:3: server.unit: expected 'celsius' or 'kelvin', got \"rankine\"",
        "station.toml:4: server.alarm: expected degrees such as '21 °C', got 40",
        "station.toml:5: server.share: expected a number less than 1, got 1",
        'station.toml:6: server.code: expected a text of the form ^[A-Z]{4}$, got "cyvr"',
        "station.toml:8: server.tls.certificate: no.pem is missing or not readable",
        "station.toml:9: server.tls.cypher: unknown key; did you mean 'ciphers'?",
        f'station.toml:11: map.places[0].network: {network} "10.0.0.1/8": 10.0.0.1/8 has host bits set',
        "station.toml:14: sensors.a.label: unknown key; the table's name, 'a', is it",
        "station.toml:17: sensors.no name: expected letters, digits, '.', '_' and '-', at most 63, "
        'the first a letter or digit, got "no name"',
        "station.toml:17: sensors.no name.url: this key is required",
        "station.toml:18: sensor: unknown key; did you mean 'sensors'?",
        "station.toml.d/x.toml:1: sensors.a: the sensor is already defined at station.toml:12; rename one",
        "environment: x: unknown key; known: map, sensors, server",
    ]


def test_checks_across_keys_have_their_say_beside_the_rest():
    sensors = {"a": {"url": "http://x"}, "b": {"url": "http://x"}}
    told = problems(overrides={"sensors": sensors, "server": {"share": 2.0}})
    assert told == [
        "command line: server.share: expected a number less than 1, got 2.0",
        "command line: sensors.b.url: http://x is read already",
    ]


def test_no_table_where_there_should_be_some():
    assert problems(overrides={"sensors": 3}) == ["command line: sensors: expected a table, got 3"]


def test_what_was_read_does_not_show_its_tree():
    assert "tree" not in repr(load(SCHEMA, environ={}))


def test_a_set_of_tables_that_would_guess_is_refused():
    @dataclass(frozen=True)
    class Loose:
        """Has no ``__pydantic_config__``."""

        number: int = 1

    with pytest.raises(TypeError, match="Loose must be a dataclass with __pydantic_config__"):
        Schema(Loose, environment="X_")
    assert replace(SCHEMA, environment="X_").tables is Station

"""Impossible places, weights and rules are refused, and configuration reads naturally."""

from ipaddress import ip_network

import pytest
from pydantic import TypeAdapter, ValidationError

from ugrpy.core.errors import DataError
from ugrpy.locality.model import (
    MAX_WEIGHT,
    UNKNOWN_PLACE,
    Candidate,
    LocalityError,
    NetworkPlace,
    Place,
    Position,
    PreferenceRule,
    parse_position,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(90, 180), (-90, -180), (0, 0), (48.46, -123.31)]
)
def test_positions_on_the_globe(latitude, longitude):
    position = Position(latitude, longitude)
    assert (position.latitude_deg, position.longitude_deg) == (latitude, longitude)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(90.1, 0), (-91, 0), (0, 181), (0, -180.5), (NAN, 0), (0, NAN), (INF, 0)],
)
def test_positions_off_the_globe(latitude, longitude):
    with pytest.raises(DataError, match="no such position") as caught:
        Position(latitude, longitude)
    assert "latitude" in caught.value.hint


def test_position_from_text():
    assert parse_position("48.46, -123.31") == Position(48.46, -123.31)


@pytest.mark.parametrize("text", ["", "48.46", "1,2,3", "north,west", "91,0", "nan,0"])
def test_bad_position_text(text):
    with pytest.raises(LocalityError):
        parse_position(text)


def test_country_is_kept_in_upper_case():
    assert Place(country="ca").country == "CA"
    assert NetworkPlace((), country="ch").country == "CH"


@pytest.mark.parametrize("country", ["", "C", "CAN", "c4", "ßß", "é1"])
def test_bad_country(country):
    with pytest.raises(LocalityError, match="two letters"):
        Place(country=country)


def test_places_are_equal_whoever_told():
    assert Place(asn=1, source="a") == Place(asn=1, source="b")
    assert hash(Place(asn=1, source="a")) == hash(Place(asn=1, source="b"))
    assert Place() == UNKNOWN_PLACE
    assert Place(asn=0) != UNKNOWN_PLACE


@pytest.mark.parametrize("weight", [-0.1, NAN, INF, MAX_WEIGHT * 2])
def test_bad_weight(weight):
    with pytest.raises(LocalityError, match="a: weight"):
        Candidate("a", weight=weight)


@pytest.mark.parametrize("load", [-0.1, 1.1, NAN])
def test_bad_load(load):
    with pytest.raises(LocalityError, match="a: load"):
        Candidate("a", load=load)


def test_a_rule_must_be_able_to_match():
    with pytest.raises(LocalityError, match="needs networks or asns") as caught:
        PreferenceRule(prefer=("uvic",))
    assert "0.0.0.0/0" in caught.value.hint


def test_a_rule_names_itself_by_its_scope():
    assert str(PreferenceRule((ip_network("10.1.0.0/16"),))) == "rule 10.1.0.0/16"
    assert str(PreferenceRule(asns=(16462,))) == "rule AS16462"
    both = PreferenceRule((ip_network("10.1.0.0/16"), ip_network("fd00::/8")), (16462,))
    assert str(both) == "rule 10.1.0.0/16 and 2 more"


class TestFromConfiguration:
    """pydantic builds these values and names the key that is wrong."""

    networks = TypeAdapter(NetworkPlace)
    rules = TypeAdapter(PreferenceRule)

    @pytest.mark.parametrize(
        "position",
        [[48.46, -123.31], "48.46,-123.31", {"latitude_deg": 48.46, "longitude_deg": -123.31}],
    )
    def test_position_forms(self, position):
        placed = self.networks.validate_python(
            {"networks": ["192.168.0.0/16", "fd00::/8"], "position": position, "country": "ca"}
        )
        assert placed == NetworkPlace(
            (ip_network("192.168.0.0/16"), ip_network("fd00::/8")), Position(48.46, -123.31), "CA"
        )

    @pytest.mark.parametrize("position", [[91, 0], [1], [1, 2, 3], "x", [NAN, 0], [0, NAN], 5])
    def test_bad_position_is_named(self, position):
        with pytest.raises(ValidationError) as caught:
            self.networks.validate_python({"networks": ["10.0.0.0/8"], "position": position})
        assert caught.value.errors()[0]["loc"][0] == "position"

    def test_networks_are_needed(self):
        with pytest.raises(ValidationError):
            self.networks.validate_python({"networks": [], "country": "CA"})

    def test_host_bits_and_empty_rules_are_refused(self):
        with pytest.raises(ValidationError):
            self.rules.validate_python({"networks": ["10.1.0.1/16"], "prefer": ["uvic"]})
        with pytest.raises(ValidationError, match="needs networks or asns"):
            self.rules.validate_python({"prefer": ["uvic"]})

    def test_rule(self):
        rule = self.rules.validate_python(
            {"networks": ["10.1.0.0/16"], "asns": [16462], "prefer": ["uvic"]}
        )
        assert rule == PreferenceRule((ip_network("10.1.0.0/16"),), (16462,), ("uvic",))

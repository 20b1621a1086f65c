"""Great-circle distances against published figures, across the date line and at the poles."""

from math import pi

import pytest

from ugrpy.locality.distance import EARTH_RADIUS_KM, great_circle_km
from ugrpy.locality.model import Position

VICTORIA = Position(48.46, -123.31)
GENEVA = Position(46.2, 6.15)
TOKYO = Position(35.68, 139.69)
HALF_ROUND_KM = pi * EARTH_RADIUS_KM


def test_one_degree_along_a_meridian():
    assert great_circle_km(Position(0, 0), Position(1, 0)) == pytest.approx(111.195, abs=0.001)


def test_known_airport_pair():
    # Nashville to Los Angeles, the common worked example for haversine: 2886.44 km with R = 6371 km
    bna, lax = Position(36.12, -86.67), Position(33.94, -118.40)
    assert great_circle_km(bna, lax) == pytest.approx(2886.45, abs=0.1)


def test_the_same_point_is_exactly_zero():
    assert great_circle_km(VICTORIA, VICTORIA) == 0


def test_symmetry_of_known_places():
    assert great_circle_km(VICTORIA, GENEVA) == great_circle_km(GENEVA, VICTORIA)
    assert great_circle_km(VICTORIA, TOKYO) < great_circle_km(VICTORIA, GENEVA)


def test_across_the_180th_meridian():
    east, west = Position(0, 179.5), Position(0, -179.5)
    assert great_circle_km(east, west) == pytest.approx(111.195, abs=0.001)
    assert great_circle_km(Position(-17, 180), Position(-17, -180)) == pytest.approx(0, abs=1e-6)


def test_longitude_means_nothing_at_the_poles():
    assert great_circle_km(Position(90, 0), Position(90, 137)) == pytest.approx(0, abs=1e-6)
    assert great_circle_km(Position(90, -60), Position(0, 33)) == pytest.approx(HALF_ROUND_KM / 2)
    # over the pole, not round it
    assert great_circle_km(Position(89, 0), Position(89, 180)) == pytest.approx(222.39, abs=0.01)


@pytest.mark.parametrize(
    ("a", "b"), [((90, 0), (-90, 0)), ((0, 0), (0, 180)), ((48.46, -123.31), (-48.46, 56.69))]
)
def test_antipodes_are_half_way_round(a, b):
    assert great_circle_km(Position(*a), Position(*b)) == pytest.approx(HALF_ROUND_KM)

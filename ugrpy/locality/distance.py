"""How far apart are two points on Earth?

Haversine on a sphere: at most 0.6 % from the ellipsoid, exact in form for small distances (the spherical law of
cosines loses its digits there), and indifferent to the 180th meridian and the poles because only squared sines of
half differences enter. R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984) 159.
"""

from math import atan2, cos, radians, sin, sqrt

from ugrpy.locality.model import Position

# Mean radius R1 = (2a + b) / 3 of the GRS 80 ellipsoid: H. Moritz, Journal of Geodesy 74 (2000) 128.
EARTH_RADIUS_KM = 6371.0088


def great_circle_km(a: Position, b: Position) -> float:
    """The shortest way over the surface: 0 for equal points, never more than half the circumference."""
    latitude_a, latitude_b = radians(a.latitude_deg), radians(b.latitude_deg)
    half_north = sin((latitude_b - latitude_a) / 2)
    half_east = sin(radians(b.longitude_deg - a.longitude_deg) / 2)
    h = half_north * half_north + cos(latitude_a) * cos(latitude_b) * half_east * half_east
    # atan2 keeps its digits at the antipodes, where asin(sqrt(h)) does not; rounding may lift h above 1
    return 2 * EARTH_RADIUS_KM * atan2(sqrt(h), sqrt(max(0.0, 1 - h)))

"""Who is near whom, and who is chosen: pure, except ``geodb``, which reads database files, and ``geowatch``; both are
imported by their own names.

Where to start: ``model`` for the words, ``rank`` for the decision, ``ranker`` for the fast form the gateway uses.
"""

from ugrpy.locality.distance import EARTH_RADIUS_KM, great_circle_km
from ugrpy.locality.model import (
    UNKNOWN_PLACE,
    Address,
    Candidate,
    Choice,
    Client,
    LocalityError,
    Network,
    NetworkPlace,
    Place,
    Position,
    PositionSetting,
    PreferenceRule,
    Ranked,
    Rejection,
    parse_position,
)
from ugrpy.locality.prefixes import PrefixTable, parse_address, unmapped
from ugrpy.locality.rank import RankPolicy, outranks, rank
from ugrpy.locality.ranker import Ranker
from ugrpy.locality.tiers import Draw, Zone

__all__ = [
    "EARTH_RADIUS_KM",
    "UNKNOWN_PLACE",
    "Address",
    "Candidate",
    "Choice",
    "Client",
    "Draw",
    "LocalityError",
    "Network",
    "NetworkPlace",
    "Place",
    "Position",
    "PositionSetting",
    "PreferenceRule",
    "PrefixTable",
    "RankPolicy",
    "Ranked",
    "Ranker",
    "Rejection",
    "Zone",
    "great_circle_km",
    "outranks",
    "parse_address",
    "parse_position",
    "rank",
    "unmapped",
]

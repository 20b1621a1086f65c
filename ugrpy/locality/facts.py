"""What do geographical databases say of an address, beyond what a ranking needs? For people, and for answers that must show it."""

from dataclasses import dataclass

from ugrpy.locality.model import UNKNOWN_PLACE, Place


@dataclass(frozen=True, slots=True)
class GeoFacts:
    """``None`` where no database says. ``place`` is what a ranking uses; the names are English.

    ``organisation`` is whom the address belongs to (a database of providers, or of autonomous systems), ``continent`` and ``region_code`` are
    codes (``NA``, ``BC``), ``accuracy_km`` how far the position may be wrong.
    """

    place: Place = UNKNOWN_PLACE
    city: str | None = None
    country_name: str | None = None
    continent: str | None = None
    region_code: str | None = None
    region_name: str | None = None
    postal_code: str | None = None
    time_zone: str | None = None
    metro_code: int | None = None
    organisation: str | None = None
    accuracy_km: float | None = None


UNKNOWN_FACTS = GeoFacts()

"""A gateway's decisions, made by hand: three endpoints, a client in the west, and what was known of a name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network

from ugrpy.locality.model import Place, Position, PreferenceRule
from ugrpy.locality.tiers import Standing
from ugrpy.recording.flights import Among, Flight, Scene, SeenCandidate, SeenZone
from ugrpy.recording.rules import Ruled, Rules

WEST, EAST, TOKYO = Position(48.43, -123.37), Position(46.20, 6.14), Position(35.68, 139.65)
HELD_BY_ALL = Scene("/d/f", 95.0, ("east", "west", "westby"))
RULES = Rules(
    tuple(
        Ruled(name, Place(at), writable=True)
        for name, at in (("west", WEST), ("westby", WEST), ("east", EAST))
    ),
    (PreferenceRule((ip_network("10.9.0.0/16"),), (), ("east",)),),
)


def flight(
    *,
    order: Sequence[str] = ("westby", "west", "east"),
    drawn: Sequence[float] = (0.75,),
    scene: Scene | None = HELD_BY_ALL,
    among: Among | None = None,
    client: str = "10.1.2.3",
    withheld: Mapping[str, str] | None = None,
    **more: object,
) -> Flight:
    """A client in the west reads a file that everybody holds; ``more`` are other fields."""
    made = Flight(
        id="3f2a-1c",
        at_s=100.0,
        took_s=0.000125,
        worker=1,
        method="GET",
        path="/d/f",
        client=client,
        identity="anonymous",
        status=302,
        cache="hit",
        endpoint=order[0] if order else "",
        why="",
        order=tuple(order),
        drawn=tuple(drawn),
        zone=SeenZone(
            Place(WEST, "CA", 16462, "by hand"),
            None,
            {"west": Standing(0, 0.0), "westby": Standing(0, 0.0), "east": Standing(0, 8412.0)},
        ),
        candidates={name: SeenCandidate(1.0, 0.0, False) for name in ("west", "westby", "east")},
        rules=RULES.version,
        scene=scene,
        among=among,
        withheld=withheld or {},
    )
    return replace(made, **more)  # type: ignore[arg-type]

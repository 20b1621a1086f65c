"""How fast is "which of these four servers are near?", as CVMFS clients ask it? Three callers' places, a caching string that is no name."""

from benchmarks import shoal
from benchmarks.load import Plan
from benchmarks.model import Result, Settings, WrongAnswer, at_least
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.topology import Server, Topology, fetch
from benchmarks.workload import Ask

# Least speed against nginx answering a constant 200; the original under Apache measured 0.06 to 0.21 (reference section 12).
LEAST = 0.12

# An address in each zone, and one that nobody can place.
_NAMED = [*(f"{zone.rpartition('.')[0]}.9" for zone in shoal.ZONES), "192.0.2.9"]
_PATH = (
    f"/cvmfs/bench.example.org/api/v1.0/geo/3f2504e0-4f89-11d3-9a0c-0305e82c3301/{','.join(_NAMED)}"
)
# Geneva, Batavia and Victoria: their numbers as seen from each, in the order of the zones
_RIGHT = (b"1,2,3,4\n", b"2,3,1,4\n", b"3,2,1,4\n")


def run(settings: Settings) -> Result:
    """nginx and a server in turn."""
    with Topology() as topology:
        server = shoal.start(topology, "shoal", [])
        _check(server)
        subjects = {"nginx": topology.nginx_200("1,2,3,4\n"), "shoal": server}
        ask = Ask("path", {}, path=_PATH, found=200)
        plans = {
            name: same_every_round(Plan(one.host, one.port, one.pid, ask, seconds=settings.seconds))
            for name, one in subjects.items()
        }
        rounds = interleave_calm(topology, plans, settings.repeat)
        ratios = rounds.all_against("nginx")
        ratio = ratios["shoal / nginx"]
        # by rate or by CPU, whichever says less
        value = min(ratio["rate"].median, ratio["cpu"].median)
        return Result(
            rounds.table(),
            ratios,
            rounds.statuses(),
            (at_least("Geo-API / nginx", value, LEAST),),
            ("four servers named by address", *rounds.disturbed()),
        )


def _check(server: Server) -> None:
    """Every zone is told the right order. Raises ``WrongAnswer``."""
    for zone, right in zip(shoal.ZONES, _RIGHT, strict=True):
        status, _, body = fetch(server.port, "GET", _PATH, source=zone)
        if (status, body) != (200, right):
            raise WrongAnswer(f"{zone}: {status} {body[:200]!r}, {right!r} is right")

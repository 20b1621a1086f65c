"""How fast is "which caches are nearest to me?" with 100, 1,000 and 10,000 of them tracked? Three callers' places, five caches told."""

from collections.abc import Mapping

from benchmarks import shoal
from benchmarks.load import Plan
from benchmarks.model import Check, Result, Settings, at_least
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.series import Spread
from benchmarks.topology import Server, Topology
from benchmarks.workload import Ask

# Least speed against nginx answering a constant 200 (a bare aiohttp handler measured 0.28 to 0.31).
LEAST = {100: 0.12, 1_000: 0.12, 10_000: 0.06}


def run(settings: Settings) -> Result:
    """nginx, and a server for each size of the table, in turn."""
    with Topology() as topology:
        subjects = {"nginx": topology.nginx_200("null")}
        for size in LEAST:
            caches = shoal.tracked(size, settings.seed)
            server = shoal.start(topology, f"shoal_{size}", caches)
            shoal.check(server, caches)
            subjects[f"shoal_{size}"] = server
        ask = Ask("path", {}, path="/nearest", found=200)
        plans = {
            name: same_every_round(_plan(server, ask, settings.seconds))
            for name, server in subjects.items()
        }
        rounds = interleave_calm(topology, plans, settings.repeat)
        ratios = rounds.all_against("nginx")
        return Result(
            rounds.table(),
            ratios,
            rounds.statuses(),
            tuple(_check(size, ratios[f"shoal_{size} / nginx"]) for size in LEAST),
            (f"seed {settings.seed}, 200 places, 5 caches an answer", *rounds.disturbed()),
        )


def _plan(server: Server, ask: Ask, seconds: float) -> Plan:
    return Plan(server.host, server.port, server.pid, ask, seconds=seconds)


def _check(size: int, ratio: Mapping[str, Spread]) -> Check:
    """By rate or by CPU, whichever says less."""
    value = min(ratio["rate"].median, ratio["cpu"].median)
    return at_least(f"/nearest with {size} tracked / nginx", value, LEAST[size])

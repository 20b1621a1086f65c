"""What can a hot lane reach, and does it slow the others? One path answered before the parser, in the gateway's own protocol server.

``seam_fixed`` asks for that path, ``seam_other`` for another one on the same server: its speed beside ``bare_aiohttp`` is the price
that ordinary requests pay for the seam.
"""

from benchmarks.corpus import Corpus, lookup_path
from benchmarks.model import Result, Settings
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.scene import set_up
from benchmarks.topology import Server, Topology, python

FIXED = 7


def run(settings: Settings) -> Result:
    """nginx, bare aiohttp, and both paths of the server with the seam, in turn."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        seam = _start(topology, scene.location())
        subjects = {
            "nginx": (topology.nginx(scene.location()), 0),
            "bare_aiohttp": (topology.bare_aiohttp(scene.location()), 0),
            "seam_fixed": (seam, FIXED),
            "seam_other": (seam, FIXED + 1),
        }
        plans = {
            name: same_every_round(
                scene.plan(server, scene.ask("fixed", first=index), settings.seconds)
            )
            for name, (server, index) in subjects.items()
        }
        rounds = interleave_calm(topology, plans, settings.repeat)
        price = {"seam_other / bare_aiohttp": rounds.against("seam_other", "bare_aiohttp")}
        return Result(
            rounds.table(),
            rounds.all_against("nginx") | price,
            rounds.statuses(),
            notes=rounds.disturbed(),
        )


def _start(topology: Topology, location: str) -> Server:
    command = python("-m", "benchmarks.peers.hot_seam", lookup_path(FIXED), location)
    process = topology.start("seam", command, topology.server_cores)
    return Server("127.0.0.1", int(topology.first_line("seam", process)), process.pid)

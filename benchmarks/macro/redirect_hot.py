"""How fast is a redirect whose answer is cached? 10,000 names, Zipf 1.0, three client zones, 5 % of names nowhere."""

from collections.abc import Mapping

from benchmarks.corpus import Corpus
from benchmarks.model import Check, Result, Settings, at_least
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.scene import Scene, check_redirects, described, set_up
from benchmarks.series import Spread
from benchmarks.topology import Server, Topology

# Least speed of one worker against nginx (a bare aiohttp handler measured 0.28 to 0.31).
LEAST_LOG_OFF = 0.18
LEAST_LOG_ON = 0.14


def run(settings: Settings) -> Result:
    """nginx, bare aiohttp, the gateway without and with an access log file, and with a flight recorder, in turn."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        subjects = {
            "nginx": topology.nginx(scene.location()),
            "bare_aiohttp": topology.bare_aiohttp(scene.location()),
            "gateway": _warm(scene, "gateway"),
            "gateway_log": _warm(
                scene, "gateway_log", service={"access_log": str(topology.directory / "access.log")}
            ),
            "gateway_flights": _warm(
                scene,
                "gateway_flights",
                recording={"folder": str(topology.directory / "flights")},
            ),
        }
        names = scene.ask("zipf", seed=settings.seed)
        constant = scene.ask("fixed")
        plans = {
            name: same_every_round(
                scene.plan(server, names if "gateway" in name else constant, settings.seconds)
            )
            for name, server in subjects.items()
        }
        rounds = interleave_calm(topology, plans, settings.repeat)
        ratios = rounds.all_against("nginx")
        return Result(
            rounds.table(),
            ratios
            | {
                "gateway / bare_aiohttp": rounds.against("gateway", "bare_aiohttp"),
                "gateway_flights / gateway": rounds.against("gateway_flights", "gateway"),
            },
            rounds.statuses(),
            (
                _check("gateway / nginx, access log off", ratios["gateway / nginx"], LEAST_LOG_OFF),
                _check(
                    "gateway / nginx, access log on", ratios["gateway_log / nginx"], LEAST_LOG_ON
                ),
            ),
            (described(scene.corpus), *rounds.disturbed()),
        )


def _warm(scene: Scene, name: str, **more: Mapping[str, object]) -> Server:
    """A gateway that has answered every name once, rightly."""
    server = scene.gateway(name, None, **more)
    scene.warm(server, scene.ask("each"))
    check_redirects(scene, server)
    return server


def _check(text: str, ratio: Mapping[str, Spread], bound: float) -> Check:
    """By rate or by CPU, whichever says less: on a busy machine the first flatters, with an idle nginx the second."""
    return at_least(text, min(ratio["rate"].median, ratio["cpu"].median), bound)

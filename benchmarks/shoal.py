"""A table of caches for benchmarks: places on a grid, networks in them, heartbeats that put caches there, and what is right to answer."""

import base64
import http.client
import json
import math
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from benchmarks.model import WrongAnswer
from benchmarks.topology import Server, Topology, fetch
from shoalpy.signing import Algorithm, Key, sign

# Callers come from these networks, which the load generator uses, and stand there.
ZONES = {"127.0.11.1": (46.2, 6.15), "127.0.12.1": (41.85, -88.31), "127.0.13.1": (48.46, -123.31)}
CAPACITY_KBPS = 122_000.0
_KEY = Key("bench", Algorithm.HMAC_SHA256, b"0123456789abcdef" * 2)
_PLACES = 200
_PATH = "/v2/heartbeats"
# Costs that differ by less are told in random order.
_TIE = 0.001


@dataclass(frozen=True, slots=True)
class Tracked:
    """One cache: where it is reached, where it stands, what it sends."""

    number: int
    address: str
    place: tuple[float, float]
    load_kbps: float

    def cost(self, caller: tuple[float, float]) -> float:
        """By the formula of reference section 7.1, from scratch."""
        (a, b), (c, d) = (map(math.radians, caller), map(math.radians, self.place))
        half = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
        angle = 2 * math.asin(min(1.0, math.sqrt(half)))
        return 0.5 * angle / math.pi + 0.5 * self.load_kbps / CAPACITY_KBPS


def tracked(count: int, seed: int) -> list[Tracked]:
    """So many caches in 200 places, the same for the same seed."""
    source = random.Random(seed)
    places = [
        (round(source.uniform(-60, 70), 2), round(source.uniform(-180, 180), 2))
        for _ in range(_PLACES)
    ]
    return [
        Tracked(
            number,
            str(ip_address("100.64.0.0") + (number % _PLACES) * 256 + number // _PLACES + 1),
            places[number % _PLACES],
            round(source.uniform(0, CAPACITY_KBPS), 1),
        )
        for number in range(count)
    ]


def start(topology: Topology, name: str, caches: Sequence[Tracked]) -> Server:
    """A server that tracks these caches and verifies none."""
    secret = base64.b64encode(_KEY.secret).decode()
    (topology.directory / "keys").write_text(f"bench hmac-sha256 {secret}\n")
    server = topology.shoal(name, '[beats]\nkeys_file = "keys"\n' + tables(caches))
    fill(server, caches)
    return server


def tables(caches: Sequence[Tracked]) -> str:
    """The part of a configuration that places callers and these caches, and verifies none."""
    lines = ["[verification]\nenabled = false", "[registry]\ninactive_s = 3600"]
    networks = {f"{zone.rpartition('.')[0]}.0/24": place for zone, place in ZONES.items()}
    networks |= {f"{one.address.rpartition('.')[0]}.0/24": one.place for one in caches}
    lines += [
        f'[[geo.networks]]\nnetworks = ["{network}"]\nposition = [{place[0]}, {place[1]}]'
        for network, place in networks.items()
    ]
    return "\n".join(lines) + "\n"


def fill(server: Server, caches: Sequence[Tracked]) -> None:
    """Post a heartbeat of each. Raises ``WrongAnswer`` when one is not taken."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
    try:
        for one in caches:
            body = heartbeat(one, time.time())
            nonce = secrets.token_hex(8)
            headers = sign(_KEY, path=_PATH, body=body, now_s=time.time(), nonce=nonce)
            connection.request("POST", _PATH, body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise WrongAnswer(f"heartbeat {one.number}: {answer.status} {said[:200]!r}")
    finally:
        connection.close()


def heartbeat(one: Tracked, now_s: float) -> bytes:
    """What its agent says."""
    beat = {
        "uuid": f"cache-{one.number}",
        "hostname": f"squid{one.number}.example.org",
        "timestamp": now_s,
        "load": one.load_kbps,
        "cache_port": 3128,
        "cache_type": "squid",
        "upstream": "both",
        "verified": True,
        "max_load": CAPACITY_KBPS,
        "public_ip": one.address,
    }
    return json.dumps(beat).encode()


def check(server: Server, caches: Sequence[Tracked]) -> None:
    """Every zone is told of the five best, by costs worked out here, ties aside. Raises ``WrongAnswer``."""
    for zone, place in ZONES.items():
        status, _, body = fetch(server.port, "GET", "/nearest", source=zone)
        told = json.loads(body) if status == 200 else None
        if not told or list(told) != [str(rank) for rank in range(5)]:
            raise WrongAnswer(f"{zone}: {status} {body[:200]!r}")
        right = sorted(one.cost(place) for one in caches)[:5]
        for entry, cost in zip(told.values(), right, strict=True):
            number = int(entry["hostname"].removeprefix("squid").partition(".")[0])
            own = caches[number].cost(place)
            if abs(entry["distance"] - own) > 1e-4 or abs(own - cost) > 2 * _TIE:
                raise WrongAnswer(
                    f"{zone}: {entry['hostname']} at {entry['distance']}, it costs {own}, {cost} is right"
                )

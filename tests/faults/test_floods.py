"""An endpoint that sends without end: does the gateway grow, and are others still answered?"""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.peers.ask import ask
from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.testing import Encoding, Faults, Part, StorageElement, Tree, Xml, in_thread

pytestmark = [pytest.mark.fault, pytest.mark.functional, pytest.mark.slow]

DEADLINE_S = 20.0
AT_ONCE = 8
ROUNDS = 5
# What eight answers may hold at once, each up to the reader's limit and the buffers before it; and what later ones may add.
FIRST_MB, LATER_MB = 64, 32

FLOODS = {
    "a body without end": Faults(endless=Part.BODY),
    "headers without end": Faults(endless=Part.HEAD),
    "1xx heads without end": Faults(interim=-1, gap_s=0.0),
    "a gigabyte, compressed": Faults(encoding=Encoding.BOMB),
    "megabytes in one property": Faults(xml=Xml.JUNK),
    "entities of entities": Faults(xml=Xml.ENTITY_BOMB),
}
_numbers = count()


@pytest.fixture(scope="module")
def flooding():
    with in_thread(StorageElement(Tree({f"/f{n}": b"0123456789" for n in range(1000)}))) as one:
        yield one


@pytest.fixture(scope="module")
def healthy():
    with in_thread(StorageElement(Tree({f"/h{n}": b"0123" for n in range(1000)}))) as one:
        yield one


@pytest.fixture(scope="module")
def gateway(flooding, healthy, tmp_path_factory):
    text = configuration(
        {
            "flooding": {"url": flooding.base_url, **QUIET},
            "healthy": {"url": healthy.base_url, **QUIET},
        },
        federation={"deadline_s": DEADLINE_S},
        health=NEVER_EJECT,
    )
    with GatewayStarter(tmp_path_factory.mktemp("floods")) as start:
        gateway = start(config=text)
        ask("GET", f"{gateway.url}/f999")  # whatever is loaded on first use
        yield gateway


def peak_mb(gateway: Gateway) -> float:
    """The most memory the gateway ever had resident (VmHWM of proc(5))."""
    process = gateway.process._process
    assert process is not None
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell")


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_held_back(gateway, flooding, name):
    flooding.faults = FLOODS[name]
    before_mb = peak_mb(gateway)
    after_mb = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # those that end by the deadline alone are not repeated
        for _ in range(1 if "1xx" in name else ROUNDS):
            paths = [f"/f{next(_numbers)}" for _ in range(AT_ONCE)]
            asked = [pool.submit(ask, "GET", gateway.url + path, timeout_s=120) for path in paths]
            other = ask("HEAD", f"{gateway.url}/h{next(_numbers)}", timeout_s=DEADLINE_S / 2)
            assert (other.status, other.headers["content-length"]) == (200, "4")
            for answer in asked:
                assert answer.result().status in (502, 504)
                assert 'next-hop="flooding"' in answer.result().headers["proxy-status"]
            after_mb.append(peak_mb(gateway))
    flooding.faults = Faults()
    assert after_mb[0] - before_mb < FIRST_MB
    assert after_mb[-1] - after_mb[0] < LATER_MB

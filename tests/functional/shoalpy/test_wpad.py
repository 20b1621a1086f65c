"""``/wpad.dat`` of a running server, evaluated by pacparser, as CVMFS and Frontier clients do."""

import json

import pytest

from tests.functional.shoalpy.shoal import BATAVIA, GENEVA, NOWHERE, Shoal, ShoalStarter
from tests.functional.shoalpy.test_pac import EVENLY

pytestmark = pytest.mark.functional

CONTENT_TYPE = "application/x-ns-proxy-autoconfig"
CVMFS_URL = "http://s1.example/cvmfs/atlas.cern.ch/.cvmfspublished"
FRONTIER_URL = "http://launchpad.example:8000/atlr"


def pac(shoal: Shoal, *, source: str = NOWHERE, host: str = "wpad.example", query: str = "") -> str:
    """The script, which must be one."""
    answer = shoal.ask(f"/wpad.dat{query}", source=source, headers={"Host": host})
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers["cache-control"] == "max-age=0"
    assert int(answer.headers["content-length"]) == len(answer.body)
    return answer.body.decode("ascii")


@pytest.mark.row("S7")
def test_the_script_of_the_nearest_caches(start_shoal, pacparser):
    shoal = start_shoal("")
    empty = pac(shoal)
    assert pacparser.answer(empty) == "DIRECT"

    for number in range(12):
        said = shoal.beat(f"c{number}", public_ip=f"192.0.2.{number + 1}", load=5000.0 * number)
        assert said.status == 200
    assert shoal.beat("varnish", public_ip="192.0.2.40", cache_type="varnish").status == 200

    near = pacparser.answer(pac(shoal, source=GENEVA)).split("; ")
    assert near == [f"PROXY http://c{n}.example.org:3128" for n in range(10)] + ["DIRECT"]
    head = shoal.ask("/wpad.dat", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert shoal.ask("/wpad.dat", method="POST").status == 405
    assert shoal.metric('shoalpy_answers_total{answer="wpad",status="200"}') == 3


NEAR_BATAVIA = """
[[geo.networks]]
networks = ["2001:db8:99::/48"]
site = "neighbour"
position = [41.9, -88.2]
"""


@pytest.mark.row("S38")
def test_callers_and_caches_with_ipv6(start_shoal, pacparser):
    shoal = start_shoal(NEAR_BATAVIA)
    assert shoal.beat("v4", public_ip="192.0.2.1").status == 200
    v6 = shoal.beat("v6", hostname="vm6", public_ip="2001:db8:12::6", cache_port=8080)
    assert v6.status == 200
    brackets, four = "PROXY http://[2001:db8:12::6]:8080", "PROXY http://v4.example.org:3128"

    # near it, but in another network, where its short name means nothing
    near = pac(shoal, query="?ip=2001:db8:99::1")
    assert pacparser.answer(near) == f"{brackets}; {four}; DIRECT"
    assert pacparser.answer(pac(shoal, source=GENEVA)) == f"{four}; {brackets}; DIRECT"
    # in its own network
    for script in (pac(shoal, source=BATAVIA), pac(shoal, query="?ip=2001:db8:12::99")):
        assert pacparser.answer(script) == f"PROXY http://vm6:8080; {four}; DIRECT"
    assert shoal.hosts("/nearest?ip=2001:db8:99::1")[0] == "vm6"


@pytest.mark.row("S8", "S9")
def test_equal_caches_rotate_in_either_style(start_shoal, pacparser):
    for style, scheme in (("wlcg", "http://"), ("standard", "")):
        shoal = start_shoal(f'[wpad]\nstyle = "{style}"\n')
        names = [f"eq{number}" for number in range(4)]
        for number, name in enumerate(names):
            assert shoal.beat(name, public_ip=f"192.0.2.{number + 1}").status == 200
        script = pac(shoal, source=GENEVA)
        counts = pacparser.counts(EVENLY + script, 1000)
        firsts = {answer.partition(";")[0]: count for answer, count in counts.items()}
        assert set(firsts) == {f"PROXY {scheme}{name}.example.org:3128" for name in names}
        assert all(237.5 <= count <= 262.5 for count in firsts.values())
        # all of them are there each time, for failover
        for answer in counts:
            assert sorted(answer.split("; ")) == sorted([*firsts, "DIRECT"])
        assert set(pacparser.counts(script, 1000)) == set(counts)


@pytest.mark.row("S10")
def test_urls_go_to_caches_that_front_them(start_shoal, pacparser):
    shoal = start_shoal(
        """
[[wpad.destinations]]
name = "cvmfs"
globs = ["*/cvmfs/*"]
upstream = "cvmfs"

[[wpad.destinations]]
name = "frontier"
globs = ["*:8000/*"]
upstream = "frontier"
"""
    )
    assert shoal.beat("one", upstream="cvmfs").status == 200
    assert shoal.beat("two", upstream="frontier", public_ip="192.0.2.2", load=60000).status == 200
    script = pac(shoal, source=GENEVA)
    assert pacparser.answer(script, CVMFS_URL) == "PROXY http://one.example.org:3128; DIRECT"
    assert pacparser.answer(script, FRONTIER_URL) == "PROXY http://two.example.org:3128; DIRECT"
    assert pacparser.answer(script) == (
        "PROXY http://one.example.org:3128; PROXY http://two.example.org:3128; DIRECT"
    )


SITES = """
[[geo.networks]]
networks = ["192.0.2.128/26", "127.0.21.0/24"]
organisation = "University of A"

[[geo.networks]]
networks = ["198.51.100.128/26", "127.0.22.0/24"]
organisation = "Institut f\u00fcr B"

[[geo.networks]]
networks = ["127.0.23.0/24"]
organisation = "Nobody's"

[[geo.networks]]
networks = ["203.0.113.128/26", "127.0.24.0/24"]
organisation = "Closed"

[wpad]
worker_proxies = "worker-proxies.json"
shoal_squids = "shoal-squids.json"
export_worker_proxies = "out-worker-proxies.json"
export_shoal_squids = "out-shoal-squids.json"
reload_s = 0.2

[[wpad.destinations]]
name = "cvmfs"
globs = ["*/cvmfs/*"]
backups = ["backup1.example", "backup2.example:8080"]

[[wpad.destinations]]
name = "frontier"
globs = ["*:8000/*"]

[[wpad.hosts]]
name = "wlcg.example"
proxies = ["WLCG"]

[[wpad.hosts]]
name = "backed.example"
proxies = ["WLCG+BACKUP"]

[[wpad.hosts]]
name = "home.example"
proxies = ["WLCG", "OVERLOAD=cvmfs;3;60;30", "cvmfs=DIRECT", "frontier=f.example;g.example:80", "NEAREST"]

[[wpad.hosts]]
name = "none.example"
proxies = []
"""
WORKERS = {
    "squid.a.example": {
        "ips": {"squid.a.example": ["192.0.2.130"]},
        "names": ["SITE-A"],
        "cmsnames": ["T2_A"],
        "source": "wlcg",
        "proxies": [
            {
                "ipranges": ["127.0.21.128/25"],
                "names": ["CLOUD-A"],
                "default": ["cloud.a.example:80"],
            },
            {
                "default": ["squid1.a.example:3128", "squid2.a.example:3128"],
                "loadbalance": "proxies",
            },
        ],
    },
    "squid.closed.example": {
        "ips": {"squid.closed.example": ["203.0.113.130"]},
        "names": ["CLOSED"],
        "source": "wlcg",
        "disabled": "squid is closed for repair",
    },
}
SQUIDS = {
    "vm1": {
        "public_ip": "198.51.100.130",
        "private_ip": "10.1.0.1",
        "city": "Bonn",
        "country_code": "DE",
    },
    "vm2": {"public_ip": "198.51.100.131", "city": "Bonn", "country_code": "DE"},
    "dup": {"public_ip": "192.0.2.131"},
}
AT_A, IN_CLOUD, AT_B, AT_NOBODY, AT_CLOSED = (
    *("127.0.21.1", "127.0.21.200", "127.0.22.1"),
    *("127.0.23.1", "127.0.24.1"),
)


@pytest.fixture(scope="module")
def wlcg(tmp_path_factory):
    """A server with files of sites, and the folder they are in."""
    folder = tmp_path_factory.mktemp("wlcg")
    (folder / "worker-proxies.json").write_text(json.dumps(WORKERS))
    (folder / "shoal-squids.json").write_text(json.dumps(SQUIDS))
    with ShoalStarter(folder) as start:
        yield start(SITES), folder


def refusal(shoal: Shoal, source: str, host: str) -> str:
    answer = shoal.ask("/wpad.dat", source=source, headers={"Host": host})
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def first_line(script: str) -> str:
    return script.partition("\n")[0]


@pytest.mark.row("S11")
def test_backups_none_and_the_name_of_the_site(wlcg, pacparser):
    shoal, _ = wlcg
    script = pac(shoal, source=AT_A, host="backed.example")
    assert first_line(script) == "// For SITE-A; CMS: T2_A"
    squids = {f"PROXY http://squid{n}.a.example:3128" for n in (1, 2)}
    *own, backup1, backup2 = pacparser.answer(script, CVMFS_URL).split("; ")
    assert set(own) == squids
    assert (backup1, backup2) == (
        "PROXY http://backup1.example:3128",
        "PROXY http://backup2.example:8080",
    )
    assert set(pacparser.answer(script).split("; ")) == squids
    assert pacparser.answer(pac(shoal, source=AT_A, host="none.example")) == "NONE"


@pytest.mark.row("S74")
def test_an_organisation_gets_the_squids_it_registered_and_balances_them(wlcg, pacparser):
    shoal, _ = wlcg
    script = pac(shoal, source=AT_A, host="wlcg.example:80")
    one, two = (f"PROXY http://squid{n}.a.example:3128" for n in (1, 2))
    assert set(pacparser.counts(EVENLY + script, 100)) == {f"{one}; {two}", f"{two}; {one}"}
    # for the address of another by ?ip=
    assert pac(shoal, host="wlcg.example", query="?ip%3d192.0.2.150") == script


@pytest.mark.row("S74")
def test_self_registered_squids_serve_organisations_without_a_registered_one(wlcg, pacparser):
    shoal, _ = wlcg
    script = pac(shoal, source=AT_B, host="wlcg.example")
    assert first_line(script) == "// For Bonn.DE"
    one, two = "PROXY http://10.1.0.1:3128", "PROXY http://198.51.100.131:3128"
    assert set(pacparser.counts(EVENLY + script, 100)) == {f"{one}; {two}", f"{two}; {one}"}


@pytest.mark.row("S74")
def test_a_range_of_addresses_has_its_own(wlcg, pacparser):
    shoal, _ = wlcg
    script = pac(shoal, source=IN_CLOUD, host="wlcg.example")
    assert first_line(script) == "// For CLOUD-A"
    assert pacparser.answer(script) == "PROXY http://cloud.a.example:80"


@pytest.mark.row("S74")
def test_refusals(wlcg):
    shoal, _ = wlcg
    for source, host, reason in (
        (AT_NOBODY, "wlcg.example", "no squid found matching the remote ip address"),
        (NOWHERE, "wlcg.example", "no org found for remote ip address"),
        (AT_CLOSED, "wlcg.example", "squid is closed for repair"),
        (AT_A, "unheard.example", "Unrecognized host name"),
    ):
        assert refusal(shoal, source, host) == f"Bad Request: {reason}\n"
    answer = shoal.ask("/wpad.dat?ip=nonsense", headers={"Host": "wlcg.example"})
    assert (answer.status, answer.text) == (400, "Bad Request: bad ip address given\n")


@pytest.mark.row("S74")
def test_who_asks_too_often_is_sent_to_the_backups(wlcg, pacparser):
    shoal, _ = wlcg
    for _ in range(3):
        script = pac(shoal, source=AT_NOBODY, host="home.example")
        assert pacparser.answer(script, CVMFS_URL) == "DIRECT"
        assert pacparser.answer(script, FRONTIER_URL) == (
            "PROXY http://f.example:3128; PROXY http://g.example:80"
        )
        assert pacparser.answer(script) == "NONE"
    script = pac(shoal, source=AT_NOBODY, host="home.example")
    assert first_line(script).startswith("// Organization blocked for 30 minutes (load 133%)")
    assert pacparser.answer(script) == (
        "PROXY http://backup1.example:3128; PROXY http://backup2.example:8080"
    )
    # those with squids of their own are never counted
    for _ in range(5):
        assert first_line(pac(shoal, source=AT_A, host="home.example")).startswith("// For SITE-A")


@pytest.mark.row("S73")
def test_files_are_read_and_written_again_and_again(wlcg):
    shoal, folder = wlcg

    def comment() -> str:
        return first_line(pac(shoal, source=AT_A, host="wlcg.example"))

    def exported(name: str) -> dict[str, dict[str, object]]:
        # whole at any moment, or this is no JSON
        found: dict[str, dict[str, object]] = json.loads((folder / f"out-{name}.json").read_bytes())
        return found

    assert shoal.beat("tracked", public_ip="192.0.2.7", private_ip="10.0.0.7").status == 200
    assert shoal.beat("other-port", public_ip="192.0.2.8", cache_port=8000).status == 200
    shoal.until(lambda: "tracked.example.org" in exported("shoal-squids"))
    assert exported("shoal-squids") == {
        "tracked.example.org": {
            "public_ip": "192.0.2.7",
            "private_ip": "10.0.0.7",
            "city": "Geneva",
            "country_code": "CH",
        }
    }
    assert exported("worker-proxies")["squid.a.example"]["names"] == ["SITE-A"]

    before = json.dumps(WORKERS)
    beside = folder / "new.json"
    beside.write_text(before.replace("SITE-A", "SITE-Z"))
    beside.replace(folder / "worker-proxies.json")
    try:
        shoal.until(lambda: comment() == "// For SITE-Z; CMS: T2_A")
        shoal.until(lambda: exported("worker-proxies")["squid.a.example"]["names"] == ["SITE-Z"])
        # half a file is none: what was known stays
        (folder / "worker-proxies.json").write_text(before[:100])
        stamp = (folder / "out-shoal-squids.json").stat().st_ino
        assert shoal.beat("later", public_ip="192.0.2.9").status == 200
        shoal.until(lambda: (folder / "out-shoal-squids.json").stat().st_ino != stamp)
        assert comment() == "// For SITE-Z; CMS: T2_A"
    finally:
        beside.write_text(before)
        beside.replace(folder / "worker-proxies.json")
    shoal.until(lambda: comment() == "// For SITE-A; CMS: T2_A")


WLCG_CONF = """\
destshexps cvmfs=*/cvmfs/*
hostproxies lhc.example=cvmfs=DIRECT,p1.example,p2.example:8080  # in this order
fsadconf monitor=198.51.100.7
"""


@pytest.mark.row("S74")
def test_the_file_of_a_wlcg_service_says_what_callers_are_told(start_shoal, pacparser, tmp_path):
    file = tmp_path / "wlcgwpad.conf"
    file.write_text(WLCG_CONF)
    shoal = start_shoal(f'[wpad]\nrules_file = "{file}"\nreload_s = 0.2\n')

    script = pac(shoal, host="lhc.example")
    listed = "PROXY http://p1.example:3128; PROXY http://p2.example:8080"
    assert pacparser.answer(script, url=FRONTIER_URL) == listed
    assert pacparser.answer(script, url=CVMFS_URL) == "DIRECT"
    refused = shoal.ask("/wpad.dat", headers={"Host": "wpad.example"})
    assert (refused.status, refused.text) == (400, "Bad Request: Unrecognized host name\n")
    assert "monitor=198.51.100.7\n" in shoal.ask("/fsad.conf").text

    beside = tmp_path / "beside"
    beside.write_text("hostproxies wpad.example=DIRECT\n")
    beside.replace(file)
    shoal.until(lambda: shoal.ask("/wpad.dat", headers={"Host": "wpad.example"}).status == 200)
    assert "monitor" not in shoal.ask("/fsad.conf").text


@pytest.mark.row("S16")
def test_hostile_host_names_never_reach_a_script(start_shoal, pacparser):
    shoal = start_shoal("")
    for number, name in enumerate(
        ['x";evil();"', "x\\", "x\ny", "x;PROXY evil:1", "\u2028", "${x}"]
    ):
        assert shoal.beat(f"bad{number}", hostname=name).status == 422
    assert shoal.beat("good").status == 200
    assert (
        pacparser.answer(pac(shoal, source=GENEVA)) == "PROXY http://good.example.org:3128; DIRECT"
    )

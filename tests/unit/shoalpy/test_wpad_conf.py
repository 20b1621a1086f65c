"""Does the file of a WLCG service mean here what it means there?"""

import pytest

from shoalpy.proxylist import Proxy
from shoalpy.wpad.conf import WlcgConf, parse_conf
from shoalpy.wpad.overload import Limit
from shoalpy.wpad.policy import DestinationSettings, HostSettings, WpadPolicy
from shoalpy.wpad.rules import HostRules, parse_rules
from ugrpy.core.errors import ConfigError

FILE = """\
# Configuration of a WLCG service
destshexps cvmfs=*/cvmfs/*
destshexps\tfrontier=*:8000/*,*/frontier/*   # two of them
destshexps both=cvmfs,frontier
backupproxies cvmfs=b1.example,b2.example:8080
backupproxies both=cvmfs,b3.example

hostproxies wlcg-wpad.example=WLCG
hostproxies lhc.example=WLCG+BACKUP,OVERLOAD=both;1000;15;60,cvmfs=DIRECT,frontier=f1.example;f2.example,p.example
hostproxies alias.example=lhc.example
hostproxies direct.example=DIRECT
hostproxies none.example=
overload excludes=Provider%2c Inc.,ISP
overload excludes=Other
fsadconf monitor=198.51.100.7
fsadconf query=a=b
"""


def proxy(name, port=3128):
    return Proxy(name, port)


@pytest.mark.row("S74")
def test_a_whole_file():
    conf = parse_conf(FILE)
    assert conf.problems == ()
    rules = parse_rules(conf.under(WpadPolicy()), conf.fsad)
    lhc = HostRules(
        sites=True,
        site_backups=True,
        overload=("both", Limit(1000, 15, 60)),
        destinations={"cvmfs": (), "frontier": (proxy("f1.example"), proxy("f2.example"))},
        direct_destinations=frozenset({"cvmfs"}),
        proxies=(proxy("p.example"),),
    )
    assert rules.hosts == {
        "wlcg-wpad.example": HostRules(sites=True),
        "lhc.example": lhc,
        "alias.example": lhc,
        "direct.example": HostRules(direct=True),
        "none.example": HostRules(empty=True),
    }
    frontier = ("*:8000/*", "*/frontier/*")
    assert {name: one.globs for name, one in rules.destinations.items()} == {
        "cvmfs": ("*/cvmfs/*",),
        "frontier": frontier,
        "both": ("*/cvmfs/*", *frontier),
    }
    assert rules.destinations["both"].backups == (
        proxy("b1.example"),
        proxy("b2.example", 8080),
        proxy("b3.example"),
    )
    assert rules.excluded == {"provider, inc.", "isp", "other"}
    assert rules.fsad == {"monitor": "198.51.100.7", "query": "a=b"}


def test_backups_may_be_named_that_no_pattern_belongs_to():
    conf = parse_conf("backupproxies all=b.example\nhostproxies h=OVERLOAD=all;1;2;3,DIRECT\n")
    rules = parse_rules(conf.under(WpadPolicy()))
    assert rules.hosts["h"].overload == ("all", Limit(1, 2, 3))
    assert rules.destinations["all"].globs == ()
    assert rules.destinations["all"].backups == (proxy("b.example"),)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hostproxies", "expected: option name=list"),
        ("hostproxies lhc.example", "expected: option name=list"),
        ("hostproxies =WLCG", "expected: option name=list"),
        ("proxies lhc.example=WLCG", "nothing is known by proxies lhc.example=WLCG"),
        ("destshexps cvmfs=", "nothing is known by destshexps cvmfs="),
        ("overload includes=ISP", "nothing is known by overload includes=ISP"),
        ("fsadconf a b=c", "expected name=value on one line"),
    ],
)
def test_a_line_that_says_nothing_is_passed_over_and_told(line, why):
    conf = parse_conf(f"hostproxies a=DIRECT\n\n{line}\nhostproxies b=DIRECT\n")
    assert [host.name for host in conf.hosts] == ["a", "b"]
    (problem,) = conf.problems
    assert problem.startswith(f"line 3: {why}")


def test_our_own_settings_count_before_the_file():
    conf = parse_conf(
        "destshexps cvmfs=*/old/*\ndestshexps both=cvmfs,*/f/*\n"
        "hostproxies h=cvmfs=DIRECT,p.example\nhostproxies alias=h\n"
    )
    ours = WpadPolicy(
        hosts=(HostSettings(name="H", proxies=("DIRECT",)),),
        destinations=(DestinationSettings(name="cvmfs", globs=("*/new/*",)),),
        overload_excludes=("ISP",),
    )
    rules = parse_rules(conf.under(ours))
    assert rules.hosts == {"h": HostRules(direct=True), "alias": HostRules(direct=True)}
    assert rules.destinations["cvmfs"].globs == ("*/new/*",)
    assert rules.destinations["both"].globs == ("*/new/*", "*/f/*")
    assert rules.excluded == {"isp"}
    assert WlcgConf().under(ours) == ours


@pytest.mark.parametrize(
    "line",
    [
        "hostproxies h=OVERLOAD=unknown;1;2;3,DIRECT",
        "hostproxies h=unknown=DIRECT,p.example",
        "hostproxies h=ht tp://p.example",
        'destshexps cvmfs=*");alert(1)//',
        "backupproxies cvmfs=b.example:port",
    ],
)
def test_a_list_that_makes_no_sense_is_refused(line):
    with pytest.raises(ConfigError):
        parse_rules(parse_conf(line).under(WpadPolicy()))

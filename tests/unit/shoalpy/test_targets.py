"""What is asked of which cache, and what an answer says."""

from ipaddress import ip_address

import pytest

from shoalpy.model import Cache, CacheType, Upstream
from shoalpy.targets import (
    SAYS_WHO,
    Answer,
    Ask,
    Outcome,
    Targets,
    judge,
    parse_cvmfs_path,
    parse_cvmfs_url,
    parse_target_path,
    parse_target_url,
    rounds_for,
)
from tests.unit.shoalpy.tracked import NOW, beat, facts

WHITELIST = "http://one.test:8000/cvmfs/atlas-condb.cern.ch/.cvmfswhitelist"
LAUNCHPAD = "http://frontier.test/atlr"
MANIFEST = "/cvmfs/oasis.opensciencegrid.org/.cvmfspublished"
TARGETS = Targets((WHITELIST,), (LAUNCHPAD,), (MANIFEST,), ("/atlr",))
HOME = ip_address("192.0.2.1")
FRESH = {**SAYS_WHO, "Cache-Control": "max-age=0"}


def cache(kind: CacheType, upstream: Upstream) -> Cache:
    return Cache(beat("one", kind=kind, upstream=upstream), NOW, NOW, facts(None))


THROUGH = Ask(WHITELIST, "one.test:8000", "http://192.0.2.1:3128", {}, "atlas-condb")
TO_LAUNCHPAD = Ask(LAUNCHPAD, "frontier.test", "http://192.0.2.1:3128", FRESH)
OWN_MANIFEST = Ask(f"http://192.0.2.1:3128{MANIFEST}", MANIFEST, "", {}, "oasis")
OWN_PAGE = Ask("http://192.0.2.1:3128/atlr", "/atlr", "", FRESH)


@pytest.mark.parametrize(
    ("kind", "upstream", "rounds"),
    [
        (CacheType.SQUID, Upstream.CVMFS, [[THROUGH]]),
        (CacheType.SQUID, Upstream.BOTH, [[THROUGH]]),
        (CacheType.SQUID, Upstream.FRONTIER, [[TO_LAUNCHPAD]]),
        (CacheType.VARNISH, Upstream.CVMFS, [[OWN_MANIFEST]]),
        (CacheType.VARNISH, Upstream.FRONTIER, [[OWN_PAGE]]),
        (CacheType.VARNISH, Upstream.BOTH, [[OWN_MANIFEST], [OWN_PAGE]]),
    ],
)
def test_what_is_asked_of_whom(kind, upstream, rounds):
    assert rounds_for(cache(kind, upstream), HOME, TARGETS) == rounds


def test_a_squid_in_front_of_both_may_have_to_be_good_for_both():
    targets = Targets((WHITELIST,), (LAUNCHPAD,), (), (), squid_both_needs_frontier=True)
    squid = cache(CacheType.SQUID, Upstream.BOTH)
    assert rounds_for(squid, HOME, targets) == [[THROUGH], [TO_LAUNCHPAD]]


def test_lists_without_targets_ask_nothing():
    nothing = Targets((), (), (), ())
    assert rounds_for(cache(CacheType.VARNISH, Upstream.BOTH), HOME, nothing) == []


def test_an_address_of_version_6_has_brackets():
    ((ask,),) = rounds_for(
        cache(CacheType.SQUID, Upstream.CVMFS), ip_address("2001:db8::1"), TARGETS
    )
    assert ask.proxy == "http://[2001:db8::1]:3128"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {}, b"2026\nNatlas-condb.cern.ch\nrest"), Outcome.PASSED),
        (Answer(200, {}, b"2026\r\nNatlas-condb.cern.ch\r\n"), Outcome.PASSED),
        (Answer(200, {}, b"2026\natlas-condb.cern.ch\n"), Outcome.WRONG),
        (Answer(200, {}, b"Nsft.cern.ch\n"), Outcome.WRONG),
        (Answer(200, {}, b""), Outcome.WRONG),
        (Answer(404, {}, b"Natlas-condb.cern.ch"), Outcome.WRONG),
        (Answer(302, {}, b"Natlas-condb.cern.ch"), Outcome.WRONG),
        (Answer(403, {}, b"<title>ERR_ACCESS_DENIED"), Outcome.DENIED),
        (Answer(200, {}, b"Natlas-condb ERR_ACCESS_DENIED"), Outcome.DENIED),
        (Answer(403, {"x-squid-error": "ERR_ACCESS_DENIED 0"}), Outcome.DENIED),
        (Answer(503, {"X-Squid-Error": "ERR_CONNECT_FAIL 111"}), Outcome.WRONG),
        (Answer(failed=Outcome.SILENT), Outcome.SILENT),
        (Answer(failed=Outcome.NO_CONNECTION), Outcome.NO_CONNECTION),
    ],
)
def test_what_an_answer_says(answer, outcome):
    assert judge(THROUGH, answer) is outcome


def test_a_launchpad_has_only_to_answer():
    assert judge(OWN_PAGE, Answer(200, {}, b"anything")) is Outcome.PASSED
    assert judge(OWN_PAGE, Answer(301, {}, b"")) is Outcome.WRONG


@pytest.mark.parametrize(
    "url", ["http://one.test/x", "http://one.test:8000/", "http://[::1]:80/a?b=c"]
)
def test_urls_that_a_proxy_can_be_asked_for(url):
    assert parse_target_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "one.test/x",
        "https://one.test/x",
        "http:///x",
        "http://one.test:0/",
        "http://one.test:99999/",
        "http://[::1/",
        "http://user@one.test/",
        "http://one.test/#x",
        "http://one.test/a b",
        "http://one.test/\r\nX: y",
    ],
)
def test_what_is_no_such_url(url):
    with pytest.raises(ValueError, match="expected a URL that begins with http://"):
        parse_target_url(url)


@pytest.mark.parametrize("path", ["", "atlr", "//host/atlr", "/at lr", "/\n", "http://x/"])
def test_what_is_no_path(path):
    with pytest.raises(ValueError, match="expected a path that begins with /"):
        parse_target_path(path)


def test_files_must_name_their_repository():
    assert parse_target_path("/atlr") == "/atlr"
    assert parse_cvmfs_url(WHITELIST) == WHITELIST
    assert parse_cvmfs_path(MANIFEST) == MANIFEST
    for wrong in ("http://one.test/x", "http://one.test/cvmfs/.cvmfswhitelist"):
        with pytest.raises(ValueError, match="expected a file below /cvmfs/REPOSITORY/"):
            parse_cvmfs_url(wrong)
    with pytest.raises(ValueError, match="expected a file below /cvmfs/REPOSITORY/"):
        parse_cvmfs_path("/atlr")

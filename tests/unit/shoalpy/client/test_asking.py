"""Which URL is asked, when the tests of proxies end, and what the settings take."""

import pytest

from shoalpy.client.candidates import Passed, Route
from shoalpy.client.discover import question
from shoalpy.client.settings import TrialSettings, load_client
from shoalpy.client.trials import asks_for, is_enough
from shoalpy.model import Upstream
from shoalpy.proxylist import Proxy
from ugrpy.core.errors import ConfigError


@pytest.mark.parametrize(
    ("server", "upstream", "url"),
    [
        ("http://s.example", Upstream.CVMFS, "http://s.example/nearestcvmfs/7/"),
        ("https://s.example/", Upstream.FRONTIER, "https://s.example/nearestconditions/7/"),
        ("s.example:8100", Upstream.CVMFS, "http://s.example:8100/nearestcvmfs/7/"),
        ("http://s.example/nearest", Upstream.FRONTIER, "http://s.example/nearest/7/"),
        ("http://s.example/shoal/nearest/", Upstream.CVMFS, "http://s.example/shoal/nearest/7/"),
    ],
)
def test_some_more_are_asked_for_than_are_kept(server, upstream, url):
    assert question(server, upstream, 2) == url


def test_others_are_awaited_only_while_they_could_be_used():
    def route(cache, near=False):
        return Route(cache, Proxy(f"p{cache}", 1), near)

    found = [Passed(route(0), 0.1), Passed(route(1), 0.1)]
    assert is_enough(found, [route(2)], 2)
    assert not is_enough(found, [route(2)], 3)
    assert not is_enough(found, [route(2, near=True)], 2)
    # two ways to one cache are one cache
    assert not is_enough([found[0], Passed(route(0, near=True), 0.1)], [], 2)


def test_a_proxy_is_asked_for_what_its_upstream_has():
    settings = TrialSettings()
    cvmfs = asks_for(settings, Upstream.CVMFS, "http://p:1")
    assert {one.label for one in cvmfs} == {"atlas"}
    assert len({one.url for one in cvmfs}) == 4
    (frontier,) = asks_for(settings, Upstream.FRONTIER, "http://p:1")
    assert frontier.headers["X-frontier-id"] == "shoal-client"
    assert {one.proxy for one in (*cvmfs, frontier)} == {"http://p:1"}


@pytest.mark.parametrize(
    "text",
    [
        "[client]\ncaches = 0\n",
        "[client]\ndefault_proxies = 'a b'\n",
        "[client]\ncvmfs_url = 'ftp://x'\n",
        "[client]\nunknown = 1\n",
        "[tests]\ncvmfs = ['http://x/y']\n",
        "[tests]\ncvmfs = []\n",
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path, text):
    file = tmp_path / "client.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"client\.toml"):
        load_client([file], environ={})


def test_settings_can_come_from_the_environment(tmp_path):
    file = tmp_path / "client.toml"
    file.write_text("[client]\ndefault_proxies = 'a:1;DIRECT'\nstate_file = 'here.json'\n")
    tables = load_client([file], environ={"SHOAL_CLIENT_CLIENT__CACHES": "3"}).tables
    assert tables.client.caches == 3
    assert tables.client.default_proxies == "http://a:1;DIRECT"
    assert tables.client.state_file == str(tmp_path / "here.json")

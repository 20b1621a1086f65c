"""Does the gateway run as a process of its own, before real servers and under real clients?"""

import pytest

from tests.peers.ask import ask
from tests.peers.process import ServerFailed

pytestmark = pytest.mark.functional


def test_a_gateway_serves_ends_and_comes_back(start_gateway, nginx_dav, curl):
    nginx_dav.write("gateway/file", b"through")
    gateway = start_gateway({"one": nginx_dav.url})
    assert curl("-sSL", f"{gateway.url}/gateway/file").check().stdout == b"through"
    url = gateway.url
    gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        ask("GET", f"{url}/gateway/file")
    gateway.start()
    assert gateway.url == url
    assert ask("HEAD", f"{url}/gateway/file").status == 200


def test_two_gateways_run_side_by_side_one_from_a_file(start_gateway, nginx_dav, nginx_plain):
    nginx_dav.write("side/a", b"a")
    nginx_plain.write("side/b", b"bb")
    first = start_gateway(
        {"dav": nginx_dav.url}, locations={"dav": (48.5, -123.3)}, trusted_proxies=["127.0.0.0/8"]
    )
    second = start_gateway(config=f'[endpoints.plain]\nurl = "{nginx_plain.url}"\nkind = "http"\n')
    assert ask("HEAD", f"{first.url}/side/a").headers["content-length"] == "1"
    assert ask("HEAD", f"{second.url}/side/b").headers["content-length"] == "2"
    assert first.admin_url != second.admin_url


def test_a_gateway_that_cannot_start_shows_its_log(start_gateway):
    with pytest.raises(ServerFailed, match="nonsense"):
        start_gateway(config="[nonsense]\n")

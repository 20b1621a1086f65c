"""Old configuration files load unchanged, and what they say that nobody knows is warned of."""

import pytest

from shoalpy.agent.settings import load_agent
from shoalpy.client.settings import load_client
from shoalpy.config import load
from shoalpy.ini import read_settings, translate
from ugrpy.core.errors import ConfigError

AGENT = """\
[general]
interval=30
max_load=-112
admin_email = admin@example.org
[rabbitmq]
amqp_server_url=shoal.example.org
amqp_port=5672
amqp_virtual_host=/
amqp_exchange=shoal
amqp_username=unused
colour=blue
[logging]
log_file=/var/log/shoal_agent.log
logging_level=ERROR
"""
SERVER = """\
[general]
shoal_dir = /var/www/shoal/
[cache]
cache_inactive_time = 170
cache_verification = True
cache_verify_interval = 3600
cache_max_load = 122000
cache_distloadweight = 0.4
[rabbitmq]
amqp_server_url = localhost
use_credentials = True
amqp_username = me
amqp_password = p%word
[nonsense]
a = b
"""
CLIENT = "[general]\ncvmfs_url = http://s.example/nearestcvmfs\ndefault_cache_proxy = http://p.example:3128\n"


@pytest.mark.row("S57")
def test_an_agents_file():
    found = translate(AGENT, "agent", "shoal_agent.conf")
    tables = load_agent(overrides=found.tree, environ={}).tables
    assert (tables.agent.interval_s, tables.agent.max_load_kbps) == (30.0, 0.0)
    assert (tables.amqp.host, tables.amqp.port, tables.amqp.username) == (
        "shoal.example.org",
        5672,
        "guest",
    )
    assert tables.mail.to == "admin@example.org"
    assert found.warnings == ["shoal_agent.conf:11: unknown key rabbitmq.colour, passed over"]


@pytest.mark.row("S57")
def test_a_servers_file(tmp_path):
    (tmp_path / "shoal_server.conf").write_text(SERVER)
    files, tree = read_settings([tmp_path / "shoal_server.conf", tmp_path / "more.toml"], "server")
    assert files == [tmp_path / "more.toml"]
    tables = load(overrides=tree, environ={}).tables
    assert (tables.registry.inactive_s, tables.ranking.distance_weight) == (170.0, 0.4)
    assert (tables.amqp.username, tables.amqp.password) == ("me", "p%word")
    assert translate(SERVER, "server", "f").warnings == [
        "f:15: unknown key nonsense.a, passed over"
    ]


@pytest.mark.row("S57")
def test_a_clients_file():
    found = translate(CLIENT, "client", "shoal_client.conf")
    tables = load_client(overrides=found.tree, environ={}).tables
    assert tables.client.cvmfs_url == "http://s.example/nearestcvmfs"
    assert tables.client.default_proxies == "http://p.example:3128"
    assert not found.warnings


def test_a_value_that_cannot_be_read_is_told_with_its_line():
    with pytest.raises(ConfigError, match=r"f:2: 'many' cannot be the value"):
        translate("[general]\ninterval = many\n", "agent", "f")
    with pytest.raises(ConfigError, match="f"):
        translate("nonsense", "agent", "f")


@pytest.mark.row("S57", "S74")
def test_the_file_of_a_wlcg_service_is_read_where_it_is_read_again(tmp_path):
    file = tmp_path / "wlcgwpad.conf"
    file.write_text("hostproxies h=WLCG\n")
    files, tree = read_settings([file], "server")
    assert files == []
    assert load(overrides=tree, environ={}).tables.wpad.rules_file == str(file)

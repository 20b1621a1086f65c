"""Sources, their order, and what is told of the result."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from ugrpy.config import (
    Absence,
    Configuration,
    InvalidConfiguration,
    Listen,
    LogLevel,
    UnixSocket,
    load,
)
from ugrpy.core.errors import ConfigError
from ugrpy.health.policy import HealthPolicy
from ugrpy.locality.model import NetworkPlace, Position, PreferenceRule
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.paths import Mount
from ugrpy.transport.options import TransportOptions

EVERYTHING = """\
[service]
listen = ["127.0.0.1:8080", "[::1]:8080"]
admin = "unix:/run/ugrpy/admin.sock"
workers = 4
trusted_proxies = ["10.0.0.0/8"]
log_level = "debug"
shutdown_s = 5

[federation]
prefixes = ["/myfed/", "/myfed2"]
deadline_s = 3.5

[cache]
ttl_s = 60

[health]
eject_after = 5

[locality]
fuzz_km = 0
[[locality.networks]]
networks = ["192.168.0.0/16"]
position = [48.46, -123.31]
country = "ca"
[[locality.rules]]
networks = ["10.1.0.0/16"]
asns = [16462]
prefer = ["uvic"]

[endpoints.uvic]
url = "davs://SE.uvic.example/dav/"
mounts = ["/atlas = /data/atlas", "/belle"]
location = [48.46, -123.31]
absence = "strict"
max_connections = 8
[endpoints."se.cern"]
url = "http://se.cern.example"
kind = "http"
"""


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path: Path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def problems(*files: Path, overrides=None, environ=None) -> list[str]:
    """The lines of the error, directories left out."""
    with pytest.raises(InvalidConfiguration) as caught:
        load(files, overrides=overrides or {}, environ=environ or {})
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    directory = f"{files[0].parent}/" if files else ""
    return [str(one).replace(directory, "") for one in caught.value.problems]


def test_without_any_source_there_are_defaults():
    configuration = load(environ={"PATH": "/bin", "UGRPY_CONFIG": "x"})
    assert configuration == Configuration()
    assert configuration.endpoints == ()
    assert configuration.service.listen == (Listen("127.0.0.1", 8080),)
    assert configuration.origin("cache.ttl_s") == "default"


def test_every_table(write):
    file = write("site.toml", EVERYTHING)
    found = load([file], environ={})
    assert found.service.listen == (Listen("127.0.0.1", 8080), Listen("::1", 8080))
    assert found.service.admin == UnixSocket("/run/ugrpy/admin.sock")
    assert found.service.workers == 4
    assert found.service.trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert found.service.log_level is LogLevel.DEBUG
    assert found.federation.prefixes == ("/myfed", "/myfed2")
    assert isinstance(found.federation, FanoutPolicy)
    assert found.federation.deadline_s == 3.5
    assert found.cache.ttl_s == 60
    assert found.health.eject_after == 5
    assert found.locality.fuzz_km == 0
    assert found.locality.networks == (
        NetworkPlace((ip_network("192.168.0.0/16"),), Position(48.46, -123.31), "CA"),
    )
    assert found.locality.rules == (
        PreferenceRule((ip_network("10.1.0.0/16"),), (16462,), ("uvic",)),
    )
    uvic, cern = found.endpoints
    assert (uvic.name, uvic.url, uvic.kind) == ("uvic", "https://se.uvic.example/dav", "dav")
    assert uvic.mounts == (Mount("/atlas", "/data/atlas"), Mount("/belle", "/"))
    assert uvic.location == Position(48.46, -123.31)
    assert uvic.absence is Absence.STRICT
    assert uvic.transport == TransportOptions(max_connections=8)
    assert (cern.name, cern.kind, cern.mounts) == ("se.cern", "http", (Mount("/"),))
    assert found.origin("cache.ttl_s") == f"{file}:14"
    assert found.origin("endpoints.se.cern.kind") == f"{file}:38"
    assert found.origin("locality.rules[0].asns[0]") == f"{file}:27"


def test_the_command_line_alone_makes_a_federation():
    overrides = {
        "service": {"listen": ("127.0.0.1:9000",), "workers": None},
        "locality": {"geoip": [], "fuzz_km": None},
        "endpoints": {
            "a": {"url": "http://a", "location": "48.4,-123.3"},
            "b": {"url": "http://b"},
        },
    }
    found = load(overrides=overrides, environ={})
    assert [one.name for one in found.endpoints] == ["a", "b"]
    assert found.endpoints[0].location == Position(48.4, -123.3)
    assert found.service.workers == 1
    assert found.origin("endpoints.a.url") == "command line"
    assert found.origin("service.workers") == "default"


def test_later_sources_win(write):
    main = write(
        "site.toml",
        "[cache]\nttl_s = 1\nmax_items = 1\nnegative_ttl_s = 1\n[health]\nslow_after = 1\n",
    )
    first = write(
        "site.toml.d/10-a.toml", "[cache]\nttl_s = 2\nmax_items = 2\nnegative_ttl_s = 2\n"
    )
    write("site.toml.d/20-b.toml", "[cache]\nttl_s = 3\nmax_items = 3\n")
    write("site.toml.d/.hidden.toml", "broken")
    write("site.toml.d/notes.txt", "broken")
    other = write("other.toml", "[health]\nslow_after = 9\n")
    found = load(
        [main, other],
        environ={"UGRPY_CACHE__MAX_ITEMS": "4", "UGRPY_CACHE__TTL_S": "4"},
        overrides={"cache": {"ttl_s": 5.0}},
    )
    assert found.cache.ttl_s == 5
    assert found.cache.max_items == 4
    assert found.cache.negative_ttl_s == 2
    assert found.health.slow_after == 9
    assert found.origin("cache.ttl_s") == "command line"
    assert found.origin("cache.max_items") == "environment"
    assert found.origin("cache.negative_ttl_s") == f"{first}:4"
    assert found.origin("health.slow_after") == f"{other}:2"


def test_an_endpoint_differs_from_the_health_table_in_what_it_sets(write):
    file = write(
        "site.toml",
        '[health]\neject_after = 5\nprobe_interval_s = 4.0\n[endpoints.plain]\nurl = "http://plain"\n'
        '[endpoints."se-1".health]\neject_after = 1\nreturn_after = 3\n[endpoints.se-1]\nurl = "http://se"\n'
        '[endpoints.inline]\nurl = "http://inline"\nhealth = { slow_after = 7 }\n',
    )
    environ = {
        "UGRPY_ENDPOINTS__SE_1__HEALTH__RETURN_AFTER": "10",
        "UGRPY_HEALTH__MAX_LATENCY_S": "2.5",
    }
    found = load([file], environ=environ)
    common = HealthPolicy(eject_after=5, probe_interval_s=4.0, max_latency_s=2.5)
    assert found.health == common
    assert {one.name: one.health for one in found.endpoints} == {
        "plain": None,
        "se-1": replace(common, eject_after=1, return_after=10),
        "inline": replace(common, slow_after=7),
    }
    assert found.origin("endpoints.se-1.health.eject_after") == f"{file}:7"
    assert found.origin("endpoints.se-1.health.return_after") == "environment"
    assert found.origin("endpoints.inline.health.slow_after") == f"{file}:13"
    assert found.origin("endpoints.plain.health.eject_after") == "default"


def test_what_is_wrong_in_an_endpoints_health_is_told_once_and_by_line(write):
    file = write(
        "site.toml",
        '[health]\nreturn_after = 0\n[endpoints.a]\nurl = "http://a"\n[endpoints.a.health]\n'
        'eject_after = -1\neject_afer = 1\n[endpoints.b]\nurl = "http://b"\nhealth = 5\n',
    )
    assert problems(file) == [
        "site.toml:2: health.return_after: expected at least 1, got 0",
        "site.toml:6: endpoints.a.health.eject_after: expected at least 0, got -1",
        "site.toml:7: endpoints.a.health.eject_afer: unknown key; did you mean 'eject_after'?",
        "site.toml:10: endpoints.b.health: expected a table, got 5",
    ]


def test_drop_ins_bring_endpoints_networks_and_rules(write):
    rule = (
        '[[locality.rules]]\nasns = [{0}]\nprefer = ["{1}"]\n[endpoints.{1}]\nurl = "http://{1}"\n'
    )
    main = write("site.toml", rule.format(1, "a"))
    drop_in = write("site.toml.d/b.toml", "\n" + rule.format(2, "b"))
    found = load([main], environ={})
    assert [(one.asns, one.prefer) for one in found.locality.rules] == [
        ((1,), ("a",)),
        ((2,), ("b",)),
    ]
    assert [one.name for one in found.endpoints] == ["a", "b"]
    assert found.origin("locality.rules") == f"{main}:1"
    assert found.origin("locality.rules[1].asns") == f"{drop_in}:3"


def test_plain_lists_are_replaced_with_their_origins(write):
    main = write("site.toml", '[service]\ntrusted_proxies = ["10.0.0.0/8", "10.0.0.0/9"]\n')
    drop_in = write("site.toml.d/b.toml", '[service]\ntrusted_proxies = ["192.0.2.0/24"]\n')
    found = load([main], environ={})
    assert found.service.trusted_proxies == (ip_network("192.0.2.0/24"),)
    assert found.origin("service.trusted_proxies[0]") == f"{drop_in}:2"
    assert found.origin("service.trusted_proxies[1]") == "default"


def test_file_names_are_relative_to_their_file(write, tmp_path, monkeypatch):
    for name in ("city.mmdb", "certs/ca.pem", "here.mmdb"):
        write(name, "")
    monkeypatch.chdir(tmp_path)
    endpoint = '[endpoints.a]\nurl = "http://a"\nca_file = "../certs/ca.pem"\n'
    main = write(
        "etc/site.toml",
        f'[service]\naccess_log = "log"\n[locality]\ngeoip = ["../city.mmdb"]\n{endpoint}',
    )
    found = load([main], environ={})
    assert found.locality.geoip[0].samefile(tmp_path / "city.mmdb")
    ca_file = found.endpoints[0].ca_file
    assert ca_file is not None
    assert ca_file.samefile(tmp_path / "certs/ca.pem")
    assert found.service.access_log == str(tmp_path / "etc/log")
    over = load([main], environ={}, overrides={"locality": {"geoip": [Path("here.mmdb")]}})
    assert over.locality.geoip == (Path("here.mmdb"),)


@pytest.mark.parametrize("written", ["-", ""])
def test_special_log_names_are_no_files(write, written):
    file = write("site.toml", f'[service]\naccess_log = "{written}"\n')
    assert load([file], environ={}).service.access_log == written


def test_the_environment_speaks_toml_and_finds_endpoints(write):
    file = write("site.toml", '[endpoints."SE-1.cern"]\nurl = "http://a"\n')
    found = load(
        [file],
        environ={
            "UGRPY_SERVICE__LISTEN": '["127.0.0.1:1", "127.0.0.1:2"]',
            "UGRPY_SERVICE__ADMIN": "",
            "UGRPY_SERVICE__LOG_LEVEL": "error",
            "UGRPY_ENDPOINTS__SE_1_CERN__WEIGHT": "2",
            "UGRPY_ENDPOINTS__NEW__URL": "http://new",
            "UGRPY_ENDPOINTS__NEW__VERIFY_TLS": "false",
        },
    )
    assert [one.port for one in found.service.listen] == [1, 2]
    assert found.service.admin is None
    assert found.service.log_level is LogLevel.ERROR
    assert {one.name: one.weight for one in found.endpoints} == {"SE-1.cern": 2, "new": 1}
    assert not found.endpoints[1].verify_tls


def test_a_value_in_the_environment_cannot_bring_keys():
    told = problems(environ={"UGRPY_CACHE__TTL_S": "1\nmax_items = 2"})
    assert told == ['environment: cache.ttl_s: expected a number, got "1\\nmax_items = 2"']


def test_the_environment_may_contradict_itself():
    told = problems(
        environ={
            "UGRPY_CACHE": "no setting",
            "UGRPY_CACHE__TTL_S": "1",
            "UGRPY_CACHE__TTL_S__X": "1",
        }
    )
    assert told == ["environment: cache.ttl_s: expected a number, got a table"]


def test_everything_wrong_is_told_at_once_by_line(write):
    file = write(
        "site.toml",
        """\
[service]
workers = "4"
listen = ["127.0.0.1:80", "0.0.0.0:80"]
admin = "127.0.0.1:80"
trusted_proxys = []
metrics_from = ["10.0.0.0/33",
  "2001:db8::1/32"]
log_level = "loud"
[cache]
ttl_s = -3
max_items = true
negative_ttl_s = inf
[federation]
new_prefix = "fed"
[locality]
geoip = ["no.mmdb"]
[[locality.networks]]
networks = []
position = [100, 2]
[[locality.rules]]
prefer = ["uvci"]
[endpoints.uvic]
url = "https://ada:secret@host/x"
name = "x"
location = [1]
kind = "davs"
[endpoints.b]
weights = 1.0
[endpoints."bad name"]
url = "ftp://x"
[caches]
""",
    )
    told = problems(file, overrides={"health": {"eject_after": 1.5}}, environ={"UGRPY_X__Y": "1"})
    known = "cache, changes, checksums, copy, downtimes, endpoints, federation, health, load, locality, recording, service, shared, streaming"
    network = "expected a network such as 192.0.2.0/24 or 2001:db8::/32, got"
    assert told == [
        'site.toml:2: service.workers: expected a whole number, got "4"',
        "site.toml:3: service.listen[1]: '0.0.0.0:80' cannot be listened on beside '127.0.0.1:80'",
        "site.toml:4: service.admin: '127.0.0.1:80' cannot be listened on beside '127.0.0.1:80'",
        "site.toml:5: service.trusted_proxys: unknown key; did you mean 'trusted_proxies'?",
        f"site.toml:6: service.metrics_from[0]: {network} \"10.0.0.0/33\": '33' is not a valid netmask",
        f'site.toml:7: service.metrics_from[1]: {network} "2001:db8::1/32": 2001:db8::1/32 has host bits set',
        "site.toml:8: service.log_level: expected 'debug', 'info', 'warning' or 'error', got \"loud\"",
        "site.toml:10: cache.ttl_s: expected a number greater than 0, got -3",
        "site.toml:11: cache.max_items: expected a whole number, got true",
        "site.toml:12: cache.negative_ttl_s: expected a finite number, got Infinity",
        "site.toml:14: federation.new_prefix: expected a path that starts with '/', got 'fed'",
        "site.toml:16: locality.geoip[0]: no.mmdb is missing or not readable",
        "site.toml:18: locality.networks[0].networks: expected at least 1 item(s), got an empty list",
        "site.toml:19: locality.networks[0].position.latitude_deg: expected at most 90, got 100",
        "site.toml:20: locality.rules[0]: a preference rule needs networks or asns "
        '(for every client write networks = ["0.0.0.0/0", "::/0"])',
        "site.toml:21: locality.rules[0].prefer[0]: there is no endpoint 'uvci'; did you mean 'uvic'?",
        "site.toml:23: endpoints.uvic.url: a URL must not hold a user name or password; logs and clients see it",
        "site.toml:24: endpoints.uvic.name: unknown key; the table's name, 'uvic', is it",
        "site.toml:25: endpoints.uvic.location: expected two numbers: latitude, longitude",
        "site.toml:26: endpoints.uvic.kind: unknown kind 'davs'; did you mean 'dav'?",
        "site.toml:27: endpoints.b.url: this key is required",
        "site.toml:28: endpoints.b.weights: unknown key; did you mean 'weight'?",
        "site.toml:29: endpoints.bad name: expected letters, digits, '.', '_' and '-', at most 63, "
        'the first a letter or digit, got "bad name"',
        "site.toml:30: endpoints.bad name.url: expected a URL with http, https, dav or davs, got 'ftp://x'",
        "site.toml:31: caches: unknown key; did you mean 'cache'?",
        "command line: health.eject_after: expected a whole number, got 1.5",
        f"environment: x: unknown key; known: {known}",
    ]


def test_an_endpoint_belongs_to_one_file(write):
    main = write("site.toml", '[endpoints.a]\nurl = "http://a"\n')
    write(
        "site.toml.d/x.toml",
        '# copied\n[endpoints.a]\nurl = "http://b"\n[endpoints.b]\nurl = "http://b"\n',
    )
    assert problems(main) == [
        "site.toml.d/x.toml:2: endpoints.a: the endpoint is already defined at site.toml:1; rename one"
    ]


def test_files_that_cannot_be_used_are_told_with_the_rest(write):
    rule = '[[locality.rules]]\nasns = [1]\nprefer = ["elsewhere"]\n[cache]\nttl_s = 0\n'
    main = write("site.toml", rule)
    write("site.toml.d/1.toml", "[endpoints.elsewhere]\nurl = \n")
    write("site.toml.d/2.toml", "[endpoints\n")
    write("site.toml.d/3.toml", "a = [1,\n")
    write("site.toml.d/4.toml", "").write_bytes(b"a = '\xff'")
    write("site.toml.d/5.toml", "[x]\n[x]")
    missing = main.parent / "missing.toml"
    told = problems(main, missing)
    assert told == [
        "missing.toml: cannot be read: No such file or directory",
        "site.toml:5: cache.ttl_s: expected a number greater than 0, got 0",
        "site.toml.d/1.toml:2: not TOML: Invalid value",
        "site.toml.d/2.toml:1: not TOML: Expected ']' at the end of a table declaration",
        "site.toml.d/3.toml:2: not TOML: Invalid value",
        "site.toml.d/4.toml: expected UTF-8; byte 5 breaks it",
        "site.toml.d/5.toml:2: not TOML: Cannot declare ('x',) twice",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cache = 3", "site.toml:1: cache: expected a table, got 3"),
        ("endpoints = 3", "site.toml:1: endpoints: expected a table, got 3"),
        ("endpoints.a = 3", "site.toml:1: endpoints.a: expected a table, got 3"),
        ("endpoints = []\n[x]", "site.toml:2: x: unknown key; "),
        (
            "service.listen = []",
            "site.toml:1: service.listen: expected at least 1 item(s), got an empty list",
        ),
        ("service.listen = 'a:1'", 'site.toml:1: service.listen: expected a list, got "a:1"'),
        ("service.log_level = 2026-01-01", "site.toml:1: service.log_level: expected 'debug'"),
        ("locality.rules = [1]", "site.toml:1: locality.rules[0]: expected a table, got 1"),
        (
            "locality.rules = [[]]",
            "site.toml:1: locality.rules[0]: expected a table, got an empty list",
        ),
        (
            "[[locality.rules]]\nasns=[1]\nfoo=1",
            "site.toml:3: locality.rules[0].foo: unknown key; known: asns, networks, prefer",
        ),
        (
            "federation.prefixes = ['/a/../b']",
            "site.toml:1: federation.prefixes[0]: '..' is not allowed in a path: '/a/../b'",
        ),
        (
            "service.admin = 'unix:x'",
            "site.toml:1: service.admin: expected unix: and an absolute path",
        ),
        ("origins = 1", "site.toml:1: origins: unknown key; known: cache"),
        (
            f"cache.ttl_s = '{'x' * 99}'",
            f'site.toml:1: cache.ttl_s: expected a number, got "{"x" * 58}…',
        ),
    ],
)
def test_wrong_shapes(write, text, told):
    found = problems(write("site.toml", text))
    assert any(line.startswith(told) for line in found), found


def test_it_is_a_configuration_error(write):
    with pytest.raises(ConfigError):
        load([write("site.toml", "x = 1")], environ={})


def test_equality_ignores_where_values_came_from(write):
    file = write("site.toml", "[cache]\nttl_s = 7.0\n")
    by_hand = load(overrides={"cache": {"ttl_s": 7.0}}, environ={})
    assert load([file], environ={}) == by_hand
    assert "origins" not in repr(by_hand)


@pytest.mark.parametrize(
    ("listen", "url", "itself"),
    [
        (["127.0.0.1:8080"], "http://127.0.0.1:8080/fed", True),
        (["0.0.0.0:80"], "http://127.0.0.1/fed", True),
        (["0.0.0.0:80"], "http://storage.example/fed", False),
        (["127.0.0.1:8080"], "http://127.0.0.2:8080/fed", False),
        (["127.0.0.1:8080"], "http://127.0.0.1:8090/fed", False),
        (None, "http://127.0.0.1:8080/fed", True),
    ],
)
def test_a_gateway_does_not_federate_itself(listen, url, itself):
    overrides = {"service": {"listen": listen, "admin": ""}, "endpoints": {"a": {"url": url}}}
    if not itself:
        assert load(overrides=overrides, environ={}).endpoints[0].name == "a"
        return
    with pytest.raises(InvalidConfiguration, match="is this gateway itself"):
        load(overrides=overrides, environ={})


@pytest.mark.parametrize("program", ["/no/such/program", "no-such-program", "/etc/passwd"])
def test_a_checksum_command_that_cannot_be_run_is_told(program):
    overrides = {"checksums": {"command": [program, "/not/a/program/either"]}}
    with pytest.raises(InvalidConfiguration, match=f"{program} is missing or not executable"):
        load(overrides=overrides, environ={})
    assert load(overrides={"checksums": {"command": ["sh", program]}}, environ={})

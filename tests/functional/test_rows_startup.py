"""What an operator is told at the start (row D147)."""

import os
import re
import subprocess
import sys

import pytest

from tests.peers.process import accepts_connections, free_port

pytestmark = pytest.mark.functional

# EX_CONFIG of sysexits.h
CANNOT_START = 78
TIMEOUT_S = 60.0

WRONG = """\
[service]
listen = ["nowhere"]
wrokers = 2

[federation]
deadline_s = "soon"
hedge_s = -1
prefixs = ["/x"]

[cahce]
ttl_s = 5

[endpoints.one]
url = "ftp://one.example"
heft = 2
mounts = ["relative"]

[endpoints.two]
kind = "gopher"
url = "http://two.example"
weight = -3
location = [91, 0]

[endpoints.three]
readable = "maybe"
"""
# line of the file, key, and what an operator has to read about it
EXPECTED = [
    (2, "service.listen", "host:port"),
    (3, "service.wrokers", "workers"),
    (6, "federation.deadline_s", "number"),
    (7, "federation.hedge_s", "at least 0"),
    (8, "federation.prefixs", "prefixes"),
    (10, "cahce", "cache"),
    (14, "endpoints.one.url", "http"),
    (15, "endpoints.one.heft", "unknown"),
    (16, "endpoints.one.mounts", "relative"),
    (19, "endpoints.two.kind", "gopher"),
    (21, "endpoints.two.weight", "at least 0"),
    (22, "endpoints.two.location", "90"),
    (24, "endpoints.three.url", ""),
    (25, "endpoints.three.readable", "true or false"),
]


def ugrpy(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, to its end, and no user's settings around it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UGRPY_")}
    done = subprocess.run(
        [sys.executable, "-m", "ugrpy", *arguments],
        check=False,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert "Traceback" not in done.stderr
    return done


def problems(told: str) -> list[tuple[str, str, str]]:
    """The lines as (where, key, message)."""
    lines = told.removeprefix("ugrpy: ").splitlines()
    matches = [re.fullmatch(r"(.*?): ([a-z_0-9.\[\]]+): (.*)", line) for line in lines]
    assert all(matches), told
    return [(match[1], match[2], match[3]) for match in matches if match]


@pytest.mark.row("D147")
@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_unknown_and_invalid_directives_are_listed_all_at_once(tmp_path, command):
    file = tmp_path / "site.toml"
    file.write_text(WRONG)
    done = ugrpy(command, f"--config={file}")
    assert (done.returncode, done.stdout) == (CANNOT_START, "")
    found = problems(done.stderr)
    assert len(found) == len(EXPECTED)
    for (where, key, message), (number, expected, said) in zip(found, EXPECTED, strict=True):
        assert where == f"{file}:{number}"
        assert key.startswith(expected)
        assert said in message


@pytest.mark.row("D147")
def test_directives_of_every_source_are_listed_with_where_they_stand(tmp_path):
    file, folder = tmp_path / "site.toml", tmp_path / "site.toml.d"
    file.write_text('[endpoints.a]\nurl = "http://a.example"\nurl2 = "x"\n')
    folder.mkdir()
    (folder / "10-cache.toml").write_text("[cache]\nttl = 5\n")
    done = ugrpy(
        *("serve", f"--config={file}", "--endpoint=b=gopher://b.example", "--listen=nowhere"),
        UGRPY_CACHE__TTLS="4",
        UGRPY_HEALTH__EJECT_AFTER="-4",
    )
    assert (done.returncode, done.stdout) == (CANNOT_START, "")
    assert sorted((where, key) for where, key, _ in problems(done.stderr)) == sorted(
        [
            (f"{file}:3", "endpoints.a.url2"),
            (f"{folder / '10-cache.toml'}:2", "cache.ttl"),
            ("command line", "endpoints.b.url"),
            ("command line", "service.listen[0]"),
            ("environment", "cache.ttls"),
            ("environment", "health.eject_after"),
        ]
    )


@pytest.mark.row("D147")
def test_with_one_unknown_directive_nothing_is_served(tmp_path):
    """It is no warning that scrolls by: what was meant to be set would not be."""
    port = free_port("127.0.0.1")
    file = tmp_path / "site.toml"
    text = f'[service]\nlisten = ["127.0.0.1:{port}"]\n[endpoints.a]\nurl = "http://a.example"\n'
    file.write_text(text)
    assert ugrpy("check-config", f"--config={file}").returncode == 0
    file.write_text(f"{text}listabel = false\n")
    done = ugrpy("serve", f"--config={file}")
    assert done.returncode == CANNOT_START
    assert problems(done.stderr) == [
        (f"{file}:5", "endpoints.a.listabel", "unknown key; did you mean 'listable'?")
    ]
    assert not accepts_connections("127.0.0.1", port)

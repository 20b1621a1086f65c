"""The ``ugrpy`` command as a user runs it: what it prints, where, and with which exit code."""

import gc
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

import pytest
import structlog

from ugrpy import __version__
from ugrpy.cli import main
from ugrpy.testing import Faults, FileNode, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

MTIME_S = 1_700_000_000
SAME = FileNode(b"hello", MTIME_S)
LONG = "/" + "/".join(f"a-long-name-of-a-collection-{n}" for n in range(5)) + "/file"
COMMANDS = (
    "endpoint",
    "serve",
    "check-config",
    "demo",
    "stat",
    "ls",
    "locate",
    "explain",
    "disagreements",
    "flights",
)
RED = "/odd/\x1b[31mred"  # a storage element may hold it; no request of ours can name it
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def ugrpy(*arguments: str, **environment: str) -> Done:
    """The console script, run here: a process for each would take minutes. ``real_ugrpy`` is for what needs one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UGRPY_")}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    try:
        with (
            patch.dict(os.environ, {**kept, "COLUMNS": "200", **environment}, clear=True),
            patch.object(sys, "argv", ["ugrpy", *arguments]),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as caught,
        ):
            main()
        with redirect_stderr(err):
            gc.collect()  # what was left open speaks now
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    return checked(int(caught.value.code or 0), text_of(out), text_of(err))


def text_of(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def real_ugrpy(*arguments: str, **environment: str) -> Done:
    """The command in a process of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UGRPY_")}
    done = subprocess.run(
        [sys.executable, "-m", "ugrpy", *arguments],
        check=False,
        env={**kept, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return checked(done.returncode, done.stdout, done.stderr)


def checked(returncode: int, stdout: str, stderr: str) -> Done:
    """Whatever happened, no user sees a traceback, nor what we forgot to close."""
    assert "Traceback" not in stderr
    assert "Unclosed" not in stderr
    return Done(returncode, stdout, stderr)


@pytest.fixture(scope="module")
def one() -> Iterator[StorageElement]:
    files: dict[str, FileNode | bytes] = {
        "/both": SAME,
        "/differs": b"12345",
        "/only-one": b"x",
        "/odd/a b%41#?": b"x",
        RED: b"x",
        LONG: b"x",
    }
    many: dict[str, FileNode | bytes] = {f"/many/{n:05}": b"" for n in range(3000)}
    with in_thread(StorageElement(Tree({**files, **many}))) as element:
        yield element


@pytest.fixture(scope="module")
def two() -> Iterator[StorageElement]:
    files: dict[str, FileNode | bytes] = {
        "/both": SAME,
        "/differs": b"1234567",
        "/sub/deeper": b"x",
    }
    with in_thread(StorageElement(Tree(files))) as element:
        yield element


@pytest.fixture(scope="module")
def endpoints(one, two) -> list[str]:
    return [f"--endpoint=one={one.base_url}", f"--endpoint=two={two.base_url}"]


@pytest.fixture
def hanging(two) -> Iterator[StorageElement]:
    """``two`` refuses to tell the truth for one test."""
    two.faults = Faults(status=500)
    yield two
    two.faults = Faults()


# -- about itself -------------------------------------------------------------------------------------


def test_version():
    done = real_ugrpy("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ugrpy {__version__}\n", "")


def test_help_names_every_command():
    done = ugrpy("--help")
    assert done.returncode == 0
    assert all(f" {command} " in done.stdout for command in COMMANDS)
    assert ugrpy("-h").stdout == done.stdout
    alone = ugrpy()
    assert alone.returncode == 2
    assert "Usage: ugrpy" in alone.stdout + alone.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = ugrpy(command, "--help")
    assert done.returncode == 0
    assert f"Usage: ugrpy {command} " in done.stdout
    assert "--protocol" not in done.stdout  # for experiments only


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell):
    done = ugrpy(_UGRPY_COMPLETE=f"source_{shell}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_UGRPY_COMPLETE=complete_{shell}" in done.stdout


def test_completion_is_offered_as_an_option():
    done = ugrpy("--help")
    assert "--show-completion" in done.stdout
    assert "--install-completion" in done.stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ugrpy st", ["stat"]),
        ("ugrpy check", ["check-config"]),
        ("ugrpy locate --cl", ["--client"]),
        ("ugrpy serve --prot", []),
    ],
)
def test_completion(words, completed):
    done = ugrpy(
        _UGRPY_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    assert done.stdout.split() == completed


def test_wrong_usage():
    done = ugrpy("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr
    assert ugrpy("stat").returncode == 2


# -- configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["serve"], ["serve", "--workers=2"]])
def test_nothing_to_serve_comes_with_a_hint(command):
    done = real_ugrpy(*command)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == (
        "ugrpy: there is no endpoint to federate\n"
        "hint: give --endpoint NAME=URL, or --config FILE\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--endpoint=a"], "--endpoint: 'a' is not of the form NAME=URL"),
        (["--endpoint==http://x"], "--endpoint: '=http://x' is not of the form NAME=URL"),
        (["--endpoint=a=http://x", "--endpoint=a=http://y"], "the endpoint 'a' is given twice"),
        (["--endpoint=a=ftp://x"], "ftp"),
        (["--endpoint=a b=http://x"], "a b"),
        (["--endpoint=a=http://x", "--location=a"], "'a' is not of the form NAME=LAT,LON"),
        (["--endpoint=a=http://x", "--location=a=1"], "--location: '1' is not LAT,LON in degrees"),
        (["--endpoint=a=http://x", "--location=a=x,y"], "'x,y' is not LAT,LON in degrees"),
        (["--endpoint=a=http://x", "--location=a=91,0"], "91"),
        (["--endpoint=a=http://x", "--location=b=1,2"], "endpoints.b"),
        (["--endpoint=a=http://x", "--geoip=/no/such/file.mmdb"], "/no/such/file.mmdb"),
        (["--endpoint=a=http://x", "--loop=curio"], "'curio' is neither uvloop nor asyncio"),
        (["--endpoint=a=http://x", "--listen=nonsense"], "nonsense"),
        (["--endpoint=a=http://x", "--admin=0.0.0.0:1"], "loopback"),
        (["--endpoint=a=http://x", "--trusted-proxy=everybody"], "everybody"),
        (["--endpoint=a=http://x", "--protocol=no.such:Class"], "cannot load no.such:Class"),
        (["--endpoint=a=http://x", "--protocol=os:getpid"], "os:getpid is no GatewayProtocol"),
        (["--endpoint=a=http://x", "--access-log=/"], "service.access_log: cannot open /"),
    ],
)
def test_options_that_cannot_be_used(options, said):
    done = ugrpy("serve", "--listen=127.0.0.1:0", *options)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("ugrpy: ")
    assert said in done.stderr


def test_a_good_configuration(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(
        '[endpoints.one]\nurl = "https://one.example/data"\nmounts = ["/atlas", "/cms = /store"]\n'
        '[endpoints.two]\nurl = "http://two.example"\nkind = "http"\n'
    )
    done = ugrpy("check-config", f"--config={file}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "the configuration is good: 2 endpoints\n"
        "  one: dav https://one.example/data at /atlas, /cms\n"
        "  two: http http://two.example at /\n"
    )


@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_all_that_is_wrong_with_file_and_line(tmp_path, command):
    file = tmp_path / "site.toml"
    file.write_text(
        '[endpoints.one]\nurl = "https://one.example"\nheft = 2\n\n[cache]\nttl_s = -1\n'
    )
    done = ugrpy(command, f"--config={file}")
    assert (done.returncode, done.stdout) == (78, "")
    assert f"{file}:3" in done.stderr
    assert "heft" in done.stderr
    assert f"{file}:6" in done.stderr


def test_a_file_that_is_not_toml_or_not_there(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text("[endpoints\n")
    done = ugrpy("check-config", f"--config={file}")
    assert done.returncode == 78
    assert f"{file}:1" in done.stderr
    done = ugrpy("check-config", f"--config={tmp_path}/missing.toml")
    assert done.returncode == 78
    assert "missing.toml" in done.stderr


def test_an_authority_file_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("garbage")
    file = tmp_path / "site.toml"
    file.write_text(
        '[service]\nlisten = ["127.0.0.1:0"]\nadmin = ""\n[endpoints.one]\nurl = "https://one.invalid"\n'
        '[endpoints.two]\nurl = "https://two.invalid"\nca_file = "ca.pem"\n'
    )
    done = real_ugrpy("serve", f"--config={file}", PYTHONWARNINGS="always")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"ugrpy: ca_file: cannot read {tmp_path}/ca.pem: ")
    assert "Warning" not in done.stderr


# -- asking -------------------------------------------------------------------------------------------


def test_stat(endpoints):
    done = ugrpy("stat", "/both", *endpoints)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "name       both",
        "kind       file",
        "size       5",
        "modified   2023-11-14T22:13:20Z",
        "holders    one, two",
        "conflicts  -",
        "missing    -",
    ]


def test_stat_as_json(endpoints):
    done = ugrpy("stat", "/differs", "--json", *endpoints)
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert (facts["name"], facts["kind"], facts["missing"]) == ("differs", "file", {})
    assert len(facts["conflicts"]) == 1
    assert facts["conflicts"][0]["about"] == "size"
    told = ugrpy("stat", "/differs", *endpoints).stdout
    assert "about: size" in told


def test_a_slash_at_the_start_may_be_left_out(endpoints):
    assert ugrpy("stat", "both", *endpoints).stdout == ugrpy("stat", "/both", *endpoints).stdout


def test_stat_of_the_root_and_of_a_collection(endpoints):
    assert "name       /\nkind       collection\n" in ugrpy("stat", "/", *endpoints).stdout
    done = ugrpy("stat", "/sub", *endpoints)
    assert (done.returncode, "holders    two\n" in done.stdout) == (0, True)


def test_ls(endpoints):
    done = ugrpy("ls", *endpoints)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "             5  2023-11-14T22:13:20Z   2  both" in lines
    assert "             1  2023-11-14T22:13:20Z   1  only-one" in lines
    assert [line.split()[-1] for line in lines if line.endswith("/")] == [
        "a-long-name-of-a-collection-0/",
        "many/",
        "odd/",
        "sub/",
    ]
    (differing,) = [line for line in lines if " differs" in line]
    assert differing.endswith("differs !")


def test_ls_as_json(endpoints):
    done = ugrpy("ls", "/odd", "--json", *endpoints)
    assert done.returncode == 0
    listing = json.loads(done.stdout)
    assert (listing["path"], listing["missing"]) == ("/odd", {})
    assert {entry["name"] for entry in listing["entries"]} == {"a b%41#?", "\x1b[31mred"}
    assert "\x1b" not in done.stdout


def test_ls_of_a_file_is_that_file(endpoints):
    done = ugrpy("ls", "/both", *endpoints)
    assert done.returncode == 0
    assert done.stdout == "             5  2023-11-14T22:13:20Z   2  both\n"


def test_a_terminal_is_not_steered_by_names(endpoints):
    done = ugrpy("ls", "/odd", *endpoints)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred" in done.stdout


def test_locate(endpoints, one, two):
    done = ugrpy("locate", "/both", *endpoints, "--location=one=48,-123", "--location=two=46,6")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == {
        f"one\t{one.base_url}/both",
        f"two\t{two.base_url}/both",
    }
    done = ugrpy("locate", "/odd/a b%41#?", *endpoints)
    assert done.stdout == f"one\t{one.base_url}/odd/a%20b%2541%23%3F\n"


def test_locate_for_a_client(tmp_path, one, two):
    file = tmp_path / "site.toml"
    file.write_text(
        f'[endpoints.one]\nurl = "{one.base_url}"\n[endpoints.two]\nurl = "{two.base_url}"\n'
        '[[locality.rules]]\nnetworks = ["192.0.2.0/24"]\nprefer = ["two"]\n'
        '[[locality.rules]]\nnetworks = ["2001:db8::/32"]\nprefer = ["one"]\n'
    )
    for client, order in (("192.0.2.7", ["two", "one"]), ("2001:db8::7", ["one", "two"])):
        done = ugrpy("locate", "/both", "--json", f"--client={client}", f"--config={file}")
        assert done.returncode == 0
        assert [replica["endpoint"] for replica in json.loads(done.stdout)] == order
        done = ugrpy("explain", "/both", "--json", f"--client={client}", f"--config={file}")
        assert [one["id"] for one in json.loads(done.stdout)["ranked"]["chosen"]] == order


def test_explain(endpoints, one):
    done = ugrpy("explain", "/only-one", "--client=192.0.2.7", *endpoints)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/only-one as seen by 192.0.2.7" in done.stdout
    assert f"answer: 302 {one.base_url}/only-one" in done.stdout
    assert "absent" in done.stdout


def test_explain_says_who_is_outvoted(endpoints):
    done = ugrpy("explain", "/differs", *endpoints)
    assert done.returncode == 0
    assert "conflict: " in done.stdout
    assert "says size" in done.stdout


def test_explain_of_nothing_is_an_answer(endpoints):
    done = ugrpy("explain", "/nothing", *endpoints)
    assert done.returncode == 0
    assert "answer: 404 " in done.stdout


def test_explain_never_cuts_a_url(endpoints, one, two):
    url = f"{one.base_url}{LONG}"
    done = ugrpy("explain", LONG, *endpoints, COLUMNS="60")
    assert done.returncode == 0
    assert max(map(len, done.stdout.split("How it was ranked")[0].splitlines())) <= 60
    rows = [line.split("│")[1:-1] for line in done.stdout.splitlines() if line.count("│") == 5]
    assert "".join(row[3].strip() for row in rows) == url + url.replace(one.base_url, two.base_url)
    assert "…" not in done.stdout
    assert f"answer: 302 {url}\n" in done.stdout


# -- exit codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["stat", "ls", "locate"])
def test_not_found_is_1(endpoints, command):
    done = ugrpy(command, "/nothing", *endpoints)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ugrpy: /nothing: no storage element holds it\n"


@pytest.mark.parametrize("command", ["locate", "explain"])
def test_a_client_that_is_no_address_is_2(endpoints, command):
    done = ugrpy(command, "/both", "--client=here", *endpoints)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ugrpy: 'here' is not an IP address\n"


def test_a_path_that_cannot_be_is_2(endpoints, tmp_path):
    done = ugrpy("stat", "/a\nb", *endpoints)
    assert (done.returncode, done.stdout) == (2, "")
    file = tmp_path / "site.toml"
    file.write_text('[federation]\nprefixes = ["/fed/data"]\n')
    for path, said in (
        ("/x", "/x lies outside the prefixes /fed/data"),
        ("/fed", "/fed only leads to data"),
    ):
        done = ugrpy("stat", path, f"--config={file}", *endpoints)
        assert (done.returncode, done.stderr) == (2, f"ugrpy: {said}\n")
    assert ugrpy("stat", "/fed/data/both", f"--config={file}", *endpoints).returncode == 0


@pytest.mark.usefixtures("hanging")
def test_a_part_of_the_answer_is_75(endpoints):
    for command in ("ls", "stat", "locate"):
        done = ugrpy(command, "/" if command == "ls" else "/both", *endpoints)
        assert done.returncode == 75, command
        assert "both" in done.stdout
    assert "ugrpy: incomplete without two: " in ugrpy("ls", "/", *endpoints).stderr
    facts = json.loads(ugrpy("stat", "/both", "--json", *endpoints).stdout)
    assert list(facts["missing"]) == ["two"]
    assert list(json.loads(ugrpy("ls", "/", "--json", *endpoints).stdout)["missing"]) == ["two"]


@pytest.mark.usefixtures("hanging")
def test_no_answer_is_75(endpoints):
    done = ugrpy("stat", "/sub/deeper", *endpoints)
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith("ugrpy: /sub/deeper: ")


def test_refused_everywhere_is_77(two):
    two.faults = Faults(status=403)
    try:
        done = ugrpy("stat", "/both", f"--endpoint=two={two.base_url}")
    finally:
        two.faults = Faults()
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr.startswith("ugrpy: /both: ")


# -- pipes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/many", "/odd"])
def test_a_reader_that_has_seen_enough(endpoints, path):
    """A long listing meets the closed pipe while printing, a short one only when it leaves."""
    with subprocess.Popen(
        [sys.executable, "-m", "ugrpy", "ls", path, *endpoints],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(TIMEOUT_S) == 0
    assert said == ""

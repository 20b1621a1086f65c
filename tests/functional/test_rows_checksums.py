"""Checksums of files: asked of a storage, of a command, computed, kept, and compared (rows D90-D92, K51, M2)."""

import base64
import hashlib
import json
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.functional.helpers.asking import metric, until
from tests.functional.helpers.metalink4 import check_metalink4
from tests.functional.helpers.settings import QUIET, configuration
from tests.peers.ask import ask

pytestmark = pytest.mark.functional

MTIME_S = 1_715_940_000
DATA = bytes(range(256)) * 1000
OTHER = DATA[:-1] + b"\0"


def adler32(data: bytes) -> str:
    return f"{zlib.adler32(data):08x}"


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def put(server, path, data=DATA, *, mtime_s=MTIME_S) -> None:
    """A file on a storage; the same date everywhere, as replicas of a real file have it."""
    os.utime(server.write(path, data), (mtime_s, mtime_s))


def head(gateway, path, wanted, *, name="Want-Digest"):
    return ask("HEAD", gateway.url + path, headers={name: wanted})


def federate(start_gateway, servers, *, checksums=None, **tables):
    """A gateway over these, nobody probed."""
    endpoints = {name: {"url": server.url, **QUIET} for name, server in servers.items()}
    tables = {"checksums": checksums or {}, **tables}
    return start_gateway(config=configuration(endpoints, **tables))


def reported(gateway):
    return json.loads(ask("GET", f"{gateway.admin_url}/v1/disagreements").body)


# -- asked of a storage ------------------------------------------------------------------------------------


@pytest.mark.row("D90")
@pytest.mark.row_partial("D93", missing="cloud objects: no S3 or Azure endpoint yet")
def test_the_digest_comes_from_an_endpoint_that_can_compute_it(
    start_gateway, nginx_dav, xrootd_http
):
    """Also when another replica is the better one and knows none."""
    for server in (nginx_dav, xrootd_http):
        put(server, "/sums-asked/both")
    put(xrootd_http, "/sums-asked/alone", OTHER)
    gateway = federate(start_gateway, {"nginx": nginx_dav, "xrootd": xrootd_http})
    for path, data in (("/sums-asked/both", DATA), ("/sums-asked/alone", OTHER)):
        answer = head(gateway, path, "adler32")
        assert answer.status == 200
        assert "location" not in answer.headers
        assert answer.headers["digest"] == f"adler32={adler32(data)}"
        assert answer.headers["content-length"] == str(len(data))
    assert "digest" not in ask("HEAD", gateway.url + "/sums-asked/both").headers


@pytest.mark.row("K51")
@pytest.mark.parametrize(
    ("name", "wanted", "told"),
    [
        ("Want-Digest", "adler32", f"adler32={adler32(DATA)}"),
        ("Want-Digest", "ADLER32", f"adler32={adler32(DATA)}"),
        ("want-digest", "Md5", f"md5={md5(DATA)}"),
        ("Want-Digest", "MD5;q=0.3, adler32;q=0.2", f"md5={md5(DATA)}"),
        ("Want-Digest", "adler32;q=0, MD5;q=0.1", f"md5={md5(DATA)}"),
        ("Want-Digest", "sha-512;q=1, adler32;q=0.1", f"adler32={adler32(DATA)}"),
        ("Want-Digest", "unixsum, crc32c;q=0.5, Adler32;q=0.1", f"adler32={adler32(DATA)}"),
        ("Want-Repr-Digest", "md5=5, sha-512=9", f"md5=:{md5(DATA)}:"),
    ],
)
def test_the_algorithm_that_was_asked_for_is_told(start_gateway, xrootd_http, name, wanted, told):
    put(xrootd_http, "/sums-named/f")
    gateway = federate(start_gateway, {"xrootd": xrootd_http}, checksums={"compare": False})
    for _again in range(2):
        answer = head(gateway, "/sums-named/f", wanted, name=name)
        said = answer.headers["repr-digest" if "Repr" in name else "digest"]
        assert answer.status == 200
        assert told in said.split(",")


@pytest.mark.row("K51")
def test_gfal_sum_and_gfal_copy_verify(start_gateway, gfal, nginx_dav, xrootd_http):
    for server in (nginx_dav, xrootd_http):
        put(server, "/sums-gfal/f")
    gateway = federate(start_gateway, {"nginx": nginx_dav, "xrootd": xrootd_http})
    url = gateway.url
    plain = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    for algorithm, value in (
        ("ADLER32", adler32(DATA)),
        ("MD5", plain),
        ("adler32", adler32(DATA)),
    ):
        assert gfal("sum", f"{url}/sums-gfal/f", algorithm).check().text.split()[1] == value
    target = gfal.home / "copy"
    for checksum in ("ADLER32", "MD5"):
        gfal("copy", "-f", "-K", checksum, f"{url}/sums-gfal/f", f"file://{target}").check()
        assert target.read_bytes() == DATA
    wrong = gfal("copy", "-f", "-K", "ADLER32:00000001", f"{url}/sums-gfal/f", f"file://{target}")
    assert wrong.code
    assert "checksum" in (wrong.text + wrong.errors).lower()


@pytest.mark.row("K51")
@pytest.mark.parametrize("checksum", ["ADLER32", "MD5"])
def test_gfal_verifies_what_it_has_uploaded_at_once(
    start_gateway, tmp_path, gfal, xrootd_http, checksum
):
    """It asks for the checksum in the second in which the upload has ended, also of a file that was there before."""
    xrootd_http.make_directory("/sums-uploaded")
    gateway = start_gateway(
        config=configuration(
            {"xrootd": {"url": xrootd_http.url, "writable": True, **QUIET}},
            changes={"write_from": ["127.0.0.0/8"], "state_dir": str(tmp_path / "state")},
        )
    )
    for data in (DATA, OTHER):
        source = gfal.home / "source"
        source.write_bytes(data)
        url = f"{gateway.url}/sums-uploaded/{checksum}"
        gfal("copy", "-f", "-K", checksum, f"file://{source}", url).check()
        assert (xrootd_http.root / f"sums-uploaded/{checksum}").read_bytes() == data
        told = head(gateway, f"/sums-uploaded/{checksum}", checksum).headers["digest"]
        assert told == (f"adler32={adler32(data)}" if checksum == "ADLER32" else f"md5={md5(data)}")


@pytest.mark.row("K51")
def test_aria2_verifies_by_what_is_told_on_the_redirect(start_gateway, aria2, nginx_dav):
    """From nginx, since XRootD 5.5 answers 500 to a GET that wants a checksum it does not compute."""
    path = "/sums-aria2/f"
    put(nginx_dav, path)
    gateway = federate(start_gateway, {"nginx": nginx_dav}, checksums={"compute": True})
    assert head(gateway, path, "sha-512").headers["digest"].startswith("sha-512=")
    options = ("--log=-", "--log-level=debug", "--no-conf")
    done = aria2(*options, "-d", "good", gateway.url + path).check()
    assert "Digest: sha-512=" in done.text
    assert (aria2.home / "good" / "f").read_bytes() == DATA
    put(nginx_dav, path, OTHER)  # behind the back of the gateway
    spoilt = aria2(*options, "-d", "bad", "--max-tries=1", gateway.url + path)
    assert spoilt.code == 32
    assert "Checksum error detected" in spoilt.text


@pytest.mark.row("K51")
def test_curl_and_davix_are_told(start_gateway, curl, davix, xrootd_http):
    put(xrootd_http, "/sums-tools/f")
    gateway = federate(start_gateway, {"xrootd": xrootd_http})
    url = f"{gateway.url}/sums-tools/f"
    said = curl("-sSI", "-H", "Want-Digest: md5", url).check().text
    assert f"\r\nDigest: md5={md5(DATA)}\r\n" in said
    told = davix("http", "-X", "HEAD", "-H", "Want-Digest: adler32", "--trace", "header", url)
    assert f"adler32={adler32(DATA)}" in told.text + told.errors


def test_a_redirect_tells_what_is_known_and_waits_for_nothing(start_gateway, xrootd_http):
    put(xrootd_http, "/sums-redirect/f")
    gateway = federate(start_gateway, {"xrootd": xrootd_http})
    url, wanted = f"{gateway.url}/sums-redirect/f", {"Want-Digest": "SHA-512;q=1, md5;q=0.1"}
    before = ask("GET", url, headers=wanted)
    assert (before.status, "digest" in before.headers) == (302, False)
    assert head(gateway, "/sums-redirect/f", "md5").status == 200
    after = ask("GET", url, headers=wanted)
    assert (after.status, after.headers["digest"]) == (302, f"md5={md5(DATA)}")
    for _again in range(2):
        assert "digest" not in ask("GET", url).headers
    assert "digest" not in ask("GET", url, headers={"Want-Digest": "sha-512"}).headers


def test_who_gets_no_checksum_is_told_why(start_gateway, nginx_dav):
    put(nginx_dav, "/sums-none/f")
    gateway = federate(start_gateway, {"nginx": nginx_dav})
    for wanted in ("adler32", "unixsum"):
        answer = head(gateway, "/sums-none/f", wanted)
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(DATA)))
        assert "digest" not in answer.headers
        assert 'details="no checksum: ' in answer.headers["proxy-status"]
        assert nginx_dav.url not in answer.headers["proxy-status"]
    assert head(gateway, "/sums-none/nothing", "adler32").status == 404
    assert metric(gateway, 'ugrpy_checksums_total{source="none"}') == 1


# -- by an external command --------------------------------------------------------------------------------

_SCRIPT = """\
#!/bin/sh
echo "$1 $2" >> {folder}/calls
echo some chatter first
{body}
"""


def script(folder, body):
    path = folder / "checksum"
    path.write_text(_SCRIPT.format(folder=folder, body=body))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.row("D91")
def test_a_command_supplies_the_digest(start_gateway, tmp_path, nginx_dav):
    put(nginx_dav, "/sums-command/f")
    fetch = 'echo ">>>>> HASH $(curl -sf "$1" | md5sum | cut -d" " -f1)"'
    command = script(tmp_path, fetch)
    gateway = federate(start_gateway, {"nginx": nginx_dav}, checksums={"command": [command]})
    answer = head(gateway, "/sums-command/f", "md5")
    assert (answer.status, answer.headers.get("digest")) == (200, f"md5={md5(DATA)}")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [f"{nginx_dav.url}/sums-command/f md5"]
    assert head(gateway, "/sums-command/f", "md5").headers["digest"] == f"md5={md5(DATA)}"
    assert (tmp_path / "calls").read_text().splitlines() == calls


@pytest.mark.row("D91")
def test_a_capable_holder_goes_before_the_command(start_gateway, tmp_path, nginx_dav, xrootd_http):
    for server in (nginx_dav, xrootd_http):
        put(server, "/sums-spared/f")
    command = script(tmp_path, "echo '>>>>> HASH 00000001'")
    gateway = federate(
        start_gateway,
        {"nginx": nginx_dav, "xrootd": xrootd_http},
        checksums={"command": [command], "compare": False},
    )
    assert (
        head(gateway, "/sums-spared/f", "adler32").headers["digest"] == f"adler32={adler32(DATA)}"
    )
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    "body",
    [
        "echo '>>>>> HASH 00000001'; exit 3",
        "echo 'HASH 00000001'",
        "echo '>>>>> HASH nonsense'",
        "yes",
        "sleep 600",
        "sleep 600 &",
    ],
)
def test_a_command_that_fails_costs_the_checksum_and_nothing_else(
    start_gateway, tmp_path, nginx_dav, body
):
    put(nginx_dav, "/sums-failing/f")
    command = script(tmp_path, f"echo $$ > {tmp_path}/pid\n{body}")
    gateway = federate(
        start_gateway,
        {"nginx": nginx_dav},
        checksums={"command": [command], "timeout_s": 2},
    )
    answer = head(gateway, "/sums-failing/f", "adler32")
    assert (answer.status, "digest" in answer.headers) == (200, False)
    assert "no checksum" in answer.headers["proxy-status"]
    group = int((tmp_path / "pid").read_text())
    until(lambda: not group_lives(group), "whatever the command had started has ended")


def group_lives(group: int) -> bool:
    """Whether any process of the group is more than a corpse."""
    for entry in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


# -- computed, and kept ------------------------------------------------------------------------------------


def reads(server, path) -> int:
    return sum(line.startswith(f"GET {path} ") for line in server.requests())


@pytest.mark.row("D92")
def test_a_computed_checksum_is_kept_and_used_again(start_gateway, tmp_path, nginx_dav):
    """Also when the name is asked for anew, and after a restart; never for another file of the same name."""
    path = "/sums-kept/f"
    put(nginx_dav, path)
    gateway = federate(
        start_gateway,
        {"nginx": nginx_dav},
        checksums={"compute": True},
        changes={"state_dir": str(tmp_path / "state")},
        cache={"ttl_s": 0.05, "listing_ttl_s": 0},
    )
    for _again in range(3):
        answer = head(gateway, path, "sha-256")
        assert answer.headers["digest"] == f"sha-256={sha256(DATA)}"
    assert reads(nginx_dav, path) == 1
    gateway.stop()
    gateway.start()
    assert head(gateway, path, "sha-256").headers["digest"] == f"sha-256={sha256(DATA)}"
    assert reads(nginx_dav, path) == 1
    for changed, data in enumerate((OTHER, DATA + b"x"), 1):
        put(nginx_dav, path, data, mtime_s=MTIME_S + changed)
        told_at_last(gateway, path, f"sha-256={sha256(data)}")
        assert reads(nginx_dav, path) == 1 + changed


def told_at_last(gateway, path, digest) -> None:
    until(
        lambda: head(gateway, path, "sha-256").headers["digest"] == digest,
        "the new file has its own checksum",
    )


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_metalinks_tell_what_was_learnt_and_aria2_verifies_it(
    start_gateway, tmp_path, aria2, nginx_dav, apache_dav
):
    path = "/sums-metalink/f"
    for server in (nginx_dav, apache_dav):
        put(server, path)
    gateway = federate(
        start_gateway, {"nginx": nginx_dav, "apache": apache_dav}, checksums={"compute": True}
    )
    assert head(gateway, path, "sha-256").status == 200
    answer = ask("GET", f"{gateway.url}{path}?metalink=4")
    check_metalink4(answer.body)
    assert f">{hashlib.sha256(DATA).hexdigest()}</hash>" in answer.text
    (tmp_path / "f.meta4").write_bytes(answer.body)
    aria2("-M", "f.meta4", "-d", "good", "--check-integrity=true").check()
    assert (aria2.home / "good" / "f").read_bytes() == DATA
    for server in (nginx_dav, apache_dav):
        put(server, path, OTHER)
    spoilt = aria2("-M", "f.meta4", "-d", "bad", "--check-integrity=true", "--max-tries=1")
    assert spoilt.code
    assert "checksum" in (spoilt.text + spoilt.errors).lower()


# -- compared ----------------------------------------------------------------------------------------------


@pytest.mark.row("M2")
def test_a_replica_that_looks_alike_and_differs_is_found_and_not_offered(
    start_gateway, tmp_path, nginx_dav, apache_dav, xrootd_http
):
    """XRootD tells its checksum; what nginx and Apache hold is read."""
    path = "/sums-compared/f"
    servers = {"nginx": nginx_dav, "apache": apache_dav, "xrootd": xrootd_http}
    for name, server in servers.items():
        put(server, path, OTHER if name == "apache" else DATA)
    put(xrootd_http, "/sums-compared/sizes", b"12")
    put(nginx_dav, "/sums-compared/sizes", b"12")
    put(apache_dav, "/sums-compared/sizes", b"123")
    gateway = federate(
        start_gateway,
        servers,
        checksums={"compute": True},
        changes={"state_dir": str(tmp_path / "state")},
        cache={"ttl_s": 1, "listing_ttl_s": 1},
    )
    url = gateway.url + path
    assert apache_dav.url in ask("GET", f"{url}?metalink=4").text
    assert reported(gateway) == []
    head(gateway, path, "adler32")
    until(lambda: reported(gateway) != [], "the replica that differs is reported")
    (line,) = reported(gateway)
    facts = {key: line[key] for key in ("path", "endpoint", "about", "says", "majority")}
    assert facts == {
        "path": path,
        "endpoint": "apache",
        "about": "adler32",
        "says": adler32(OTHER),
        "majority": adler32(DATA),
    }
    assert head(gateway, path, "adler32").headers["digest"] == f"adler32={adler32(DATA)}"
    for _again in range(20):
        assert ask("GET", url).headers["location"] != apache_dav.url + path
    assert apache_dav.url not in ask("GET", f"{url}?metalink=4").text
    ask("GET", f"{gateway.url}/sums-compared/sizes?metalink=4")
    until(lambda: len(reported(gateway)) == 2, "a size that differs is reported as well")
    gateway.stop()
    gateway.start()
    assert {one["about"] for one in reported(gateway)} == {"adler32", "size"}
    assert apache_dav.url not in ask("GET", f"{url}?metalink=4").text
    put(apache_dav, path, DATA, mtime_s=MTIME_S + 60)
    put(apache_dav, "/sums-compared/sizes", b"12")

    def looked_again() -> bool:
        ask("GET", f"{url}?metalink=4")
        ask("GET", f"{gateway.url}/sums-compared/sizes?metalink=4")
        return not reported(gateway)

    until(looked_again, "a later look finds them agreeing")
    assert apache_dav.url in ask("GET", f"{url}?metalink=4").text


@pytest.mark.row("M2")
def test_all_workers_heed_what_one_has_learnt(start_gateway, tmp_path, nginx_dav, xrootd_http):
    """Without a state folder they share one for as long as they run. The report is the same whoever is asked."""
    path = "/sums-workers/f"
    put(nginx_dav, path, OTHER)
    put(xrootd_http, path)
    endpoints = {
        name: {"url": server.url, **QUIET}
        for name, server in {"nginx": nginx_dav, "xrootd": xrootd_http}.items()
    }
    gateway = start_gateway(
        config=configuration(
            endpoints, service={"workers": 2}, checksums={"compute": True}, cache={"ttl_s": 600}
        )
    )
    url = gateway.url + path
    until(lambda: gateway.log_text().count("event=listening") == 3, "both workers listen")
    for _both_workers in range(20):
        assert ask("GET", f"{url}?metalink=4").text.count("<url") == 2
    head(gateway, path, "md5")
    until(lambda: len(reported(gateway)) == 1, "the replica that differs is reported")

    def only_one_left() -> bool:
        counts = [ask("GET", f"{url}?metalink=4").text.count("<url") for _ in range(30)]
        return set(counts) == {1}

    until(only_one_left, "no worker offers it")


def test_the_report_is_printed(start_gateway, tmp_path, nginx_dav, apache_dav):
    put(nginx_dav, "/sums-printed/f", b"1")
    put(apache_dav, "/sums-printed/f", b"12")
    endpoints = {
        name: {"url": server.url, **QUIET}
        for name, server in {"nginx": nginx_dav, "apache": apache_dav}.items()
    }
    file = tmp_path / "site.toml"
    file.write_text(configuration(endpoints, changes={"state_dir": str(tmp_path / "state")}))

    def ugrpy(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ugrpy", "disagreements", f"--config={file}", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    nothing = ugrpy()
    assert nothing.returncode == 78
    assert "no report is written down" in nothing.stderr
    gateway = start_gateway(config=file)
    ask("GET", f"{gateway.url}/sums-printed/f?metalink=4")
    until(lambda: len(reported(gateway)) == 1, "it is reported")
    assert json.loads(ugrpy("--json").stdout) == reported(gateway)
    done = ugrpy()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/sums-printed/f\tnginx: size 1, others 2 (since 20")

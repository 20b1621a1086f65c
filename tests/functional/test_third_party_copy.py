"""Third-party copy through the federation, with real storages and clients (rows D81 to D85, D87 to D89, K49, K50).

Where the storage copies by itself (XRootD) the client is sent there; where it does not (nginx) the gateway passes the bytes on.
"""

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.functional.copying import DATA, Grid, grid, last_line
from tests.functional.helpers.answers import names_in
from tests.functional.helpers.asking import Wire, metric, request, until
from tests.peers.ask import Answer, ask
from ugrpy.testing import Faults, Part
from ugrpy.webdav.markers import MarkerReader

pytestmark = pytest.mark.functional

WAYS = [("a", "b"), ("n", "a"), ("a", "n"), ("n", "n")]
"""From and to storages that copy by themselves, and one that does not."""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with grid(tmp_path_factory.mktemp("here")) as made:
        yield made


def push(to: str, **more: str) -> dict[str, str]:
    return {"Destination": to, "Credential": "none", **more}


def pull(source: str, **more: str) -> dict[str, str]:
    return {"Source": source, "Credential": "none", **more}


def passed_through(here: Grid, direction: str) -> float:
    """The bytes of copies that have passed through the gateway."""
    return counted(here, f'ugrpy_third_party_copied_bytes_total{{direction="{direction}"}}')


def counted(here: Grid, series: str) -> float:
    """The value of a series; 0 as long as there is none."""
    try:
        return metric(here.gateway, series)
    except AssertionError:
        return 0.0


def is_gone(here: Grid, path: str) -> bool:
    """Whether nobody is shown the name, and no storage has anything of it."""
    folder, _, last = path.rpartition("/")
    return (
        ask("HEAD", here.at(path)).status == 404
        and last not in names_in(here.at(folder + "/"))
        and all(here.on(name, path) is None for name in here.storages)
    )


# -- by the storage elements ----------------------------------------------------------------------


@pytest.mark.row("K49")
def test_a_push_goes_to_the_storage_that_holds_the_file_and_a_pull_to_one_that_takes_it(here: Grid):
    here.storages["b"].write("/all/k49", b"k49")
    pushed = ask("COPY", here.at("/all/k49"), headers=push(here.there("/k49")))
    assert (pushed.status, here.whose(pushed.headers["location"])) == (307, "b")
    here.outside.tree.add_file("/k49", b"k49")
    # nginx takes uploads, too, but does not copy
    for number in range(8):
        pulled = ask("COPY", here.at(f"/all/k49-{number}"), headers=pull(here.there("/k49")))
        assert pulled.status == 307
        assert here.whose(pulled.headers["location"]) in ("a", "b")
    missing = ask("COPY", here.at("/all/k49-no"), headers=push(here.there("/k49-no")))
    assert missing.status == 404
    missing = ask("COPY", here.at("/all/k49-no"), headers=pull(here.there("/k49-no")))
    assert missing.status == 404


def test_of_several_holders_one_that_copies_by_itself_is_chosen(here: Grid):
    for name in ("n", "b"):
        here.storages[name].write("/all/several", b"several")
    for _ in range(8):
        answer = ask("COPY", here.at("/all/several"), headers=push(here.there("/several")))
        assert (answer.status, here.whose(answer.headers["location"])) == (307, "b")


@pytest.mark.row("D81", "D89")
def test_a_push_moves_the_bytes_from_storage_to_storage(here: Grid):
    here.storages["a"].write("/a/push", DATA)
    before = passed_through(here, "push")
    answer = here.copy("/a/push", push(here.at("/b/pushed")))
    assert answer.status == 201, answer
    assert "Perf Marker" in answer.text
    assert last_line(answer) == "success: Created"
    assert here.on("b", "/b/pushed") == DATA
    assert passed_through(here, "push") == before
    assert ask("HEAD", here.at("/b/pushed")).headers["content-length"] == str(len(DATA))


@pytest.mark.row("D82", "D83", "D89", "K50")
def test_a_pull_moves_the_bytes_from_storage_to_storage(here: Grid):
    here.storages["a"].write("/a/pull", DATA)
    before = passed_through(here, "pull")
    answer = here.copy("/b/pulled", pull(here.at("/a/pull")))
    assert answer.status == 201, answer
    assert last_line(answer) == "success: Created"
    assert here.on("b", "/b/pulled") == DATA
    assert passed_through(here, "pull") == before
    assert ask("HEAD", here.at("/b/pulled")).headers["content-length"] == str(len(DATA))


def test_what_a_failed_pull_leaves_at_a_storage_is_shown_to_nobody(tmp_path):
    """XRootD makes the file before it asks the source, and leaves it empty."""
    with grid(tmp_path, grace_s=1.5) as here:
        here.outside.tree.add_file("/broken", DATA[:2000])
        here.outside.faults_by["GET", "/broken"] = Faults(reset_after_bytes=1000)
        answer = here.copy("/b/broken", pull(here.there("/broken")))
        assert last_line(answer).startswith("failure:")
        assert ask("HEAD", here.at("/b/broken")).status == 404
        until(lambda: is_gone(here, "/b/broken"), "nothing of it anywhere")


# -- through the gateway --------------------------------------------------------------------------


@pytest.mark.row("D81")
def test_a_push_elsewhere_passes_through_when_the_storage_does_not_copy(here: Grid):
    here.storages["n"].write("/n/push", DATA)
    before = passed_through(here, "push")
    answer = here.copy("/n/push", push(here.there("/pushed")))
    assert answer.status == 202, answer
    assert answer.headers["content-type"] == "text/perf-marker-stream"
    assert "Perf Marker" in answer.text
    assert last_line(answer) == "success: Created"
    assert here.outside.tree.files["/pushed"].content == DATA
    assert passed_through(here, "push") == before + len(DATA)


@pytest.mark.row("D82")
def test_a_pull_from_elsewhere_passes_through_when_the_storage_does_not_copy(here: Grid):
    here.outside.tree.add_file("/pull", DATA)
    answer = here.copy("/n/pulled", pull(here.there("/pull")))
    assert (answer.status, last_line(answer)) == (202, "success: Created")
    assert here.on("n", "/n/pulled") == DATA
    assert ask("HEAD", here.at("/n/pulled")).headers["content-length"] == str(len(DATA))
    assert "pulled" in names_in(here.at("/n/"))


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_files_of_any_length(here: Grid, size):
    here.outside.tree.add_file(f"/size-{size}", DATA[:size])
    answer = here.copy(f"/n/size-{size}", pull(here.there(f"/size-{size}")))
    assert last_line(answer) == "success: Created"
    assert here.on("n", f"/n/size-{size}") == DATA[:size]
    answer = here.copy(f"/n/size-{size}", push(here.there(f"/back-{size}")))
    assert last_line(answer) == "success: Created"
    assert here.outside.tree.files[f"/back-{size}"].content == DATA[:size]


def test_a_source_of_unknown_length(here: Grid):
    here.outside.tree.add_file("/unknown", DATA)
    here.outside.faults_at["/unknown"] = Faults(no_length=True)
    answer = here.copy("/n/unknown", pull(here.there("/unknown")))
    assert last_line(answer) == "success: Created"
    assert here.on("n", "/n/unknown") == DATA


def test_a_pull_replaces_what_is_there_unless_the_client_says_no(here: Grid):
    here.storages["n"].write("/n/there", b"old")
    here.outside.tree.add_file("/new", b"newer")
    refused = here.copy("/n/there", pull(here.there("/new"), Overwrite="F"))
    assert refused.status == 412
    assert here.on("n", "/n/there") == b"old"
    assert last_line(here.copy("/n/there", pull(here.there("/new")))) == "success: Created"
    assert here.on("n", "/n/there") == b"newer"
    assert ask("HEAD", here.at("/n/there")).headers["content-length"] == "5"


@pytest.mark.parametrize("where", ["here", "outside"])
def test_a_push_does_not_replace_what_the_client_wants_kept(here: Grid, where):
    here.storages["n"].write("/n/kept", b"new")
    here.storages["b"].write("/b/kept", b"old")
    here.outside.tree.add_file("/kept", b"old")
    to = here.at("/b/kept") if where == "here" else here.there("/kept")
    assert here.copy("/n/kept", push(to, Overwrite="F")).status == 412
    assert (here.on("b", "/b/kept"), here.outside.tree.files["/kept"].content) == (b"old", b"old")


@pytest.mark.row("D85")
def test_what_the_client_wants_passed_on_is_what_the_other_side_sees(here: Grid):
    token = {"TransferHeaderAuthorization": "Bearer abc.def", "TransferHeaderX-Vo": "atlas"}
    here.storages["n"].write("/n/token", b"token")
    here.outside.tree.add_file("/token-in", b"token")
    own = {"Authorization": "Bearer for-the-gateway"}
    assert here.copy("/n/token", push(here.there("/token-out"), **token, **own)).status == 202
    assert here.copy("/n/token-in", pull(here.there("/token-in"), **token, **own)).status == 202
    asked = [(method, headers) for method, path, headers in here.outside.seen if "/token" in path]
    assert {method for method, _ in asked} >= {"PUT", "GET"}
    for _method, headers in asked:
        assert headers["Authorization"] == "Bearer abc.def"
        assert headers["X-Vo"] == "atlas"
    # XRootD passes it on, too
    here.storages["a"].write("/a/token", b"token")
    assert here.copy("/a/token", push(here.there("/token-a"), **token, **own)).status == 201
    (sent,) = [h for m, path, h in here.outside.seen if (m, path) == ("PUT", "/token-a")]
    assert sent["Authorization"] == "Bearer abc.def"
    assert "abc.def" not in here.gateway.log_text()


@pytest.mark.row("D87")
def test_markers_come_while_the_bytes_move(here: Grid):
    here.outside.tree.add_file("/slow", DATA[:1300])
    here.outside.faults_by["GET", "/slow"] = Faults(dribble=Part.BODY, piece_bytes=100, gap_s=0.5)
    with Wire(here.gateway) as wire:
        wire.send(request("COPY", "/n/slow", f"Source: {here.there('/slow')}", "Credential: none"))
        answer = wire.receive()
    reader = MarkerReader()
    blocks = reader.feed(answer.body)
    assert reader.close().succeeded
    assert all((one.stripe, one.stripes) == (0, 1) for one in blocks)
    moved = [one.transferred_bytes or 0 for one in blocks]
    assert moved == sorted(moved)
    assert (moved[0] < 1300, moved[-1]) == (True, 1300)
    times = [one.timestamp_s or 0 for one in blocks]
    assert len(times) >= 3
    assert all(later - sooner <= 5 for sooner, later in itertools.pairwise(times))


# -- clients --------------------------------------------------------------------------------------


@pytest.mark.row("D81", "D82", "D83", "K49", "K50")
@pytest.mark.peer("gfal2", "xrootd")
@pytest.mark.parametrize("mode", ["push", "pull"])
@pytest.mark.parametrize(("source", "target"), WAYS)
def test_gfal_copy(here: Grid, gfal, mode, source, target):
    path, copied = f"/{source}/gfal-{mode}-{target}", f"/{target}/gfal-{mode}-{source}-copied"
    here.storages[source].write(path, DATA)
    gfal("copy", "--copy-mode", mode, here.at(path), here.at(copied)).check()
    assert here.on(target, copied) == DATA
    # with -f it is deleted, and copied anew; with a checksum it is asked for at both ends
    gfal("copy", "-f", "--copy-mode", mode, here.at(path), here.at(copied)).check()
    assert here.on(target, copied) == DATA


@pytest.mark.row("D88")
@pytest.mark.parametrize("mode", ["push", "pull"])
@pytest.mark.parametrize("source", ["a", "n"])
def test_gfal_copy_hears_that_there_is_nothing_to_copy(here: Grid, gfal, mode, source):
    finished = gfal(
        "copy", "--copy-mode", mode, here.at(f"/{source}/no-such"), here.at("/b/no-such-copied")
    )
    assert finished.code != 0
    assert here.on("b", "/b/no-such-copied") is None


@pytest.mark.row("D81", "D82")
@pytest.mark.parametrize("mode", ["push", "pull"])
@pytest.mark.parametrize(("source", "target"), WAYS)
def test_davix_cp(here: Grid, davix, mode, source, target):
    path, copied = f"/{source}/davix-{mode}-{target}", f"/{target}/davix-{mode}-{source}-copied"
    here.storages[source].write(path, DATA)
    davix("cp", "--copy-mode", mode, here.at(path), here.at(copied)).check()
    assert here.on(target, copied) == DATA


def test_curl_follows_to_the_storage_with_all_its_headers(here: Grid, curl):
    here.storages["a"].write("/a/curl", DATA)
    to = f"Destination: {here.at('/b/curl')}"
    said = curl("-sSfL", "-X", "COPY", "-H", to, "-H", "Credential: none", here.at("/a/curl"))
    assert said.check().text.strip().endswith("success: Created")
    assert here.on("b", "/b/curl") == DATA


@pytest.mark.row("D88")
def test_davix_hears_of_a_failure_in_the_middle(here: Grid, davix):
    broken_source(here, "/davix-broken")
    finished = davix("cp", "--copy-mode", "pull", here.there("/davix-broken"), here.at("/n/davix"))
    assert finished.code != 0
    until(lambda: is_gone(here, "/n/davix"), "nothing of it anywhere")


# -- failures -------------------------------------------------------------------------------------


def broken_source(here: Grid, path: str) -> None:
    here.outside.tree.add_file(path, DATA)
    # in pieces and without a reset, which could overtake them
    here.outside.faults_by["GET", path] = Faults(
        dribble=Part.BODY,
        piece_bytes=500_000,
        gap_s=0.01,
        reset_after_bytes=2_000_000,
        orderly=True,
    )


def names_no_place(answer: Answer) -> bool:
    return "127.0.0.1" not in answer.text and "outside" not in answer.text


@pytest.mark.row("D88")
def test_a_source_that_dies_in_the_middle_is_a_failure_and_leaves_nothing(here: Grid):
    broken_source(here, "/broken")
    answer = here.copy("/n/broken", pull(here.there("/broken")))
    assert answer.status == 202
    assert last_line(answer).startswith("failure: the source: ")
    assert names_no_place(answer)
    until(lambda: is_gone(here, "/n/broken"), "nothing of it anywhere")
    # and the name is free at once
    here.outside.faults_by.clear()
    answer = here.copy("/n/broken", pull(here.there("/broken")))
    assert last_line(answer) == "success: Created"
    assert here.on("n", "/n/broken") == DATA


def test_a_broken_pull_leaves_what_was_there(here: Grid):
    here.storages["n"].write("/n/stays", b"as it was")
    broken_source(here, "/stays")
    answer = here.copy("/n/stays", pull(here.there("/stays")))
    assert last_line(answer).startswith("failure: ")
    assert here.on("n", "/n/stays") == b"as it was"
    until(lambda: ask("HEAD", here.at("/n/stays")).status == 200, "shown as before")


@pytest.mark.row("D88")
@pytest.mark.parametrize(
    ("faults", "status"),
    [(Faults(status=403), 403), (Faults(status=507), 507), (Faults(status=500), 502)],
)
def test_a_destination_that_refuses_is_an_error_of_its_own(here: Grid, faults, status):
    here.storages["n"].write("/n/refused", DATA)
    here.outside.faults_by["PUT", "/refused"] = faults
    answer = here.copy("/n/refused", push(here.there("/refused")))
    assert answer.status == status
    assert names_no_place(answer)


@pytest.mark.row("D88")
def test_a_destination_that_dies_in_the_middle(here: Grid):
    here.storages["n"].write("/n/dies", DATA)
    here.outside.faults_by["PUT", "/dies"] = Faults(take_bytes=1_000_000)
    answer = here.copy("/n/dies", push(here.there("/dies")))
    assert answer.status in (202, 502)
    if answer.status == 202:
        assert last_line(answer).startswith("failure: the destination: ")


def test_a_redirected_destination_is_followed(here: Grid):
    here.storages["n"].write("/n/moved", DATA)
    here.outside.faults_by["PUT", "/door"] = Faults(status=307, location=here.there("/pool"))
    answer = here.copy("/n/moved", push(here.there("/door")))
    assert last_line(answer) == "success: Created"
    assert here.outside.tree.files["/pool"].content == DATA


def test_bytes_that_do_not_fit_their_checksum_are_a_failure(here: Grid):
    here.outside.tree.add_file("/corrupt", DATA)
    here.outside.faults_by["GET", "/corrupt"] = Faults(garbage=True)
    answer = here.copy("/n/corrupt", pull(here.there("/corrupt")))
    assert "adler32" in last_line(answer)
    assert last_line(answer).startswith("failure: ")
    until(lambda: is_gone(here, "/n/corrupt"), "nothing of it anywhere")
    kept = here.copy(
        "/n/corrupt", pull(here.there("/corrupt"), RequireChecksumVerification="false")
    )
    assert last_line(kept) == "success: Created"


@pytest.mark.parametrize("source", ["/leaves", "/leaves-in-chunks"])
def test_a_client_that_leaves_ends_the_copy_and_nothing_of_it_stays(here: Grid, source):
    here.outside.tree.add_file(source, DATA)
    here.outside.faults_by["GET", source] = Faults(
        dribble=Part.BODY, piece_bytes=50_000, gap_s=0.1, no_length="chunks" in source
    )
    series = 'ugrpy_third_party_copies_total{by="streamed",direction="pull",outcome="left"}'
    before = counted(here, series)
    path = f"/n{source}"
    with socket.create_connection(("127.0.0.1", here.gateway.process.port)) as connection:
        connection.sendall(
            request("COPY", path, f"Source: {here.there(source)}", "Credential: none")
        )
        assert b" 202 " in connection.recv(4096)
    until(lambda: counted(here, series) == before + 1, "the copy stopped")
    until(lambda: is_gone(here, path), "nothing of it anywhere")


def test_a_client_of_http_1_0_reads_to_the_end(here: Grid):
    here.storages["n"].write("/n/old-client", DATA)
    to = f"Destination: {here.there('/old-client')}"
    with Wire(here.gateway) as wire:
        wire.send(request("COPY", "/n/old-client", to, "Credential: none", version="HTTP/1.0"))
        answer = wire.receive()
    assert "transfer-encoding" not in answer.headers
    assert last_line(answer) == "success: Created"


def test_no_more_copies_pass_through_than_the_operator_lets(tmp_path):
    with grid(tmp_path, copy={"max_connections": 1}) as here:
        here.outside.tree.add_file("/long", DATA)
        here.outside.faults_by["GET", "/long"] = Faults(
            dribble=Part.BODY, piece_bytes=10_000, gap_s=0.1
        )
        here.storages["a"].write("/a/f", b"f")
        with Wire(here.gateway) as wire:
            wire.send(request("COPY", "/n/long", f"Source: {here.there('/long')}"))
            until(lambda: here.outside.counts["GET", "/long"] == 1, "one copy under way")
            second = here.copy("/n/second", pull(here.at("/a/f")))
            assert (second.status, int(second.headers["retry-after"])) == (503, 10)
            # those that do not pass through are not counted
            assert here.copy("/a/f", push(here.at("/b/f"))).status == 201
        until(
            lambda: here.copy("/n/second", pull(here.at("/a/f"))).status == 202, "room for another"
        )


def test_collections_and_the_file_itself_are_not_copied(here: Grid):
    here.storages["n"].write("/n/dir/f", b"x")
    assert here.copy("/n/dir", push(here.there("/dir"))).status == 409
    assert here.copy("/n/dir/f", push(here.at("/n/dir/f"))).status == 403
    assert here.copy("/n/into-root", pull(here.at("/"))).status == 403


# -- whom the gateway does not connect to ---------------------------------------------------------


@contextmanager
def guarded(folder: Path, **copy: object) -> Iterator[Grid]:
    with grid(folder, copy={"partner_networks": [], **copy}) as made:
        yield made


def test_servers_inside_our_own_network_are_not_connected_to(tmp_path):
    with guarded(tmp_path, allow_http=True) as here:
        here.storages["n"].write("/n/f", b"f")
        here.outside.tree.add_file("/f", b"f")
        for answer in (
            here.copy("/n/f", push(here.there("/out"))),
            here.copy("/n/in", pull(here.there("/f"))),
            here.copy("/n/in", pull("http://169.254.169.254/latest/meta-data/")),
            here.copy("/n/in", pull(f"http://localhost:{here.outside.port}/f")),
        ):
            assert answer.status == 403, answer
        assert not here.outside.seen
        assert here.on("n", "/n/in") is None
        # what is ours is always reached: from storage to storage
        answer = here.copy("/n/f", push(here.at("/b/f")))
        assert last_line(answer) == "success: Created"


def test_copies_are_exchanged_with_partners_only_when_there_is_a_list(tmp_path):
    with guarded(tmp_path, partners=["*.example.org"]) as here:
        here.storages["a"].write("/a/f", b"f")
        refused = ask("COPY", here.at("/a/f"), headers=push(here.there("/f")))
        assert (refused.status, "location" in refused.headers) == (403, False)
        sent = ask("COPY", here.at("/a/f"), headers=push("https://dav.example.org/f"))
        assert sent.status == 307


# -- scripts --------------------------------------------------------------------------------------

_SCRIPT = """\
#!/bin/sh
for one in "$@"; do printf '%s\\n' "$one"; done > "$0.args"
case "$3" in *fails*) echo "monitor: s d 1 1 5 1"; sleep 0.5; exit 7;; *refuses*) exit 8;; esac
case "$4" in http*) to="$4";; *) to="GATEWAY$4";; esac
echo "monitor: $3 $4 1.0 1.0 0 0"
curl -sSf "$3" -o "$0.tmp" && curl -sSfL -T "$0.tmp" "$to" >/dev/null || exit 9
echo "monitor: $3 $4 1.0 1.0 $(wc -c < "$0.tmp") 1"
"""


@contextmanager
def scripted(folder: Path, *, use_replica_url: bool) -> Iterator[tuple[Grid, Path]]:
    script = folder / "copy"
    copy = {
        "push_script": str(script),
        "pull_script": str(script),
        "use_replica_url": use_replica_url,
        "header_parameters": ["X-Vo", "X-Missing"],
    }
    with grid(folder, copy=copy) as made:
        script.write_text(_SCRIPT.replace("GATEWAY", made.gateway.url))
        script.chmod(0o755)
        yield made, script.with_name("copy.args")


@pytest.mark.row("D84")
@pytest.mark.parametrize("use_replica_url", [False, True])
def test_a_script_copies_what_no_storage_does(tmp_path, use_replica_url):
    with scripted(tmp_path, use_replica_url=use_replica_url) as (here, arguments):
        headers = {"TransferHeaderAuthorization": "Bearer abc", "X-Vo": "atlas"}
        here.storages["n"].write("/n/out", DATA)
        answer = here.copy("/n/out", push(here.there("/out"), **headers))
        assert last_line(answer) == "success: Created", answer
        assert here.outside.tree.files["/out"].content == DATA
        given = [here.storages["n"].url + "/n/out", here.there("/out"), "", "Bearer abc"]
        assert arguments.read_text().splitlines() == [
            *("true", "<nochecksumtype>"),
            *given,
            *("atlas", ""),
        ]
        here.outside.tree.add_file("/in", DATA)
        answer = here.copy(
            "/n/in", pull(here.there("/in"), RequireChecksumVerification="false", **headers)
        )
        assert last_line(answer) == "success: Created", answer
        reader = MarkerReader()
        assert reader.feed(answer.body)[-1].transferred_bytes == len(DATA)
        assert here.on("n", "/n/in") == DATA
        to = here.storages["n"].url + "/n/in" if use_replica_url else "/n/in"
        assert arguments.read_text().splitlines() == [
            *("false", "<nochecksumtype>", here.there("/in"), to),
            *("", "Bearer abc", "atlas", ""),
        ]
        assert "Bearer abc" not in here.gateway.log_text()


def test_a_script_that_fails(tmp_path):
    with scripted(tmp_path, use_replica_url=True) as (here, _):
        for name in ("fails", "refuses"):
            here.outside.tree.add_file(f"/{name}", b"x")
        answer = here.copy("/n/fails", pull(here.there("/fails")))
        assert (answer.status, last_line(answer)) == (
            202,
            "failure: the script for copies ended with status 7",
        )
        answer = here.copy("/n/refuses", pull(here.there("/refuses")))
        assert answer.status == 502
        assert "status 8" in answer.text
        until(lambda: is_gone(here, "/n/fails"), "nothing of it anywhere")

"""What an operator's program is given, and what becomes of what it says."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ugrpy.copying.job import Job
from ugrpy.copying.relaying import Moved
from ugrpy.copying.scripts import Script, parse_monitor, script_arguments, script_environment
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.errors import Unavailable
from ugrpy.locality.tiers import Zone
from ugrpy.webdav.copying import parse_copy, transfer_headers

pytestmark = pytest.mark.functional


def a_job(headers: Mapping[str, str]) -> Job:
    headers = {"Destination": "https://there.example/f", "Credential": "none", **headers}
    asked = parse_copy(headers, lambda _place: False)
    zone = Zone.__new__(Zone)
    return Job(
        "/f", "/fed/f", zone, asked, lambda _merged: None, None, transfer_headers(headers), headers
    )


@pytest.mark.parametrize(
    ("headers", "parameters", "given"),
    [
        ({}, (), ("true", "<nochecksumtype>", "S", "D", "", "")),
        (
            {
                "RequireChecksumVerification": "false",
                "Want-Digest": "md5;q=0.5, adler32",
                "TransferHeaderAuthorization": "Bearer x y",
            },
            (),
            ("false", "adler32", "S", "D", "", "Bearer x y"),
        ),
        (
            {"x-vo": "atlas", "X-Bad": "a\0b"},
            ("X-VO", "X-Missing", "x-bad"),
            ("true", "<nochecksumtype>", "S", "D", "", "", "atlas", "", ""),
        ),
    ],
)
def test_the_arguments_come_in_the_order_that_scripts_know(headers, parameters, given):
    assert script_arguments(a_job(headers), "S", "D", parameters) == given


@pytest.mark.parametrize(
    ("line", "transferred_bytes"),
    [
        (b"monitor: a b 1.5 2.5 1048576 10\n", 1_048_576),
        (b"monitor: http://a/x https://b/y 0 0 0 0\n", 0),
        (b"monitor: a b 1 2 10.75 3\r\n", 10),
        (b"  monitor:  a  b  1  2  7  3  and more\n", 7),
        (b"monitor: a b 1 2\n", None),
        (b"monitor: a b 1 2 many 3\n", None),
        (b"monitor: a b 1 2 -5 3\n", None),
        (b"monitor: a b 1 2 9999999999999999999 3\n", None),
        (b"Copying a to b\n", None),
        (b"\xff\xfe\n", None),
        (b"", None),
    ],
)
def test_the_lines_of_a_monitor(line, transferred_bytes):
    assert parse_monitor(line) == transferred_bytes


def test_the_gateways_own_settings_are_not_handed_on():
    assert script_environment({"PATH": "/bin", "UGRPY_X": "secret"}) == {"PATH": "/bin"}


def a_script(folder: Path, text: str, *arguments: str) -> Script:
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Script(str(path), arguments)


async def test_arguments_arrive_as_they_are_and_progress_is_passed_on(tmp_path):
    odd = ("a b", "$(touch x)", "", "é")
    text = 'for one in "$@"; do printf "%s\\n" "$one"; done > "$0.args"; echo monitor: s d 1 1 42 1'
    moved = Moved()
    await a_script(tmp_path, text, *odd)(moved)
    assert (tmp_path / "script.args").read_text().splitlines() == list(odd)
    assert moved.transferred_bytes == 42


async def test_a_line_without_end_is_no_reason_to_fail(tmp_path):
    moved = Moved()
    await a_script(
        tmp_path, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo monitor: s d 1 1 7 1"
    )(moved)
    assert moved.transferred_bytes == 7


async def test_its_status_says_how_it_ended(tmp_path):
    with pytest.raises(Unavailable, match="ended with status 3") as caught:
        await a_script(tmp_path, "exit 3")(Moved())
    assert caught.value.status == 502


async def test_one_that_cannot_be_started_is_told_without_its_place():
    with pytest.raises(Unavailable) as caught:
        await Script("/no/such/program", ("secret",))(Moved())
    assert str(caught.value) == (
        "the script for copies cannot be started: no such file or directory"
    )


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "], ids=["obeys", "does not obey"])
async def test_with_the_client_its_whole_group_goes(tmp_path, monkeypatch, trap):
    monkeypatch.setattr("ugrpy.copying.scripts.GRACE_S", 0.2)
    text = f'{trap}sleep 60 & echo $! > "$0.pid.new"; mv "$0.pid.new" "$0.pid"; wait; wait'
    task = spawn(a_script(tmp_path, text)(Moved()), name="script")
    child = tmp_path / "script.pid"
    while not child.exists():
        await asyncio.sleep(0.01)
    await cancel_and_wait(task)
    assert task.cancelled()
    async with asyncio.timeout(5):
        while _is_running(int(child.read_text())):
            await asyncio.sleep(0.01)


async def test_a_client_that_leaves_while_it_is_being_started_ends_it_as_well(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("ugrpy.copying.scripts.GRACE_S", 0.2)
    create = asyncio.create_subprocess_exec

    async def slowly(*arguments: Any, **settings: Any) -> asyncio.subprocess.Process:
        process = await create(*arguments, **settings)
        await asyncio.sleep(0.3)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    text = 'sleep 60 & echo $! > "$0.pid.new"; mv "$0.pid.new" "$0.pid"; wait'
    task = spawn(a_script(tmp_path, text)(Moved()), name="script")
    child = tmp_path / "script.pid"
    while not child.exists():
        await asyncio.sleep(0.01)
    await cancel_and_wait(task)
    assert task.cancelled()
    async with asyncio.timeout(5):
        while _is_running(int(child.read_text())):
            await asyncio.sleep(0.01)


def _is_running(number: int) -> bool:
    try:
        os.kill(number, signal.SIGCONT)
        state = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def test_it_shows_no_argument():
    assert repr(Script("/opt/push", ("Bearer x",))) == "Script(/opt/push, 1 arguments)"

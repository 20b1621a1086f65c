"""Where changes are written down, whether there are any, and who of several processes follows them up."""

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ugrpy.changing import Changing
from ugrpy.config import Configuration, load
from ugrpy.core.errors import ConfigError
from ugrpy.wiring import changes
from ugrpy.wiring.changes import LOCK_FILE, follow_up, state_folder, takes_changes


def configured(folder: Path, text: str = "", endpoint: str = "") -> Configuration:
    path = folder / "site.toml"
    path.write_text(f'{text}\n[endpoints.one]\nurl = "http://127.0.0.1:1"\n{endpoint}\n')
    return load([path], environ={})


def test_the_state_is_where_the_operator_says(tmp_path):
    config = configured(tmp_path, f'[changes]\nstate_dir = "{tmp_path}/state"')
    environ = {"STATE_DIRECTORY": "/var/lib/ugrpy", "XDG_STATE_HOME": "/home/ada/state"}
    assert state_folder(config, environ) == tmp_path / "state"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/ugrpy"}, "/var/lib/ugrpy"),
        ({"STATE_DIRECTORY": "/var/lib/ugrpy:/var/lib/more"}, "/var/lib/ugrpy"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/s"}, "/s/ugrpy/127.0.0.1_8080"),
        ({"XDG_STATE_HOME": "relative"}, "HOME/.local/state/ugrpy/127.0.0.1_8080"),
        ({}, "HOME/.local/state/ugrpy/127.0.0.1_8080"),
    ],
)
def test_without_a_word_it_is_where_the_system_keeps_state(tmp_path, environ, folder):
    config = configured(tmp_path, '[service]\nlisten = ["127.0.0.1:8080"]')
    assert str(state_folder(config, environ)) == folder.replace("HOME", str(Path.home()))


@pytest.mark.parametrize(
    ("text", "endpoint", "takes"),
    [
        ("", "", False),
        ("", "writable = true", False),
        ('[changes]\nwrite_from = ["127.0.0.0/8"]', "", False),
        ('[changes]\nwrite_from = ["127.0.0.0/8"]', "writable = true", True),
    ],
)
def test_changes_need_a_client_and_a_storage(tmp_path, text, endpoint, takes):
    assert takes_changes(configured(tmp_path, text, endpoint)) is takes


# -- the steward ------------------------------------------------------------------------------------------


def holding_the_lock(folder: Path) -> "subprocess.Popen[bytes]":
    code = (
        "import fcntl, sys, time\n"
        "lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "open(sys.argv[1] + '.held', 'w').close(); time.sleep(60)"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder / LOCK_FILE)])


def a_steward(runs: list[str]) -> Changing:
    async def run() -> None:
        runs.append("runs")
        await asyncio.Event().wait()

    ground = SimpleNamespace(left=set())
    return cast(Changing, SimpleNamespace(steward=SimpleNamespace(run=run), ground=ground))


async def until(said: list[str]) -> None:
    async with asyncio.timeout(30):
        while not said:
            await asyncio.sleep(0.01)


def test_the_steward_is_one_process_and_another_when_it_dies(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "LOCK_RETRY_S", 0.02)
    config = configured(tmp_path, f'[changes]\nstate_dir = "{tmp_path}"')
    other = holding_the_lock(tmp_path)

    async def story() -> None:
        async with asyncio.timeout(30):
            while not (tmp_path / f"{LOCK_FILE}.held").exists():
                await asyncio.sleep(0.01)
        runs: list[str] = []
        waiting = asyncio.ensure_future(follow_up(config, a_steward(runs)))
        await asyncio.sleep(0.2)
        assert runs == []
        other.kill()
        other.wait()
        await until(runs)
        # as long as it runs nobody else is steward, and nobody waits for ever when it ends
        third: list[str] = []
        after = asyncio.ensure_future(follow_up(config, a_steward(third)))
        await asyncio.sleep(0.1)
        assert third == []
        waiting.cancel()
        await until(third)
        after.cancel()
        await asyncio.gather(waiting, after, return_exceptions=True)

    try:
        asyncio.run(story())
    finally:
        other.kill()
        other.wait()
    lock = os.open(tmp_path / LOCK_FILE, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # which raises when it is held
    os.close(lock)


def test_a_folder_where_nothing_can_be_locked_is_told(tmp_path):
    config = configured(tmp_path, f'[changes]\nstate_dir = "{tmp_path}/missing"')
    with pytest.raises(ConfigError, match="cannot lock") as caught:
        asyncio.run(follow_up(config, a_steward([])))
    assert caught.value.where == "changes.state_dir"

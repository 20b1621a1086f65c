"""Are the systemd units what systemd takes, and do they start what there is?

``systemd-analyze verify`` reads them as the manager does; it needs no running systemd.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shoalpy.agent.settings import AgentSettings
from shoalpy.client.settings import ClientSettings
from tests.parity import peers_used
from tests.peers.programs import Installed, require

pytestmark = pytest.mark.functional

UNITS = Path(__file__).parents[3] / "packaging" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
COMMAND = re.compile(r"^ExecStart=/usr/bin/shoalpy (.*)$", re.MULTILINE)
# On its scale from 0 to 10, where a service without any protection has 9.6.
WORST_EXPOSURE = 4.5


@pytest.fixture(scope="module")
def systemd() -> Installed:
    found = require("systemd")
    peers_used.record(found.name, found.version)
    return found


def analyze(systemd: Installed, *words: str | Path) -> tuple[int, str]:
    """Exit status and everything said."""
    done = subprocess.run(
        [systemd.path, *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def installed_here(folder: Path) -> list[Path]:
    """The units with the program where it is in this environment: systemd looks whether it can be run."""
    program = Path(sys.executable).parent / "shoalpy"
    files = []
    for unit in sorted(UNITS.iterdir()):
        file = folder / unit.name
        file.write_text(unit.read_text().replace("/usr/bin/shoalpy", str(program)))
        files.append(file)
    return files


def test_systemd_finds_nothing_wrong_with_any_unit(systemd: Installed, tmp_path: Path):
    files = installed_here(tmp_path)
    assert {file.suffix for file in files} == {".service", ".timer"}
    assert analyze(systemd, "verify", "--man=no", *files) == (0, "")

    # what it says is heeded: an unknown key is passed over by systemd, and only told of
    files[0].write_text(files[0].read_text().replace("DynamicUser=", "DynamicUzer="))
    assert "Unknown key 'DynamicUzer'" in analyze(systemd, "verify", "--man=no", *files)[1]


@pytest.mark.parametrize("name", ["shoalpy-server", "shoalpy-agent"])
def test_a_service_that_runs_for_ever_is_shut_in(systemd: Installed, tmp_path: Path, name: str):
    installed_here(tmp_path)
    status, said = analyze(
        systemd, "security", "--offline=true", "--no-pager", tmp_path / f"{name}.service"
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, (status, said)
    assert float(found[1]) <= WORST_EXPOSURE, said


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_it_starts_a_command_there_is_with_options_it_has(unit: Path):
    found = COMMAND.search(unit.read_text())
    assert found, f"{unit.name} starts something else"
    command, *options = found[1].split()
    helped = subprocess.run(
        [sys.executable, "-m", "shoalpy", command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for option in (word for word in options if word.startswith("--")):
        assert option in helped.stdout


def test_the_timer_is_that_of_the_client():
    assert (UNITS / "shoalpy-client.timer").with_suffix(".service") in SERVICES
    assert "Type=oneshot" in (UNITS / "shoalpy-client.service").read_text()


def test_each_keeps_its_state_in_a_folder_of_its_own():
    """A folder of a ``DynamicUser`` is moved away from whoever shares it (systemd.exec(5), StateDirectory)."""
    kept = {
        unit.stem: Path("/var/lib") / found[1]
        for unit in SERVICES
        if (found := re.search(r"^StateDirectory=(\S+)$", unit.read_text(), re.MULTILINE))
    }
    assert len(set(kept.values())) == len(SERVICES)
    assert Path(AgentSettings().state_dir) == kept["shoalpy-agent"]
    assert Path(ClientSettings().state_file).parent == kept["shoalpy-client"]

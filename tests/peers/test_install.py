"""The script that installs peers leaves no service of theirs running; ``apt-get`` and ``dpkg-query`` stand aside here."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("install")
# What the package manager would see while it installs.
_APT = """\
#!/bin/sh
if [ -x "$POLICY_RC_D" ]; then "$POLICY_RC_D"; echo "policy $?"; else echo "no policy"; fi >> "$SEEN"
echo "$*" >> "$SEEN"
exit "${APT_STATUS:-0}"
"""


@pytest.fixture
def install(tmp_path):
    """Runs the script for one missing package; returns its exit status and what the package manager saw."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("apt-get", _APT),
        ("dpkg-query", "#!/bin/sh\nexit 1\n"),
        ("id", "#!/bin/sh\necho 0\n"),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "list").write_text("some-server  # why\n")

    def run(**more: str) -> tuple[int, list[str]]:
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TMPDIR": str(tmp_path),
            "POLICY_RC_D": str(tmp_path / "policy-rc.d"),
            "SEEN": str(tmp_path / "seen"),
            **more,
        }
        done = subprocess.run(
            [SCRIPT, tmp_path / "list"],
            env=environment,
            timeout=60,
            capture_output=True,
            check=False,
        )
        return done.returncode, (tmp_path / "seen").read_text().splitlines()

    return run


def test_services_may_not_start_while_packages_are_installed(install, tmp_path):
    status, seen = install()

    assert status == 0
    assert seen == ["policy 101", "-q -y install --no-install-recommends some-server"]
    assert not (tmp_path / "policy-rc.d").exists()


def test_nor_is_anything_left_when_that_fails(install, tmp_path):
    status, seen = install(APT_STATUS="100", CI="true")

    assert status == 1
    assert seen[0] == "policy 101"
    assert seen.count("-q -y update") == 1
    assert not (tmp_path / "policy-rc.d").exists()


def test_a_policy_that_is_there_already_stays(install, tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 7\n")
    policy.chmod(0o755)

    assert install()[1][0] == "policy 7"
    assert policy.read_text() == "#!/bin/sh\nexit 7\n"

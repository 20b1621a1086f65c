"""Is a real program installed, which version, and what installs it?

A missing one skips the test with the line to run; with ``CI=true`` it fails, so that nothing is silently left out.
"""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

# daemons live in sbin, which an ordinary user's PATH leaves out
SEARCH_PATH = os.pathsep.join(
    [
        os.environ.get("PATH", ""),
        "/usr/local/sbin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
    ]
)
# gfal2's scripts look for an interpreter with its bindings, which only Debian's own has
GFAL_ENVIRONMENT = {"GFAL_PYTHONBIN": "/usr/bin/python3"}


@dataclass(frozen=True, slots=True)
class Program:
    """How to find one: an executable, the Debian packages it needs, how to ask its version."""

    command: str
    packages: tuple[str, ...]
    version_option: str = "--version"
    version_pattern: str = r"([0-9]+(?:\.[0-9]+)+)"


PROGRAMS: Mapping[str, Program] = {
    "apache": Program("apache2", ("apache2-bin",), "-v"),
    "aria2": Program("aria2c", ("aria2",)),
    "cadaver": Program("cadaver", ("cadaver",)),
    "chromium": Program("chromium", ("chromium", "fonts-dejavu-core")),
    "curl": Program("curl", ("curl",)),
    "davix": Program("davix-get", ("davix",)),
    "gfal2": Program(
        "gfal-ls",
        ("gfal2-util-scripts", "python3-gfal2", "gfal2-plugin-http", "gfal2-plugin-file"),
        version_pattern=r"\(gfal2 ([0-9.]+)\)",
    ),
    "litmus": Program("litmus", ("litmus",)),
    "memcached": Program("memcached", ("memcached",)),
    "nginx": Program("nginx", ("nginx-light", "libnginx-mod-http-dav-ext"), "-v"),
    # a script that does nothing: the server has no option for its version, and rabbitmqctl would leave a name service behind
    "rabbitmq": Program("/usr/lib/rabbitmq/bin/rabbitmq-defaults", ("rabbitmq-server",)),
    "rclone": Program("rclone", ("rclone",), "version"),
    "redis": Program("redis-server", ("redis-server",)),
    "squid": Program("squid", ("squid",)),
    # only to judge our units; nothing of it is started
    "systemd": Program("systemd-analyze", ("systemd",), version_pattern=r"systemd ([0-9]+)"),
    "varnish": Program("varnishd", ("varnish",), "-V", r"varnish-([0-9.]+)"),
    "wget2": Program("wget2", ("wget2",)),
    "xrootd": Program("xrootd", ("xrootd-server", "xrootd-server-plugins"), "-v"),
    "xrootd-client": Program("xrdcp", ("xrootd-client", "xrootd-client-http-plugins")),
}


@dataclass(frozen=True, slots=True)
class Installed:
    """A program that is there: its peer name, the path of its executable, its version."""

    name: str
    path: str
    version: str


@functools.cache
def find(name: str) -> Installed | None:
    """The program of this peer name, or nothing when it is not installed. Raises ``KeyError`` for an unknown name."""
    program = PROGRAMS[name]
    path = shutil.which(program.command, path=SEARCH_PATH)
    if path is None:
        return None
    answer = subprocess.run(
        [path, program.version_option],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"PATH": SEARCH_PATH, "HOME": "/nonexistent", **GFAL_ENVIRONMENT},
    )
    said = answer.stdout + answer.stderr
    # some say nothing, but stand in a folder that is named for it
    match = re.search(program.version_pattern, said or os.path.realpath(path))
    return Installed(name, path, match[1] if match else "unknown")


def require(name: str) -> Installed:
    """The program, or the end of the test: a skip here, a failure with ``CI=true``."""
    installed = find(name)
    if installed is not None:
        return installed
    packages = " ".join(PROGRAMS[name].packages)
    message = f"{name} is not installed: apt-get install --no-install-recommends {packages}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)

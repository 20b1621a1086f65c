"""What stands in each place: squid where it is installed, else a small forward proxy of ours."""

import os
import pwd
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shoalpy.demo.sites import Site
from ugrpy.service.tour.processes import Child, free_port, python_module

CACHE_PORT = 3128
"""Wished for; another is taken when it is in use."""
ACCESS = "access.conf"
"""The file in a cache's folder that says who may use it."""
_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
# Debian's name and that of RHEL
_SQUID_USERS = ("proxy", "squid")

_SQUID = """\
# written by `shoalpy demo`
http_port {address}:{port}
visible_hostname {hostname}
include {folder}/access.conf
pid_filename none
netdb_filename none
cache_log {folder}/cache.log
access_log none
cache_store_log none
coredump_dir {folder}
cache_mem 8 MB
max_filedescriptors 1024
shutdown_lifetime 0 seconds
pinger_enable off
{user}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run as a cache: ``path`` of squid, or none for ours. ``name`` is for the viewer."""

    name: str
    path: str | None = None
    user: str = ""


OURS = Program("a small forward proxy of ours: squid is not installed")


def find_program(*, ours: bool = False) -> Program:
    """Squid, if it is there and can run here and is wanted."""
    path = None if ours else shutil.which("squid", path=_PLACES)
    user = _user_to_become()
    if path is None or user is None:
        return OURS
    try:
        said = subprocess.run(  # noqa: S603 - found above
            [path, "-v"], capture_output=True, text=True, check=False, timeout=10
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return OURS
    version = said.partition("\n")[0].rpartition(" ")[2]
    return Program(f"squid {version}".rstrip(), path, user)


def cache_child(site: Site, folder: Path, program: Program) -> Child:
    """The process of one cache with its configuration in ``folder``, not started yet."""
    folder.mkdir()
    (folder / ACCESS).write_text("http_access allow all\n")
    address = site.cache_address
    port = free_port(address, CACHE_PORT)
    log = folder / "output.log"
    if program.path is None:
        command = python_module("shoalpy.demo.proxy", f"{address}:{port}", site.hostname)
        return Child(site.name, [*command, str(folder / ACCESS)], address, port, log)
    config = folder / "squid.conf"
    config.write_text(
        _SQUID.format(
            address=address,
            port=port,
            hostname=site.hostname,
            folder=folder,
            user=f"cache_effective_user {program.user}" if program.user else "",
        )
    )
    if program.user:
        shutil.chown(folder, program.user)
    return Child(site.name, [program.path, "-N", "-f", str(config)], address, port, log)


def _user_to_become() -> str | None:
    """Whom squid becomes when root starts it: nobody else for other users, ``None`` when there is no user for it."""
    if os.geteuid() != 0:
        return ""
    for name in _SQUID_USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None

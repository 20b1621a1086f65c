"""Apache with mod_dav as a storage element."""

import os
import pwd
from pathlib import Path

from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer

_MODULES = Path("/usr/lib/apache2/modules")

_CONFIGURATION = """\
ServerRoot {folder}
ServerName {address}
Listen {address}:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LogFormat "%m %U%q %>s" request
CustomLog {folder}/access.log request
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
LoadModule dav_lock_module {modules}/mod_dav_lock.so
{more}
TypesConfig /dev/null
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
DavLockDB {folder}/locks
DocumentRoot {root}
AllowEncodedSlashes NoDecode
{user}
<Directory {root}>
  Require all granted
  DAV On
</Directory>
"""


# What Debian's default configuration has, too: mod_dir redirects a directory without its slash, for PROPFIND as well
_MOD_DIR = "LoadModule dir_module {modules}/mod_dir.so\nDirectoryIndex disabled"


def apache_dav(
    folder: Path, address: str = "127.0.0.1", *, redirects_to_slash: bool = False
) -> PeerServer:
    """A WebDAV server that passes litmus: ETag, Last-Modified, locks. ``redirects_to_slash``: with mod_dir."""
    program = require("apache")
    root = folder / "root"
    root.mkdir()
    root.chmod(0o777)
    user = _user(folder)
    more = _MOD_DIR.format(modules=_MODULES) if redirects_to_slash else ""

    def command(port: int) -> tuple[str, ...]:
        path = folder / "apache.conf"
        text = _CONFIGURATION.format(
            folder=folder,
            address=address,
            port=port,
            modules=_MODULES,
            more=more,
            root=root,
            user=user,
        )
        path.write_text(text)
        return (program.path, "-f", str(path), "-D", "FOREGROUND")

    process = ServerProcess(command, address=address, log=folder / "output.log")
    return PeerServer("apache", program.version, root, process, folder / "access.log")


def _user(folder: Path) -> str:
    """As root Apache drops to an ordinary user, who must be able to write the lock database."""
    if os.geteuid() != 0:
        return ""
    account = pwd.getpwnam("nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return f"User {account.pw_name}\nGroup #{account.pw_gid}"

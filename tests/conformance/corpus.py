"""What does every endpoint under test hold? One tree, and how it gets onto a real server's disk."""

import os

from tests.peers.server import PeerServer
from ugrpy.core.urls import join_url
from ugrpy.testing.tree import MTIME_S, FileNode, Tree, bytes_for

# Each is a name that some program along the way has been known to change.
ODD_NAMES = (
    "with space",
    "  two  spaces  ",
    "100%",
    "half %4",
    "looks%20encoded",
    "looks%2Fencoded",
    "looks%C3%BCencoded",
    "%",
    "hash#tag",
    "question?mark=1&b",
    "amp&ersand",
    "&amp;",
    "plus+sign",
    "semi;colon;v=1",
    "co:lon",
    "comma,equals=",
    "quote'd",
    'double"quoted"',
    "<angled>",
    "]]>",
    "[brackets]{braces}|^`",
    "back\\slash",
    "~tilde!$*()@",
    "ünïcödé",
    "u\u0308 decomposed",
    "日本語",
    "smile \U0001f600",
    ".hidden",
    "..two dots",
    "trailing.",
    "-dash",
    "n" * 200,
)
SIZES = {"none": 0, "one": 1, "small": 1000, "edge": 65536, "beyond": 65537, "large": 300_000}
MANY = 300


def _tree() -> Tree:
    tree = Tree()
    sizes = {f"/sizes/{name}": size for name, size in SIZES.items()}
    sizes |= {f"/odd/{name}": 20 + number for number, name in enumerate(ODD_NAMES)}
    sizes |= {f"/many/f{number:03}": number for number in range(MANY)}
    sizes |= {"/top": 3, "/nested/a/b/c/deep": 7, "/nested/a/beside": 8, "/nested/file": 9}
    sizes |= {f"/odd collections/{name}/inside": 5 for name in ODD_NAMES}
    for path, size_bytes in sizes.items():
        tree.add_file(path, FileNode(bytes_for(path, size_bytes), MTIME_S))
    tree.add_collection("/empty")
    tree.add_collection("/nested/empty too")
    return tree


TREE = _tree()
COLLECTIONS = ("/", "/sizes", "/nested", "/nested/a", "/nested/a/b", "/odd", "/odd collections")


def plant(server: PeerServer, folder: str) -> str:
    """Put the tree into a folder of a server that serves the whole run, once; the URL of the folder."""
    if not (server.root / folder).exists():
        server.make_directory(folder)
        for path, node in TREE.files.items():
            file = server.write(folder + path, node.content)
            os.utime(file, (node.mtime_s, node.mtime_s))
        for path in ("/empty", "/nested/empty too"):
            server.make_directory(folder + path)
    return join_url(server.url, folder)

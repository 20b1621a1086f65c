"""Storage that costs next to nothing: three nginx that answer PROPFIND with files written beforehand.

For listings so long that elements which render them would cost more than the gateway that merges them. They know the lists 0
(in order of names) and 1 (each element in an order of its own, as directories on disks are) of their corpus, and the collections
above.
"""

from pathlib import Path

from benchmarks.corpus import Corpus, Item, list_path, mix
from benchmarks.scene import Scene
from benchmarks.storage import XML_HEAD, XML_TAIL, resource
from benchmarks.topology import Topology

SORTED, UNSORTED = 0, 1


def prepare(topology: Topology, corpus: Corpus) -> Scene:
    """Write the answers of every member and serve them."""
    urls = []
    for member in range(corpus.members):
        root = topology.directory / f"element{member}"
        write(root, corpus, member)
        server = topology.nginx_files(
            root.name, root, topology.other_cores, f"127.0.{member + 1}.1"
        )
        urls.append(f"http://{server.host}:{server.port}")
    return Scene(topology, corpus, urls)


def write(root: Path, corpus: Corpus, member: int) -> None:
    """The files of one member: ``0.xml`` and, for the lists, ``1.xml`` in a folder for each collection."""
    for path in ("/", "/lists/"):
        _write(root, path, "0", [])
    for number in (SORTED, UNSORTED):
        children = corpus.children(member, list_path(number))
        if number == UNSORTED:
            children.sort(key=lambda child: mix(child.size_bytes * 1009 + member))
        _write(root, list_path(number), "0", [])
        _write(root, list_path(number), "1", children)


def _write(root: Path, path: str, depth: str, children: list[Item]) -> None:
    folder = root / path.strip("/")
    folder.mkdir(parents=True, exist_ok=True)
    parts = [XML_HEAD, resource(path, Item("", collection=True))]
    parts += [resource(path + child.name, child) for child in children]
    (folder / f"{depth}.xml").write_bytes(b"".join([*parts, XML_TAIL]))

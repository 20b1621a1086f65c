"""Which storage elements does a test have, and what were they asked?"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from ugrpy.testing import Faults, FileNode, StorageElement, Tree, in_thread

WELL = Faults()
HANGING = Faults(hang=True)
MTIME_S = 1_600_000_000


def tree_of(*paths: str, content: bytes = b"0123456789") -> Tree:
    """Files of the same bytes and date at these paths; a path that ends in a slash is a collection."""
    tree = Tree()
    for path in paths:
        if path.endswith("/"):
            tree.add_collection(path)
        else:
            tree.add_file(path, FileNode(content, MTIME_S))
    return tree


@contextmanager
def elements(
    trees: Mapping[str, Tree], addresses: Mapping[str, str] | None = None
) -> Iterator[dict[str, StorageElement]]:
    """A storage element for each tree, by name, at 127.0.0.1 unless ``addresses`` says otherwise."""
    listening = addresses or {}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                in_thread(StorageElement(tree, listen=(listening.get(name, "127.0.0.1"), 0)))
            )
            for name, tree in trees.items()
        }


def asks(element: StorageElement) -> dict[tuple[str, str], int]:
    """What it was asked so far, by method and path, the probes of its root left out."""
    return {key: count for key, count in element.counts.items() if key[1] != "/"}

"""What does reading a storage's listing cost? ``size`` files in one multistatus that arrives in pieces of 64 kB."""

from benchmarks.corpus import Corpus, list_path
from benchmarks.storage import Answers
from benchmarks.timing import Work
from ugrpy.webdav.multistatus import MultistatusReader, Resource

PIECE_BYTES = 64 * 1024


def prepare(seed: int, size: int) -> Work:
    """``MultistatusReader`` over what our storage elements send."""
    corpus = Corpus(seed=seed, members=1, replicas_max=1, miss_percent=0, list_entries=size)
    answer = Answers(corpus, 0).answer("PROPFIND", list_path(0), "1")
    body = answer.partition(b"\r\n\r\n")[2]
    pieces = [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)]

    def run() -> list[Resource]:
        reader = MultistatusReader()
        found = [resource for piece in pieces for resource in reader.feed(piece)]
        return found + reader.close()

    def check(found: object) -> None:
        assert isinstance(found, list)
        sizes = {resource.path.rpartition("/")[2]: resource.size_bytes for resource in found[1:]}
        assert sizes == {item.name: item.size_bytes for item in corpus.children(0, list_path(0))}

    return Work(run, size, check)

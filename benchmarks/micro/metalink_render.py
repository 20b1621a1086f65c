"""What does writing a metalink cost? ``size`` files with two digests and one to three replicas."""

from lxml import etree

from benchmarks.corpus import Corpus, lookup_path, mix
from benchmarks.timing import Work
from ugrpy.metalink.document import Document, MetalinkReplica
from ugrpy.metalink.v4 import render_metalink4
from ugrpy.namespace.model import Digest

_URL = "{urn:ietf:params:xml:ns:metalink}url"


def prepare(seed: int, size: int) -> Work:
    """``render_metalink4`` on each document."""
    corpus = Corpus(seed=seed, miss_percent=0)
    documents = [_document(corpus, index) for index in range(size)]

    def run() -> list[bytes]:
        return [render_metalink4(document) for document in documents]

    def check(rendered: object) -> None:
        assert isinstance(rendered, list)
        for document, text in zip(documents, rendered, strict=True):
            urls = [url.text for url in etree.fromstring(text).iter(_URL)]
            assert urls == [replica.url for replica in document.replicas]

    return Work(run, size, check)


def _document(corpus: Corpus, index: int) -> Document:
    path = lookup_path(index)
    return Document(
        path.rpartition("/")[2],
        1000 + index,
        (Digest("adler32", f"{mix(index) >> 32:08x}"), Digest("md5", f"{mix(index):032x}")),
        tuple(
            MetalinkReplica(f"https://se{member}.example{path}", rank, "ca")
            for rank, member in enumerate(corpus.holders(index), 1)
        ),
        1_500_000_000.0,
    )

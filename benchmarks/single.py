"""What does one long answer cost? Asked once on a connection of its own, timed to its first and to its last byte."""

import http.client
import io
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from benchmarks import procfs
from benchmarks.corpus import list_name, list_path
from benchmarks.model import WrongAnswer
from benchmarks.rounds import Sample
from benchmarks.scene import Scene
from benchmarks.topology import Server

PIECE_BYTES = 1 << 16
LIMIT_S = 60.0  # between two pieces


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came over the wire (``body`` is not decompressed) and what it cost.

    ``first_s`` is the first byte of the body, counted like ``total_s`` from before the connection. ``growth_bytes`` is the peak of
    the server's resident size since its start less its size before the question.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    first_s: float
    total_s: float
    cpu_s: float
    growth_bytes: int

    def sample(self) -> Sample:
        """For the tables of a result."""
        figures = {
            "first_ms": self.first_s * 1e3,
            "total_ms": self.total_s * 1e3,
            "cpu_ms": self.cpu_s * 1e3,
            "growth_mb": self.growth_bytes / 1e6,
            "body_mb": len(self.body) / 1e6,
        }
        return Sample(figures, {str(self.status): 1})

    def text(self) -> bytes:
        """The body, decompressed."""
        if self.headers.get("content-encoding") == "gzip":
            return zlib.decompress(self.body, 16 + zlib.MAX_WBITS)
        return self.body


def ask(
    server: Server, method: str, path: str, headers: Mapping[str, str], idle_bytes: int = 0
) -> Answer:
    """One request. ``idle_bytes`` is the resident size from which growth counts; the size at this moment when it is 0."""
    idle_bytes = idle_bytes or procfs.rss_bytes(server.pid)
    cpu_before = procfs.cpu_s(server.pid)
    pieces: list[bytes] = []
    started = time.perf_counter()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=LIMIT_S)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        pieces.append(answer.read1(PIECE_BYTES))
        first = time.perf_counter()
        while pieces[-1]:
            pieces.append(answer.read1(PIECE_BYTES))
        ended = time.perf_counter()
    except http.client.HTTPException as error:
        raise WrongAnswer(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()
    return Answer(
        answer.status,
        {name.lower(): value for name, value in answer.getheaders()},
        b"".join(pieces),
        first - started,
        ended - started,
        procfs.cpu_s(server.pid) - cpu_before,
        procfs.peak_rss_bytes(server.pid) - idle_bytes,
    )


def check_listing(scene: Scene, number: int, answer: Answer) -> None:
    """It is whole: the collection, and every name of the list once. Raises ``WrongAnswer``."""
    if answer.status != 207 or "proxy-status" in answer.headers:
        raise WrongAnswer(f"list {number}: {answer.status}, {dict(answer.headers)}")
    hrefs = []
    try:
        for _, element in etree.iterparse(io.BytesIO(answer.text()), tag="{DAV:}response"):
            hrefs.append(element.findtext("{DAV:}href") or "")
            element.clear()
            while element.getprevious() is not None:  # what has been read would stay in memory
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise WrongAnswer(f"list {number} is no XML: {error}") from error
    path = list_path(number)
    right = {path + list_name(number, n) for n in range(scene.corpus.list_entries)} | {path}
    if hrefs[:1] != [path] or len(hrefs) != len(right) or set(hrefs) != right:
        raise WrongAnswer(f"list {number}: {len(hrefs)} names, {len(right)} are right")

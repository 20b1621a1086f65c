"""Cheap storage elements: many in one process, answering for a ``Corpus`` without a disk.

``python -m benchmarks.storage`` reads its elements as JSON from standard input (one line), binds each to a free port and prints
the base URLs as a JSON list; it ends when standard input is closed, so it cannot outlive its runner. An element::

    {"host": "127.0.1.1", "member": 0, "delay_ms": 5, "habit": "well"}

It speaks PROPFIND (Depth 0 and 1), HEAD and GET (zeros of the right length) and nothing else: no ranges, no conditions, no TLS, no
pipelining. What goes wrong is told by its habit (``habits.py``).
"""

import asyncio
import json
import sys
from collections import OrderedDict
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast
from urllib.parse import unquote, urlsplit

import uvloop

from benchmarks.corpus import Corpus, Item
from benchmarks.habits import Habit, elsewhere, flap, with_wrong_length

_ZEROS = bytes(1_000_000)
# Rendered listings are kept: the elements must not cost more than the gateway they feed.
_LISTINGS_KEPT = 32
XML_HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">'
XML_TAIL = b"</D:multistatus>"


@dataclass(frozen=True, slots=True)
class Element:
    """One storage element: which member of the corpus it is, and how it behaves."""

    host: str
    member: int
    delay_ms: float = 0.0
    habit: Habit = Habit.WELL


class Answers:
    """Rendered answers of one element."""

    def __init__(self, corpus: Corpus, member: int) -> None:
        self._corpus = corpus
        self._member = member
        self._listings: OrderedDict[str, bytes] = OrderedDict()

    def answer(self, method: str, target: str, depth: str) -> bytes:
        """The whole answer, head and body. ``target`` is as on the request line."""
        path = unquote(urlsplit(target).path)
        item = self._corpus.stat(self._member, path)
        if item is None:
            return _reply("404 Not Found", b"", "text/plain")
        if method == "PROPFIND":
            return self._propfind(path, item, depth)
        if method in ("GET", "HEAD"):
            body = b"" if item.collection else _ZEROS[: item.size_bytes]
            head = _head("200 OK", len(body), "application/octet-stream", item.mtime_s)
            return head if method == "HEAD" else head + body
        return _reply("405 Method Not Allowed", b"", "text/plain")

    def _propfind(self, path: str, item: Item, depth: str) -> bytes:
        if depth == "0" or not item.collection:
            body = XML_HEAD + resource(path, item) + XML_TAIL
            return _reply("207 Multi-Status", body, "application/xml")
        kept = self._listings.get(path)
        if kept is None:
            base = path.rstrip("/")
            parts = [XML_HEAD, resource(path, item)]
            children = self._corpus.children(self._member, path)
            parts += [resource(f"{base}/{child.name}", child) for child in children]
            kept = _reply("207 Multi-Status", b"".join([*parts, XML_TAIL]), "application/xml")
            self._listings[path] = kept
            if len(self._listings) > _LISTINGS_KEPT:
                self._listings.popitem(last=False)
        return kept


def resource(path: str, item: Item) -> bytes:
    """One response element of a multistatus; the corpus has no name that needs escaping."""
    if item.collection:
        own = "<D:resourcetype><D:collection/></D:resourcetype>"
        path = path.rstrip("/") + "/"
    else:
        own = (
            f"<D:resourcetype/><D:getcontentlength>{item.size_bytes}</D:getcontentlength>"
            f"<D:getlastmodified>{formatdate(item.mtime_s, usegmt=True)}</D:getlastmodified>"
        )
    return (
        f"<D:response><D:href>{path}</D:href><D:propstat><D:prop>{own}</D:prop>"
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    ).encode()


def _head(status: str, length: int, content_type: str, mtime_s: int | None = None) -> bytes:
    modified = f"Last-Modified: {formatdate(mtime_s, usegmt=True)}\r\n" if mtime_s else ""
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: {content_type}\r\n"
        f"{modified}\r\n"
    ).encode()


def _reply(status: str, body: bytes, content_type: str) -> bytes:
    return _head(status, len(body), content_type) + body


class Lies:
    """The answers of an element that does not tell the truth."""

    def __init__(self, answers: Answers, habit: Habit) -> None:
        self._answers = answers
        self._habit = habit

    def answer(self, method: str, target: str, depth: str) -> bytes:
        """As ``Answers.answer``."""
        truth = self._answers.answer(method, target, depth)
        match self._habit:
            case Habit.WRONG_LENGTH if truth.startswith(b"HTTP/1.1 207"):
                return with_wrong_length(truth, target)
            case Habit.NOT_FOUND if target.endswith(".1"):
                return _reply("404 Not Found", b"", "text/plain")
            case Habit.OTHER_DIRECTORY if method == "PROPFIND":
                return _reply("207 Multi-Status", elsewhere(XML_HEAD, XML_TAIL), "application/xml")
            case _:
                return truth


class Presence:
    """Whether an element is there. ``silent`` ones accept requests and do not answer."""

    def __init__(self, element: Element, answers: Answers | Lies) -> None:
        self.element = element
        self.answers = answers
        self.silent = element.habit is Habit.HANG
        self.open: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def come(self) -> None:
        """Listen, on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Speaker(self), self.element.host, self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Refuse connections, and hang up those there are."""
        if self._server is not None:
            self._server.close()
        for transport in list(self.open):
            transport.abort()

    def be_silent(self, silent: bool) -> None:
        """Accept requests and answer none, or be well again: what was asked in between gets no answer."""
        self.silent = silent

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.element.host}:{self.port}"


class Speaker(asyncio.Protocol):
    """One connection: cuts heads off the stream, skips bodies, answers in order after the element's delay."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._buffer = b""
        self._skip = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not derived from asyncio's
        self._transport = cast("asyncio.Transport", transport)
        self._presence.open.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._presence.open.discard(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._presence.silent:
            return
        self._buffer += data
        while self._buffer:
            if self._skip:
                taken = min(self._skip, len(self._buffer))
                self._skip -= taken
                self._buffer = self._buffer[taken:]
                continue
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            self._buffer = rest
            self._head(head.decode("latin-1"))

    def _head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        self._skip = int(fields.get("content-length", "0"))
        method, target, _ = first.split(" ")
        answer = self._presence.answers.answer(method, target, fields.get("depth", "0"))
        if delay_ms := self._presence.element.delay_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_ms / 1000, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)


async def serve(corpus: Corpus, elements: list[Element]) -> None:
    """Bind all, print their URLs, answer until standard input ends."""
    present: list[Presence] = []
    flapping: list[asyncio.Task[None]] = []
    for element in elements:
        truth = Answers(corpus, element.member)
        lies = element.habit in (Habit.WRONG_LENGTH, Habit.NOT_FOUND, Habit.OTHER_DIRECTORY)
        one = Presence(element, Lies(truth, element.habit) if lies else truth)
        await one.come()
        present.append(one)
        if element.habit is Habit.FLAPPING:
            flapping.append(asyncio.create_task(flap(one.leave, one.come, one.be_silent)))
    print(json.dumps([one.url for one in present]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in flapping:
        task.cancel()
    for one in present:
        await one.leave()


def main() -> None:
    """Read the configuration from standard input and serve."""
    settings = json.loads(sys.stdin.readline())
    corpus = Corpus(**settings["corpus"])
    elements = [
        Element(**{**element, "habit": Habit(element["habit"])}) for element in settings["elements"]
    ]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(corpus, elements))


if __name__ == "__main__":
    main()

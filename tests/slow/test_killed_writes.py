"""A gateway and a storage are killed again and again while clients change a thousand names: is anything that was acknowledged lost, or half done without a word?

Some clients work side by side, each below a collection of its own, by a schedule that comes from a seed (``UGRPY_KILL_SEED``; a failure names it).
Each keeps book of what every name may be: what was acknowledged is one thing, what was not is as before or as after. In the middle, at given numbers
of requests, the gateway is killed and started on the same journal, single workers are killed, and a storage is killed and comes back.

At the end all are in service, and what was begun has had its time. Then the disks of the storages are looked at, and nothing else is believed.
"""

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.functional.helpers.asking import health_of
from tests.functional.writable import NAMES, Site, ask_from, site
from tests.peers.ask import Answer, ask
from tests.peers.bench import Bench
from tests.peers.process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SEED = int(os.environ.get("UGRPY_KILL_SEED", str(random.randrange(2**32))))
CLIENTS = 4
REQUESTS = 1000
GRACE_S = 3.0
SETTLE_S = 90.0
HEALTH = {"probe_interval_s": 0.3, "eject_after": 2, "return_after": 1}
FILES = ("a", "b", "c", "in/a", "in/b", "there/a")
COLLECTIONS = ("in", "there")
VERBS = ("PUT", "PUT", "PUT", "DELETE", "MOVE", "MKCOL", "RMCOL", "MVCOL", "DROP", "RENAME")
# each client's own files that every storage has from the beginning: one is deleted or moved once, which all of them must do
REPLICAS = 60
REPLICA = b"one of three"

Content = bytes | None


@dataclass
class Book:
    """What one client knows of its names: what each may be, and the contents whose loss it never asked for."""

    may: dict[str, set[Content]]
    owed: dict[bytes, set[str]] = field(default_factory=dict)
    ever: dict[str, set[Content]] = field(default_factory=dict)

    def below(self, collection: str) -> list[str]:
        return [name for name in self.may if name.startswith(collection + "/")]

    def forgive(self, *names: str) -> None:
        """A change of these names was wanted, so that what they were may be gone."""
        for content in [one for one, where in self.owed.items() if not where.isdisjoint(names)]:
            del self.owed[content]

    def is_now(self, name: str, content: Content) -> None:
        self.forgive(name)
        self.may[name] = {content}
        self.ever.setdefault(name, set()).add(content)
        if content is not None:
            self.owed[content] = {name}

    def may_be(self, name: str, *contents: Content) -> None:
        self.forgive(name)
        self.may[name] = self.may[name] | set(contents)

    def moved(self, source: str, target: str, *, surely: bool) -> None:
        came = set(self.may[source])
        self.ever.setdefault(target, set()).update(came)
        owed = [c for c, where in self.owed.items() if source in where and target not in where]
        self.forgive(target)
        for content in owed:
            self.owed[content] = {target} if surely else self.owed[content] | {target}
        if surely:
            self.may[source], self.may[target] = {None}, came
        else:
            self.may[source], self.may[target] = (
                self.may[source] | {None},
                self.may[target] | came,
            )


class Client(threading.Thread):
    """One client, its schedule and its book."""

    def __init__(self, number: int, here: "Stage") -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.top = f"/client-{number}"
        self.book = Book({name: {None} for name in FILES})
        self.done: list[str] = []
        self.replicas: dict[str, Answer | None] = {}
        """The answers to what was asked of each replicated file: ``drop-1``, or ``move-2`` to ``moved-2``."""
        self.failure: BaseException | None = None
        self._here = here
        self._random = random.Random(f"{SEED} {number}")
        self._near = NAMES[number % len(NAMES)]
        self._written = 0

    def run(self) -> None:
        try:
            self._make_top()
            while self._here.another():
                self._step()
        except Exception as error:  # noqa: BLE001 - told by whoever waits for this thread
            self.failure = error
            self._here.over.set()

    def _step(self) -> None:
        verb = self._random.choice(VERBS)
        match verb:
            case "PUT":
                self._put(self._random.choice(FILES))
            case "DELETE":
                self._remove(self._random.choice(FILES))
            case "MOVE":
                self._move(*self._random.sample(FILES, 2))
            case "MKCOL":
                self._tell("MKCOL", self._random.choice(COLLECTIONS))
            case "DROP" if len(self.replicas) < REPLICAS:
                name = f"drop-{len(self.replicas)}"
                self.replicas[name] = self._tell("DELETE", f"{name}")
            case "RENAME" if len(self.replicas) < REPLICAS:
                number = len(self.replicas)
                self.replicas[f"move-{number}"] = self._tell(
                    "MOVE", f"move-{number}", self._to(f"moved-{number}")
                )
            case "DROP" | "RENAME":
                self._put(self._random.choice(FILES))
            case "RMCOL":
                self._delete_collection(self._random.choice(COLLECTIONS))
            case _:
                self._move_collection(*self._random.sample(COLLECTIONS, 2))

    # -- what it does, and what it may believe then -------------------------------------------------

    def _put(self, name: str) -> None:
        content = self._content()
        answer = self._tell(
            "PUT", name, {"Expect": "100-continue", "Content-Length": str(len(content))}
        )
        if answer is None or answer.status != 307:
            return  # nobody was told where to write
        try:
            stored = ask_from("127.0.0.1", "PUT", answer.headers["location"], None, content)
        except (OSError, http.client.HTTPException) as error:
            self.done.append(f"  stored: {error}")
            self.book.may_be(name, content, None)
            return
        self.done.append(
            f"  stored {len(content)} at {answer.headers['location']}: {stored.status}"
        )
        if stored.status in (200, 201, 204):
            self.book.is_now(name, content)
        elif stored.status >= 500:
            self.book.may_be(name, content, None)

    def _content(self) -> bytes:
        """Of a length that no other content of this client has."""
        self._written += 1
        return f"{self.top} {self._written} ".encode() + b"x" * (20 * self._written)

    def _remove(self, name: str) -> None:
        answer = self._tell("DELETE", name)
        if answer is not None and answer.status == 204:
            self.book.is_now(name, None)
        elif answer is None or answer.status >= 500:
            self.book.may_be(name, None)

    def _delete_collection(self, name: str) -> None:
        answer = self._tell("DELETE", f"{name}/")
        for file in self.book.below(name):
            if answer is not None and answer.status == 204:
                self.book.is_now(file, None)
            elif answer is None or answer.status >= 500:
                # where it is left, as the client is told, it may be what was replaced elsewhere
                self.book.may_be(file, None, *self.book.ever.get(file, ()))

    def _move(self, source: str, target: str) -> None:
        answer = self._tell("MOVE", source, self._to(target))
        if answer is None or answer.status in (201, 204) or answer.status >= 500:
            self.book.moved(source, target, surely=answer is not None and answer.status < 300)

    def _move_collection(self, source: str, target: str) -> None:
        answer = self._tell("MOVE", f"{source}/", self._to(f"{target}/"))
        sure = answer is not None and answer.status in (201, 204)
        if not sure and answer is not None and answer.status < 500:
            answer_is_final = answer.status != 404  # of two steps, the first may have been made
            if answer_is_final:
                return
        pairs = {f"{target}/{one.partition('/')[2]}": one for one in self.book.below(source)}
        for file in self.book.below(target):
            if file not in pairs and sure:
                self.book.is_now(file, None)
            elif file not in pairs or not sure:
                self.book.may_be(file, None)
        for new, old in pairs.items():
            if new in self.book.may:
                self.book.moved(old, new, surely=sure)
            else:
                self.book.forgive(old)
                self.book.may[old] = {None} if sure else self.book.may[old] | {None}

    def _to(self, name: str) -> dict[str, str]:
        return {"Destination": self._here.site.at(f"{self.top}/{name}")}

    def _tell(
        self, method: str, name: str, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """One request; ``None`` when there was no answer."""
        path, what = (
            f"{self.top}/{name}",
            f"{method} {name} {(headers or {}).get('Destination', '')}",
        )
        try:
            answer = self._here.site.ask(method, path, headers, near=self._near)
        except (OSError, http.client.HTTPException) as error:
            self.done.append(f"{what}: {error!r}")
            self._here.serving.wait(30)
            time.sleep(0.05)
            return None
        self.done.append(f"{what}: {answer.status} {answer.text if answer.status >= 400 else ''}")
        return answer

    def _make_top(self) -> None:
        """Before the first requests the first death may come already, since workers do not begin at the same moment."""
        ends = time.monotonic() + 60
        while (made := self._tell("MKCOL", "")) is None or made.status not in (201, 405):
            assert time.monotonic() < ends, made


class Stage:
    """The site, how many requests are left, and who kills what when."""

    def __init__(self, made: Site) -> None:
        self.site = made
        self.over = threading.Event()
        self.serving = threading.Event()
        self.serving.set()
        self._lock = threading.Lock()
        self._begun = 0

    def another(self) -> bool:
        with self._lock:
            self._begun += 1
            return self._begun <= REQUESTS and not self.over.is_set()

    def until(self, requests: int) -> None:
        """Wait until so many have been begun."""
        while self._begun < requests and not self.over.is_set():
            time.sleep(0.005)

    def kill_gateway(self) -> None:
        self.serving.clear()
        kill(self.site.gateway.process)
        self.site.gateway.start()
        self.serving.set()

    def kill_worker(self, chance: random.Random) -> None:
        parent = self.site.gateway.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children:
            os.kill(int(chance.choice(children)), signal.SIGKILL)

    def kill_storage(self, name: str) -> None:
        kill(self.site.storages[name].process)

    def revive(self, name: str) -> None:
        self.site.storages[name].start()

    def until_in_service(self) -> None:
        """Until the admin listener answers again and says that all are."""
        ends = time.monotonic() + 30
        while not self._in_service():
            assert time.monotonic() < ends
            time.sleep(0.1)

    def _in_service(self) -> bool:
        try:
            return all(health_of(self.site.gateway, name)["in_service"] for name in NAMES)
        except OSError:
            return False

    def changes(self) -> dict[str, Any]:
        answer = ask("GET", f"{self.site.gateway.admin_url}/v1/changes")
        return dict(json.loads(answer.body))


def kill(process: ServerProcess) -> None:
    """At once, with all its children."""
    os.killpg(process.pid, signal.SIGKILL)
    process.stop()


def murder(stage: Stage) -> None:
    """What is killed when, in numbers of requests."""
    chance = random.Random(f"{SEED} killer")
    away = chance.choice(NAMES)
    plan: list[tuple[int, Callable[[], None]]] = [
        (100, stage.kill_gateway),
        (200, lambda: stage.kill_worker(chance)),
        (300, lambda: stage.kill_storage(away)),
        (350, lambda: stage.kill_worker(chance)),
        (400, stage.kill_gateway),
        (480, lambda: stage.revive(away)),
        (560, stage.kill_gateway),
        (640, lambda: stage.kill_worker(chance)),
        (700, lambda: stage.kill_storage(away)),
        (760, lambda: stage.revive(away)),
        (800, stage.kill_gateway),
        (900, lambda: stage.kill_worker(chance)),
        (950, stage.kill_gateway),
    ]
    for requests, act in plan:
        stage.until(requests + chance.randrange(30))
        time.sleep(chance.random() * 0.05)
        act()


@contextmanager
def staged(folder: Path, workers: int) -> Iterator[Stage]:
    with (
        Bench() as bench,
        site(
            bench,
            folder,
            NAMES,
            changes={"upload_grace_s": GRACE_S},
            endpoint={"total_timeout_s": 3.0},
            health=HEALTH,
            service={"workers": workers},
        ) as made,
    ):
        for number in range(CLIENTS):
            for replica in range(REPLICAS):
                for name in (f"drop-{replica}", f"move-{replica}"):
                    made.write(f"/client-{number}/{name}", REPLICA, *NAMES)
        yield Stage(made)


@pytest.mark.peer("nginx", "apache", "xrootd")
@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_acknowledged_is_lost_and_nothing_half_done_goes_without_a_word(tmp_path, workers):
    print(f"UGRPY_KILL_SEED={SEED}")
    with staged(tmp_path, workers) as stage:
        clients = [Client(number, stage) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        murder(stage)
        for client in clients:
            client.join(120)
            assert not client.is_alive(), client
            assert client.failure is None, client.failure
        stage.until_in_service()
        reported = settled(stage)
        found = [finding for client in clients for finding in findings(stage, client, reported)]
        found += [finding for client in clients for finding in halves(stage, client, reported)]
        assert not found, "\n".join([f"UGRPY_KILL_SEED={SEED}", *found])
        acknowledged = sum(": 2" in line or ": 307" in line for c in clients for line in c.done)
        assert acknowledged > REQUESTS / 4


def settled(stage: Stage) -> dict[str, Any]:
    """What is still under way after all that can come to its end has done so."""
    ends = time.monotonic() + SETTLE_S
    while True:
        page = stage.changes()
        waiting = [one for one in page["removals"] if one["then"] == "removed"]
        if not (page["uploads"] or page["operations"] or waiting):
            return page
        assert time.monotonic() < ends, f"UGRPY_KILL_SEED={SEED}: still under way: {page}"
        time.sleep(0.2)


def findings(stage: Stage, client: Client, reported: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a client's names, by the disks of the storages and by the gateway's own answers."""
    here = stage.site
    named = {(one["path"], one["endpoint"]) for one in reported["removals"]}
    log = here.gateway.log_text()
    for name, may in client.book.may.items():
        path = f"{client.top}/{name}"
        there = {
            holder: here.file(holder, path).read_bytes()
            for holder in here.holders(path)
            if (path, holder) not in named
        }
        told = any("left alone" in line and path in line for line in log.splitlines())
        contents: set[Content] = set(there.values()) or {None}
        if len(contents) > 1 and not told:
            yield f"{path} differs: {described(there)}; {story(client, name)}"
        elif not contents <= may and not told:
            yield f"{path} is {described(there)} and may be {[c and len(c) for c in may]}; {story(client, name)}"
        status = here.status(path)
        if status != (200 if there else 404):
            yield f"{path} is told as {status} and is at {list(there)}; {story(client, name)}"
    for content, names in client.book.owed.items():
        places = [here.file(one, f"{client.top}/{name}") for one in NAMES for name in names]
        if not any(place.is_file() and place.read_bytes() == content for place in places):
            yield f"{len(content)} bytes of {client.top} are lost at {names}; {story(client, *names)}"


def halves(stage: Stage, client: Client, reported: Mapping[str, Any]) -> Iterator[str]:
    """What is half done of the replicated files, without a word: to the client that waited for an answer, or to the operator."""
    named = {(one["path"], one["endpoint"]) for one in reported["removals"]}

    def holders(name: str) -> set[str]:
        path = f"{client.top}/{name}"
        return {one for one in stage.site.holders(path) if (path, one) not in named}

    for name, answer in client.replicas.items():
        there = holders(name)
        moved = holders(name.replace("move", "moved")) if name.startswith("move") else set()
        away = {one for path, one in named if path == f"{client.top}/{name}"}
        done = set(NAMES) - away if name.startswith("move") else set()
        states: list[tuple[set[str], set[str]]] = (
            [(set(), done)] if answer is not None and answer.status < 300 else []
        )
        if answer is None:
            states = [(set(), done), (set(NAMES), set())]
        if answer is None or answer.status < 300:
            if (there, moved) not in states:
                yield f"{client.top}/{name} is at {there}, and moved at {moved}; {story(client, name)}"
        elif name.startswith("move") and there | moved != set(NAMES):
            yield f"{client.top}/{name} is lost: at {there}, and moved at {moved}; {story(client, name)}"


def described(there: Mapping[str, bytes]) -> dict[str, int]:
    return {holder: len(content) for holder, content in there.items()}


def story(client: Client, *names: str) -> str:
    """The last of what the client did to these names and above them."""
    words = {*names, *(name.partition("/")[0] for name in names)}
    lines: list[str] = []
    for line in client.done:
        about = words & set(_words(line, client))
        if about or (line.startswith("  ") and lines and lines[-1].startswith("PUT")):
            lines.append(line)
    return "\n    " + "\n    ".join(lines[-14:])


def _words(line: str, client: Client) -> list[str]:
    return [word.rpartition(client.top + "/")[2].rstrip("/:") for word in line.split()[:3]]

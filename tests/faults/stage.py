"""What does the table of faults play on? Storage elements in one thread, a gateway process over them, a client."""

import asyncio
import ssl
import threading
import time
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import trustme
import uvloop

from tests.faults.cases import (
    CHILDREN,
    CONTENT,
    HEALTHY,
    HEALTHY_CHILDREN,
    HOLDS,
    HOLDS_TOO,
    LACKS,
    PRESENT,
    Case,
    cases_of,
)
from tests.faults.catalogue import TROUBLES, Door, Trouble
from tests.faults.oracle import Judgement, Outcome, judge
from tests.functional.helpers.settings import NEVER_EJECT, configuration
from tests.peers.process import free_port
from ugrpy.testing import Faults, StorageElement, Tree
from ugrpy.testing.dialects import DIALECTS, NGINX, PLAIN

T = TypeVar("T")

PATIENT_S = 100.0
CLIENT_TIMEOUT_S = 60.0
# So few at a time that on a busy machine the healthy ones still answer long before the deadline.
AT_ONCE = 16
BETWEEN_S = 0.025
# Those in trouble are the nearest, so that they are preferred wherever that is possible.
NEAR, FAR = [48.46, -123.31], [46.23, 6.05]
# A host of its own: what a redirect within one host leads to cannot be told from an object store's.
LOGIN, LOGIN_HOST = "login", "127.0.0.2"
LOGIN_PAGE = b"<html><title>Please log in</title></html>"


def tree_of(children: Mapping[str, int | None], folders: Iterable[str]) -> Tree:
    """A collection ``c`` with these children in each folder."""
    tree = Tree()
    for folder in folders:
        for name, size_bytes in children.items():
            path = f"{folder}/c/{name}"
            if size_bytes is None:
                tree.add_collection(path)
            else:
                tree.add_file(path, CONTENT[:size_bytes])
    return tree


class Stage:
    """The storage elements, by the name of their endpoint. ``base_urls`` has doors nobody answers at as well."""

    def __init__(self) -> None:
        self.elements: dict[str, StorageElement] = {}
        self.base_urls: dict[str, str] = {}
        self.authority = trustme.CA()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stage", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(30), "the storage elements did not come up"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = PATIENT_S) -> T:
        """Run something on the loop of the storage elements."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    @property
    def running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the storage elements."""
        assert self._loop is not None
        return self._loop

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # clients that are cut off in the middle of a handshake are part of the play
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            for name, element in self._cast().items():
                self.elements[name] = await stack.enter_async_context(element)
                self.base_urls[name] = element.base_url
            self.base_urls[Door.REFUSED] = f"http://127.0.0.1:{free_port('127.0.0.1')}"
            plain = self.base_urls[NGINX.name]
            self.base_urls[Door.NO_TLS] = plain.replace("http:", "https:")
            self._set_faults()
            self._up.set()
            await self._stop.wait()

    def _cast(self) -> dict[str, StorageElement]:
        cases = [case for trouble in TROUBLES for case in cases_of(trouble)]
        folders = {case.folder for case in cases}
        inside = tree_of(CHILDREN, {f"/{case.company}{case.folder}" for case in cases})
        healthy = tree_of(HEALTHY_CHILDREN, folders)
        return {
            **{one.name: StorageElement(inside, dialect=one) for one in DIALECTS},
            **{name: StorageElement(healthy) for name in (HOLDS, HOLDS_TOO)},
            LACKS: StorageElement(Tree()),
            LOGIN: StorageElement(Tree({"/login": LOGIN_PAGE}), listen=(LOGIN_HOST, 0)),
            **{
                door: StorageElement(inside, tls=context)
                for door, context in self._contexts().items()
            },
            Door.MUTE: StorageElement(mute=True),
            Door.TLS_MUTE: StorageElement(mute=True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)),
        }

    def _contexts(self) -> dict[Door, ssl.SSLContext]:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        certificates = {
            Door.TLS_EXPIRED: self.authority.issue_cert("127.0.0.1", not_after=yesterday),
            Door.TLS_OTHER_HOST: self.authority.issue_cert("storage.example"),
            Door.TLS_STRANGER: trustme.CA().issue_cert("127.0.0.1"),
        }
        contexts = {door: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for door in certificates}
        for door, certificate in certificates.items():
            certificate.configure_cert(contexts[door])
        return contexts

    def _set_faults(self) -> None:
        for trouble in TROUBLES:
            faults = self.faults_of(trouble)
            for case in cases_of(trouble):
                if (element := self.elements.get(case.front)) is not None:
                    collection = f"/{case.company}{case.folder}/c"
                    element.faults_at[collection] = element.faults_at[f"{collection}/f"] = faults

    def faults_of(self, trouble: Trouble) -> Faults:
        """The faults of a trouble, with the address of the page to log in."""
        faults = trouble.faults
        login = self.elements[LOGIN].base_url
        return replace(faults, location=faults.location.replace("{login}", login))

    # -- the gateway ------------------------------------------------------------------------------

    def config(self, folder: Path, *, deadline_s: float) -> str:
        """The text of a gateway's configuration; ``folder`` takes a file."""
        authority = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(authority))
        fronts = [name for name in self.base_urls if name not in (*HEALTHY, LOGIN)]
        common = {
            "probe": False,
            "max_connections": 5000,
            "connect_timeout_s": PATIENT_S,
            "first_byte_timeout_s": PATIENT_S,
            "total_timeout_s": PATIENT_S,
            "ca_file": str(authority),
        }
        endpoints: dict[str, dict[str, object]] = {
            front: {
                "kind": "http" if front == PLAIN.name else "dav",
                "mounts": [f"/{front}"],
                "location": NEAR,
            }
            for front in fronts
        }
        for name, present in PRESENT.items():
            mounts = [f"/{front}/{company}" for front in fronts for company in present]
            endpoints[name] = {"mounts": mounts, "location": FAR}
        return configuration(
            {n: {"url": self.base_urls[n], **common, **table} for n, table in endpoints.items()},
            arrays=[("locality.networks", {"networks": ["127.0.0.0/8"], "position": NEAR})],
            federation={"deadline_s": deadline_s},
            health=NEVER_EJECT,
            service={"access_log": "", "log_level": "error"},
        )

    # -- the client -------------------------------------------------------------------------------

    def urls(self, case: Case) -> dict[str, str]:
        """Where the file of a case is, by endpoint."""
        return {
            name: f"{base_url}{'' if name in HEALTHY else f'/{case.company}'}{case.folder}/c/f"
            for name, base_url in self.base_urls.items()
            if name in (case.front, *case.company.healthy_holders)
        }

    async def ask_all(self, gateway_url: str, cases: Iterable[Case]) -> dict[str, Outcome]:
        """Ask for each case, a few at a time; the outcomes by the cases' ids."""
        outcomes: dict[str, Outcome] = {}
        waiting = iter(list(cases))
        async with client() as session:

            async def worker() -> None:
                for case in waiting:
                    outcomes[case.id] = await ask(session, case, gateway_url)

            await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return outcomes

    async def ask_steadily(self, gateway_url: str, cases: Iterable[Case]) -> dict[str, Outcome]:
        """Ask for each case, one after the other but waiting for none: for those that last until the deadline."""
        outcomes: dict[str, Outcome] = {}
        async with client() as session, asyncio.TaskGroup() as group:

            async def one(case: Case) -> None:
                outcomes[case.id] = await ask(session, case, gateway_url)

            for case in cases:
                group.create_task(one(case))
                await asyncio.sleep(BETWEEN_S)
        return outcomes

    def judge(self, case: Case, outcome: Outcome, limit_s: float) -> Judgement:
        """What an outcome is worth."""
        return judge(case, outcome, self.urls(case), limit_s)


def client() -> aiohttp.ClientSession:
    """A client that waits long enough to see how late an answer is."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S),
    )


async def ask(session: aiohttp.ClientSession, case: Case, gateway_url: str) -> Outcome:
    """Put the case's question to the gateway."""
    verb = case.verb
    started = time.monotonic()
    try:
        async with session.request(
            verb.method, gateway_url + case.path, headers=verb.headers, allow_redirects=False
        ) as response:
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Outcome(0, took_s=time.monotonic() - started, error=repr(error))
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Outcome(response.status, headers, body, time.monotonic() - started)

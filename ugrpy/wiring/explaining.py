"""What would this gateway answer to that request of that client, and why? For the command line and the admin pages alike."""

from dataclasses import dataclass, replace

from ugrpy.changing import Changing, Wanted
from ugrpy.changing.explained import ChangeExplanation
from ugrpy.changing.moving import Relocation
from ugrpy.config import Configuration
from ugrpy.core.errors import BadRequest
from ugrpy.federation import Federation
from ugrpy.federation.explain import Explanation, explain, explain_listing, explain_metadata
from ugrpy.locality.prefixes import parse_address
from ugrpy.namespace.changes import OperationKind
from ugrpy.security.authz import AllowReading, Decision, Operation, Policy
from ugrpy.security.identity import Identity

READING = ("GET", "HEAD", "PROPFIND")
CHANGING = ("PUT", "DELETE", "MKCOL", "MOVE", "COPY")
METHODS = (*READING, *CHANGING)

_OPERATIONS: dict[str, Operation] = {
    "GET": Operation.READ,
    "HEAD": Operation.STAT,
    "PROPFIND": Operation.LIST,
    "PUT": Operation.WRITE,
    "DELETE": Operation.DELETE,
    "MKCOL": Operation.WRITE,
    "MOVE": Operation.DELETE,
    "COPY": Operation.READ,
}


def policy_of(config: Configuration) -> Policy:
    """Who may do what."""
    return AllowReading(config.federation.closed, config.changes.write_from)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to explain. ``path`` and ``target`` are federated paths; ``size_bytes`` is what a PUT announces."""

    path: str
    method: str = "GET"
    client: str | None = None
    target: str = ""
    size_bytes: int | None = None
    overwrite: bool = True

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadRequest(f"{self.method} cannot be explained; {', '.join(METHODS)} can")
        if self.client is not None and parse_address(self.client) is None:
            raise BadRequest(f"{self.client!r} is not an IP address")
        if (self.method in ("MOVE", "COPY")) != bool(self.target):
            raise BadRequest("MOVE and COPY, and only those, have a destination")


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains requests. ``part`` is the process's part in changes, ``None`` where nobody may change anything."""

    federation: Federation
    policy: Policy
    part: Changing | None = None

    async def __call__(self, request: Request) -> Explanation | ChangeExplanation:
        """What would be answered, and why. Nothing is changed."""
        verdicts = self._verdicts(request)
        refused = [words for decision, words in verdicts if not decision.allowed]
        if request.method in READING:
            explanation = await self._reading(request)
            if refused:
                explanation = replace(
                    explanation, notes={**explanation.notes, "rights": refused[0]}
                )
            return explanation
        told = await self._changing(request)
        rights = "; ".join(words for _decision, words in verdicts)
        if refused:
            return replace(told, rights=rights, status=403, refusal=refused[0])
        return replace(told, rights=rights)

    async def _reading(self, request: Request) -> Explanation:
        zone = self.federation.ranker.zone_of(request.client)
        match request.method:
            case "HEAD":
                return await explain_metadata(self.federation, request.path, zone)
            case "PROPFIND":
                return await explain_listing(self.federation, request.path)
            case _:
                return await explain(self.federation, request.path, zone)

    async def _changing(self, request: Request) -> ChangeExplanation:
        method, path = request.method, request.path
        if self.part is None:
            refusal = f"{method} is not offered here: no storage element takes changes, or no client may make any"
            return ChangeExplanation(method, path, request.target, status=405, refusal=refusal)
        if "/" in (path, request.target):
            return ChangeExplanation(
                method, path, request.target, status=403, refusal="/ itself cannot be changed"
            )
        explaining = self.part.explaining
        zone = self.federation.ranker.zone_of(request.client)
        match method:
            case "PUT":
                return await explaining.upload(Wanted(path, zone, request.size_bytes))
            case "DELETE":
                return await explaining.delete(path)
            case "MKCOL":
                return await explaining.make_collection(path)
            case _:
                verb = OperationKind.MOVE if method == "MOVE" else OperationKind.COPY
                wish = Relocation(verb, path, request.target, request.overwrite)
                return await explaining.relocate(wish)

    def _verdicts(self, request: Request) -> list[tuple[Decision, str]]:
        """What the rules say, for each name that the request is about."""
        address = None if request.client is None else parse_address(request.client)
        identity = Identity(address=address)
        asked = [(_OPERATIONS[request.method], request.path)]
        if request.target:
            asked.append((Operation.WRITE, request.target))
        found = []
        for operation, path in asked:
            decision = self.policy.authorise(identity, operation, path)
            found.append((decision, _words(operation, path, decision)))
        return found


def _words(operation: Operation, path: str, decision: Decision) -> str:
    may = "may" if decision.allowed else "may not"
    return f"{may} {operation.value} {path}: {decision.reason} (rule {decision.rule})"

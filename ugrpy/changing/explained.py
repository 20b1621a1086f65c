"""What would become of a change, as plain data: who would be asked to do what, who would not and why, and what stands against it."""

from dataclasses import dataclass

from ugrpy.federation.explain import Said
from ugrpy.namespace.model import EndpointId, Entry


@dataclass(frozen=True, slots=True)
class Part:
    """One endpoint's part. ``would`` is what it would be asked to do, empty when nothing; ``reason`` why, or why not."""

    endpoint: EndpointId
    would: str
    reason: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChangeExplanation:
    """One change as one client would ask for it. Nothing of it has been done.

    ``entry`` is the name as it is now, ``said`` who says so. ``parts`` are those who would be asked, in the order in which they would; ``rejected``
    those who would not. ``against`` is what else is going on with the names. ``status`` is the answer if all do as they are asked, or
    the refusal with its reason. ``location`` is where a client would be sent. ``rights`` is what the rules say of this client.
    """

    method: str
    path: str
    target: str = ""
    entry: Entry | None = None
    said: tuple[Said, ...] = ()
    parts: tuple[Part, ...] = ()
    rejected: tuple[Part, ...] = ()
    against: tuple[str, ...] = ()
    status: int = 0
    refusal: str = ""
    location: str = ""
    rights: str = ""

"""Storages that take changes, with all that changing is about, in virtual time."""

from tests.unit.federation.world import VICTORIA_CLIENT, World, world
from ugrpy.changing import ChangeSettings, Changing, Ground
from ugrpy.changing.looking import look
from ugrpy.changing.weighing import Site
from ugrpy.federation import Member
from ugrpy.journal.memory import MemoryJournal
from ugrpy.namespace.changes import Upload
from ugrpy.namespace.model import EndpointId
from ugrpy.testing import ScriptedEndpoint


class Scene:
    """A federation whose members take changes, unless a ``Member`` says otherwise."""

    def __init__(self, *storage: ScriptedEndpoint | Member, draw: float = 0.0, **settings) -> None:
        members = [
            one if isinstance(one, Member) else Member(one, writable=True) for one in storage
        ]
        self.world: World = world(*members, draw=lambda: draw)
        self.ground = Ground(self.world.federation, MemoryJournal(), ChangeSettings(**settings))
        self.changing = Changing(self.ground)

    async def place(
        self, path: str, size_bytes: int | None = None, client: str = VICTORIA_CLIENT
    ) -> Site:
        """Where an upload would go."""
        seen = await look(self.ground, path)
        placing = self.changing.placing
        site = await placing.find(seen, self.world.zone(client), size_bytes)
        placing.let_go(site, size_bytes)
        return site

    def under_way(self, path: str, target: str, size_bytes: int | None) -> None:
        """Somebody writes there."""
        upload = Upload(path, path, EndpointId(target), 0.0, 1e12, size_bytes=size_bytes)
        self.ground.overlay.put(path, upload, ())


def storage(name: str, free_bytes: int | None = None, *paths: str) -> ScriptedEndpoint:
    """One that holds these files and has so much room."""
    endpoint = ScriptedEndpoint(name, writable=True)
    for path in paths:
        endpoint.add_file(path, 10, 100)
    if free_bytes is not None:
        endpoint.script.capacity_bytes = endpoint.script.used_bytes + free_bytes
    return endpoint

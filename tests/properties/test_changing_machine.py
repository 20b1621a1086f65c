"""Whatever clients change, and whatever fails meanwhile, the namespace they see is the one they were told of, or says what it does not know.

Steps are drawn at random, in virtual time, over two or three storages: uploads that come, come in half, come late or never; deletions, collections,
moves and copies; storages that fail before a change is done, after it, or hang; that go out of service and come back; files changed behind our
back; and the death of the gateway between any two things it does, after which another begins with what stands in the journal.

The model is what each name may honestly be. Every version of a file has a number that stands in its bytes; ``may`` holds the versions that a name may
show, ``None`` for being absent. A change that was acknowledged leaves one, a change that was not leaves what was and what was wanted. ``owed``
are versions whose loss nobody asked for: each must be on some storage, by its name or, after half a move, by one of two.

What no gateway could know is let pass, and nothing else: copies on a storage that nobody had seen there, on one that gave no answer when it was asked.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.properties.changing_checks import WatchedStage
from tests.properties.changing_model import FILES, FOLDERS
from tests.properties.changing_stage import GRACE_S, REMEMBERED_S, Crashed, Ticket
from tests.properties.changing_storages import Mood, content_of
from tests.unit.federation.world import VICTORIA_CLIENT
from ugrpy.changing import Placed, Wanted
from ugrpy.changing.moving import Relocation
from ugrpy.core.errors import RequestError
from ugrpy.namespace.changes import OperationKind
from ugrpy.namespace.paths import is_within, parent_of

PAIRS = st.sampled_from(
    [
        ("/d/a", "/d/b"),
        ("/d/b", "/d/a"),
        ("/d/a", "/e/a"),
        ("/e/a", "/m/a"),
        ("/m/a", "/d/a"),
        ("/d", "/m"),
        ("/m", "/d"),
    ]
)
NTH = st.integers(0, 2)
STEPS = st.one_of(st.none(), st.none(), st.integers(0, 25))


class ChangingMachine(RuleBasedStateMachine):
    """One federation over some storages, its clients, and the loop in which all of them live."""

    count = 3

    @initialize(
        held=st.lists(
            st.tuples(st.sampled_from(FILES), st.sets(st.sampled_from(range(3)), min_size=1)),
            max_size=3,
        )
    )
    def start(self, held: list[tuple[str, set[int]]]) -> None:
        self.stage = WatchedStage(self.count)
        storages = list(self.stage.storages.values())
        for file, where in held:
            version = self.stage.version_of(file)
            for nth in {one % self.count for one in where}:
                self.stage.put(storages[nth], file, version)
            self.stage.model.is_only(file, version)
            if is_within(file, "/m"):
                self.stage.folders["/m"] = {True}

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.close()

    # -- what happens to storages -------------------------------------------------------------------

    @rule(nth=NTH, mood=st.sampled_from([Mood.WELL, *Mood]))
    def change(self, nth: int, mood: Mood) -> None:
        self.stage.nth(nth).become(mood)
        self.stage.disturbed()

    @rule(nth=NTH)
    def drain(self, nth: int) -> None:
        name = self.stage.nth(nth).id
        self.stage.drained ^= {name}
        self.stage.disturbed()

        async def tell() -> None:
            if name in self.stage.drained:
                self.stage.world.disable(name)
            else:
                self.stage.world.enable(name)

        self.stage.run(tell())

    @rule(nth=NTH, path=st.sampled_from(FILES))
    def somebody_else_writes(self, nth: int, path: str) -> None:
        """Straight to a storage, which nobody tells us of."""
        storage = self.stage.nth(nth)
        upload = self.stage.changing.ground.overlay.upload(path)
        if parent_of(path) not in storage.script.collections:
            return
        if upload is not None and upload.target == storage.id:
            return  # nobody could tell it from the upload that is awaited there
        version = self.stage.next_version()
        self.stage.overwritten(storage, path)
        self.stage.put(storage, path, version)
        self.stage.model.stray[path].add(version)
        self.stage.blur(path)

    @rule(seconds=st.sampled_from([0.1, 0.5, 3.0, 12.0, GRACE_S + 5, REMEMBERED_S + 40]))
    def wait(self, seconds: float) -> None:
        self.stage.wait(seconds)

    @rule()
    def crash(self) -> None:
        self.stage.run(self.stage.die())

    # -- what clients do ----------------------------------------------------------------------------

    @rule(path=st.sampled_from(FILES), told=st.booleans(), steps=STEPS)
    def put(self, path: str, told: bool, steps: int | None) -> None:
        version = self.stage.next_version()
        size_bytes = len(content_of(version)) if told else None
        unheard = self.stage.unheard(path)
        earlier = self.stage.changing.ground.overlay.upload(path)
        zone = self.stage.world.zone(VICTORIA_CLIENT)
        placed = self.stage.do(
            lambda: self.stage.changing.upload(Wanted(path, zone, size_bytes)), steps
        )
        self.stage.folders[parent_of(path)] |= {True}
        if isinstance(placed, Placed):
            self.stage.folders[parent_of(path)] = {True}
            self.stage.sent(Ticket(path, placed, version), unheard, earlier)

    @precondition(lambda self: self.stage.tickets)
    @rule(nth=st.integers(0, 5), whole=st.sampled_from([True, True, False]), keeps=st.booleans())
    def client_writes(self, nth: int, whole: bool, keeps: bool) -> None:
        """To where it was sent, now or long after."""
        ticket = self.stage.tickets[nth % len(self.stage.tickets)]
        if not keeps:
            self.stage.tickets.remove(ticket)
        storage = self.stage.storages[ticket.placed.replica.endpoint]
        if (
            storage.mood in (Mood.DOWN, Mood.MUTE)
            or parent_of(ticket.path) not in storage.script.collections
        ):
            return
        if whole or ticket.placed.upload.size_bytes is None:
            self.stage.write_whole(ticket, storage)
        else:
            self.stage.write_half(ticket, storage)

    @rule(path=st.sampled_from(FILES + FOLDERS), steps=STEPS)
    def delete(self, path: str, steps: int | None) -> None:
        unheard = {
            file: self.stage.unheard(file, but_known=True) for file in self.stage.model.below(path)
        }
        folders = [one for one in FOLDERS if one == path]
        error = self.stage.do(lambda: self.stage.changing.delete(path, lambda _merged: None), steps)
        if self.stage.refused(error):
            return
        self.stage.model.deleted(path, surely=error is None)
        for file, where in unheard.items():
            self.stage.model.stray[file] |= set(where.values())
        if error is not None and folders:
            self.stage.left_in_part(path)
        for folder in folders:
            self.stage.folders[folder] = (
                {False} if error is None else self.stage.folders[folder] | {False}
            )

    @rule(path=st.sampled_from(FOLDERS), steps=STEPS)
    def make_collection(self, path: str, steps: int | None) -> None:
        made = self.stage.do(lambda: self.stage.changing.make_collection(path), steps)
        if not self.stage.refused(made):
            sure = not isinstance(made, RequestError | Crashed)
            self.stage.folders[path] = {True} if sure else self.stage.folders[path] | {True}

    @rule(
        names=PAIRS,
        verb=st.sampled_from([OperationKind.MOVE, OperationKind.MOVE, OperationKind.COPY]),
        overwrite=st.sampled_from([True, True, False]),
        steps=STEPS,
    )
    def relocate(
        self, names: tuple[str, str], verb: OperationKind, overwrite: bool, steps: int | None
    ) -> None:
        source, target = names
        wish = Relocation(verb, source, target, overwrite)
        files = self.stage.model.below(source) + self.stage.model.below(target)
        unheard = {file: self.stage.unheard(file) for file in files}
        created = self.stage.do(
            lambda: self.stage.changing.relocate(wish, lambda _merged: None), steps
        )
        if self.stage.refused(created):
            if source in FOLDERS:
                self.stage.model.deleted(target, surely=False)
            return
        sure, copied = isinstance(created, bool), verb is OperationKind.COPY
        self.stage.model.moved(source, target, surely=sure, copied=copied)
        if not sure and source in FOLDERS:
            self.stage.model.deleted(target, surely=False)
        for file, where in unheard.items():
            self.stage.model.stray[file] |= set(where.values())
            self.stage.model.stayed(file, where.values())
        if source in FOLDERS:
            self.stage.folders[target] = {True} if sure else {True, False}
            if not copied:
                self.stage.folders[source] = (
                    {False} if sure else self.stage.folders[source] | {False}
                )

    @invariant()
    def all_is_true_or_honest(self) -> None:
        if hasattr(self, "stage"):
            self.stage.run(self.stage.check_all())


class TwoStorages(ChangingMachine):
    """The same over two."""

    count = 2


RUN = settings(max_examples=40, stateful_step_count=30, deadline=None)
ChangingMachine.TestCase.settings = RUN
TwoStorages.TestCase.settings = RUN
TestOverThree = ChangingMachine.TestCase
TestOverTwo = TwoStorages.TestCase

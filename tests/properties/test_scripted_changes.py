"""The fakes agree: whatever is changed in which order, the scripted endpoint and the storage element hold the same names.

They are written apart, the one for federations under test and the other one for the wire; a plain dictionary is the third opinion.
"""

from typing import assert_never

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.namespace.model import Absent, Denied, Entry, Kind, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome
from ugrpy.namespace.paths import parent_of
from ugrpy.testing import Tree
from ugrpy.testing.answers import Asked
from ugrpy.testing.changes import Disk, Upload, change, refusal_of_file
from ugrpy.testing.dialects import GENERIC
from ugrpy.testing.script import Script

NAMES = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(
    lambda names: "/" + "/".join(names)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("MKCOL"), NAMES, NAMES, st.booleans()),
        st.tuples(
            st.sampled_from(["PUT", "PUT", "DELETE", "MOVE", "COPY"]), NAMES, NAMES, st.booleans()
        ),
    ),
    max_size=25,
)
Step = tuple[str, str, str, bool]
# Two collections with something in them: what is drawn would rarely come to that by itself.
BEGIN: list[Step] = [
    (method, path, path, True)
    for method, path in (("MKCOL", "/a"), ("PUT", "/a/a"), ("MKCOL", "/b"), ("PUT", "/b/b"))
]


def in_script(script: Script, step: Step) -> Outcome:
    method, path, target, overwrite = step
    entry = script.entry_at(path)
    kind = Kind.FILE if entry is None else entry.kind
    match method:
        case "MKCOL":
            return script.make_collection(path, 0)
        case "PUT":
            return script.write(path, path.encode(), 0)
        case "DELETE":
            return script.delete(path, kind)
        case "MOVE":
            return script.move(path, target, kind, overwrite=overwrite)
        case _:
            return script.copy(path, target, kind, overwrite=overwrite)


def in_tree(disk: Disk, step: Step) -> int:
    method, path, target, overwrite = step
    if method == "PUT":
        if (refused := refusal_of_file("PUT", path, {}, disk)) is not None:
            return refused.status
        upload = Upload(path, disk, 0)
        upload.add(path.encode())
        return upload.finish().status
    headers = {"Destination": target, "Overwrite": "T" if overwrite else "F"}
    return change(Asked(method, path, f"http://h{path}", headers), disk).status


def went_well(outcome: Outcome) -> bool:
    match outcome:
        case Done():
            return True
        case Absent() | Denied() | Conflict() | Full() | Unknown():
            return False
        case _:
            assert_never(outcome)


@given(STEPS)
def test_both_fakes_hold_the_same_after_every_step(steps):
    script, disk = Script(), Disk(Tree(), GENERIC, "h")
    for step in BEGIN + steps:
        outcome, status = in_script(script, step), in_tree(disk, step)
        assert went_well(outcome) is (status < 300), (step, outcome, status)
        if isinstance(outcome, Done) and step[0] != "DELETE":
            assert outcome.created is (status == 201)
        assert (status == 404) is isinstance(outcome, Absent)
        assert set(script.files) == set(disk.tree.files)
        for path, node in disk.tree.files.items():
            assert script.content_at(path) == node.content
        assert all(disk.tree.is_collection(path) for path in script.collections)


@given(STEPS)
def test_listings_name_exactly_what_is_there(steps):
    script = Script()
    for step in BEGIN + steps:
        in_script(script, step)
    listed: dict[str, Entry] = {}
    for path in script.collections:
        for entry in script.next_reply("list", path).children:
            listed[f"{path.rstrip('/')}/{entry.name}"] = entry
    there = {**script.files, **{path: script.entry_at(path) for path in script.collections}}
    assert listed == {path: entry for path, entry in there.items() if path != "/"}
    assert all(parent_of(path) in script.collections for path in listed)

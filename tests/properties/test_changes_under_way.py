"""Laws of changes under way: nothing is taken away but what was known, nothing is forgotten that must go, and readers see one truth."""

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties.under_way import (
    FINGERPRINTS,
    NODES,
    OBSERVATIONS,
    STEPS,
    TIMES,
    entries,
    removals,
    uploads,
)
from ugrpy.namespace.changes import (
    STEADY_S,
    Next,
    Progress,
    broken,
    following,
    removal_next,
    replaced,
    still_deleted,
    upload_progress,
)
from ugrpy.namespace.model import Absent, EndpointId, Entry, Found, Kind
from ugrpy.namespace.overlay import Overlay

F = st.just("/d/f")
G = st.just("/d/g")
LATER_S = 1000.0
ANYBODY = EndpointId("anybody")


def overlay_of(upload, going, path="/d/f"):
    overlay = Overlay()
    overlay.put(path, upload, going)
    return overlay


def counted(overlay):
    """All that can be asked of an overlay about these collections: a listing that nothing touches is handed on as it is."""
    listed: list[Entry] = []
    return [
        (overlay.seen_children(where, ANYBODY, listed) is listed, overlay.uploads_into(where))
        for where in ("/", "/d", "/d/e")
    ]


# -- removals -------------------------------------------------------------------------------------------


@given(removals(), OBSERVATIONS, TIMES)
def test_a_copy_is_taken_away_only_while_it_is_the_one_that_was_known_and_in_time(
    removal, said, now_s
):
    if removal_next(removal, said, now_s) is Next.DELETE:
        assert isinstance(said, Found)
        assert removal.known.fits(said.entry)
        assert said.entry.kind is Kind.FILE
        assert now_s < removal.until_s


@given(removals(), OBSERVATIONS, TIMES)
def test_a_removal_always_comes_to_an_end(removal, said, now_s):
    assert removal_next(removal, said, max(now_s, removal.until_s)) in {
        Next.GONE,
        Next.CHANGED,
        Next.EXPIRED,
    }


@given(removals(), OBSERVATIONS, TIMES)
def test_what_is_reported_as_changed_was_never_hidden(removal, said, now_s):
    if removal_next(removal, said, now_s) is Next.CHANGED:
        assert isinstance(said, Found)
        assert not removal.hides(said.entry)


@given(removals(), entries())
def test_what_is_to_be_deleted_is_hidden_until_then(removal, entry):
    if removal_next(removal, Found(entry), removal.until_s - 1) is Next.DELETE:
        assert removal.hides(entry)


# -- uploads --------------------------------------------------------------------------------------------


@given(uploads(), OBSERVATIONS, st.floats(0, 1e6), TIMES, TIMES, st.floats(0, 1e6))
def test_progress_never_goes_back_with_time_alone(upload, said, steady_s, now_s, later_s, longer_s):
    """While the storage says the same, an upload that is over stays so, and ends the same way."""
    later_s, longer_s = max(now_s, later_s), steady_s + longer_s
    progress = upload_progress(upload, said, steady_s, now_s, upload.until_s + LATER_S)
    if progress is not Progress.WAITING:
        assert (
            upload_progress(upload, said, longer_s, later_s, upload.until_s + LATER_S) is progress
        )


@given(uploads(), OBSERVATIONS, TIMES)
def test_an_upload_always_comes_to_an_end(upload, said, now_s):
    grace_s = upload.until_s - upload.since_s
    steady_s = max(grace_s, STEADY_S)
    ended_s = upload.until_s + LATER_S
    progress = upload_progress(upload, said, steady_s, max(now_s, ended_s), ended_s)
    assert progress is not Progress.WAITING


@given(uploads(), OBSERVATIONS, st.floats(0, 1e6), TIMES)
def test_only_a_new_file_is_complete_or_broken(upload, said, steady_s, now_s):
    progress = upload_progress(upload, said, steady_s, now_s, upload.until_s + LATER_S)
    if progress in (Progress.COMPLETE, Progress.BROKEN):
        assert isinstance(said, Found)
        assert said.entry.kind is Kind.FILE
        assert upload.is_new(said.entry)
        assert (progress is Progress.BROKEN) == upload.is_partial(said.entry)


@given(uploads(), TIMES, TIMES)
def test_after_a_complete_upload_all_it_replaces_must_go_and_nothing_else(upload, now_s, until_s):
    going = {one.endpoint: one.known for one in replaced(upload, now_s, until_s)}
    assert going == dict(upload.others)
    assert upload.target not in going


@given(uploads(), entries(), TIMES, TIMES)
def test_after_an_upload_that_failed_no_old_copy_goes_but_those_that_had_to(
    upload, entry, now_s, until_s
):
    still = {one.endpoint for one in still_deleted(upload, now_s, until_s)}
    assert still == set(upload.deleted)
    (part,) = broken(upload, entry, now_s, until_s)
    assert part.endpoint == upload.target
    assert not part.known.certain or part.known.fits(entry)


@given(uploads(F), STEPS, NODES)
def test_an_upload_that_follows_another_loses_no_copy_that_must_go(earlier, seen, target):
    going = dict(following(earlier, dict(seen), target))
    expected = {name for name, _ in earlier.others} | dict(seen).keys() | {earlier.target}
    assert going.keys() == expected - {target}
    if earlier.target != target:  # it may hold anything by now
        assert not going[earlier.target].certain
    for name, known in seen:  # the newer knowledge counts
        assert name in (target, earlier.target) or going[name] == known


@given(uploads(), FINGERPRINTS, st.sampled_from(["f"]).flatmap(entries))
def test_a_copy_fits_only_what_is_known_for_certain(upload, known, entry):
    if known.fits(entry):
        assert None not in (entry.size_bytes, entry.mtime_s)
    assert upload.is_new(entry) or not upload.is_partial(entry)


# -- what readers see -----------------------------------------------------------------------------------


@given(NODES, OBSERVATIONS, st.lists(entries(), max_size=1))
def test_an_overlay_with_nothing_in_it_changes_nothing(name, said, children):
    overlay = Overlay()
    assert overlay.seen("/d/f", name, said) is said
    assert overlay.seen_children("/d", name, children) is children
    assert not overlay.gone("/d/f", name)
    assert len(overlay) == 0


@given(
    st.none() | uploads(F),
    st.lists(removals(F), max_size=3),
    st.none() | uploads(F),
    st.lists(removals(F), max_size=3),
)
def test_put_replaces_all_and_nothing_put_is_nothing_left(upload, going, then, then_going):
    overlay = overlay_of(upload, going)
    overlay.put("/d/f", then, then_going)
    afresh = overlay_of(then, then_going)
    assert overlay.upload("/d/f") == afresh.upload("/d/f")
    assert overlay.removals("/d/f") == afresh.removals("/d/f")
    assert counted(overlay) == counted(afresh)
    overlay.put("/d/f", None, ())
    assert len(overlay) == 0
    assert counted(overlay) == counted(Overlay())
    assert not list(overlay.all_removals())


@given(st.none() | uploads(F), st.lists(removals(F), max_size=3), NODES, OBSERVATIONS)
def test_only_found_answers_are_changed_and_only_to_absent(upload, going, name, said):
    overlay = overlay_of(upload, going)
    seen = overlay.seen("/d/f", name, said)
    assert seen is said or (seen == Absent() and isinstance(said, Found))
    assert overlay.seen("/d/g", name, said) is said


@given(st.none() | uploads(F), st.lists(removals(F), max_size=3), NODES, entries())
def test_listings_hide_what_a_stat_hides_but_for_old_copies_of_what_has_no_new_one(
    upload, going, name, entry
):
    overlay = overlay_of(upload, going)
    hidden = overlay.seen("/d/f", name, Found(entry)) == Absent()
    unlisted = not overlay.seen_children("/d", name, [entry])
    assert hidden or not unlisted
    if hidden and not unlisted:
        assert upload is not None
        assert upload.before is None
        assert name in dict(upload.others)


@given(uploads(F), entries())
def test_the_target_of_an_upload_is_hidden_only_while_it_is_half_there(upload, entry):
    seen = overlay_of(upload, []).seen("/d/f", upload.target, Found(entry))
    assert (seen == Absent()) == upload.is_partial(entry)


@given(uploads(F), removals(F), entries("g"), NODES)
def test_neighbours_are_seen_as_they_are(upload, removal, neighbour, name):
    overlay = overlay_of(upload, [removal])
    assert list(overlay.seen_children("/d", name, [neighbour])) == [neighbour]
    inside = [neighbour]
    assert overlay.seen_children("/", name, inside) is inside


@given(st.lists(uploads(F | G), max_size=4), NODES)
def test_what_is_under_way_to_an_endpoint_is_held_back(going, name):
    overlay = Overlay()
    for upload in going:
        overlay.put(upload.path, upload, ())
    last = {upload.path: upload for upload in going}
    assume(len(last) == len(overlay))
    expected = sum(one.size_bytes or 0 for one in last.values() if one.target == name)
    assert overlay.reserved_bytes(name) == expected
    assert set(overlay.uploads) == set(last.values())

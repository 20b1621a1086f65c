"""What readers see of names that are being changed, as a story for each kind of change."""

from ugrpy.namespace.changes import Fingerprint, Removal, Upload, Why
from ugrpy.namespace.model import Absent, Cause, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.namespace.overlay import Overlay

CERN, UVIC, TRIUMF = EndpointId("cern"), EndpointId("uvic"), EndpointId("triumf")
OLD = Entry("f", Kind.FILE, 7, 100)
NEW = Entry("f", Kind.FILE, 9, 200)
HALF = Entry("f", Kind.FILE, 4, 200)
OTHER = Entry("g", Kind.FILE, 1, 1)
KNOWN = Fingerprint.of(OLD)


def upload(path: str = "/d/f", target: EndpointId = CERN, **values) -> Upload:
    return Upload(path, "1", target, 0.0, 600.0, size_bytes=9, **values)


def removal(name: EndpointId, path: str = "/d/f", known: Fingerprint = KNOWN) -> Removal:
    return Removal(path, name, known, Why.DELETED, 0.0, 100.0)


def shown(overlay: Overlay, name: EndpointId, entry: Entry) -> tuple[bool, bool]:
    """Whether a copy is shown to who asks for the name, and to who lists its collection."""
    stat = overlay.seen("/d/f", name, Found(entry))
    listed = overlay.seen_children("/d", name, [entry, OTHER])
    assert stat in (Found(entry), Absent())
    assert list(listed) in ([entry, OTHER], [OTHER])
    return stat == Found(entry), entry in listed


def test_a_new_name_is_shown_as_soon_as_it_is_whole():
    overlay = Overlay()
    overlay.put("/d/f", upload(), ())
    assert shown(overlay, CERN, HALF) == (False, False)
    assert shown(overlay, CERN, NEW) == (True, True)
    assert shown(overlay, TRIUMF, OLD) == (True, True)  # who is not concerned says what it says


def test_a_name_replaced_where_it_is_is_shown_there_only():
    overlay = Overlay()
    overlay.put("/d/f", upload(before=KNOWN, others=((UVIC, KNOWN),)), ())
    assert shown(overlay, CERN, OLD) == (True, True)
    assert shown(overlay, UVIC, OLD) == (False, False)
    assert shown(overlay, CERN, HALF) == (False, False)
    assert shown(overlay, CERN, NEW) == (True, True)


def test_a_name_replaced_elsewhere_stays_in_listings_until_it_is_there():
    overlay = Overlay()
    overlay.put("/d/f", upload(others=((UVIC, KNOWN),)), ())
    assert shown(overlay, UVIC, OLD) == (False, True)
    assert shown(overlay, CERN, NEW) == (True, True)


def test_a_removed_copy_is_not_shown_unless_it_has_changed():
    overlay = Overlay()
    overlay.put("/d/f", None, [removal(UVIC), removal(CERN, known=Fingerprint())])
    assert shown(overlay, UVIC, OLD) == (False, False)
    assert shown(overlay, UVIC, NEW) == (True, True)
    assert shown(overlay, CERN, NEW) == (False, False)
    assert shown(overlay, TRIUMF, OLD) == (True, True)
    assert overlay.gone("/d/f", UVIC)
    assert not overlay.gone("/d/f", TRIUMF)
    assert not overlay.gone("/d/g", UVIC)


def test_what_is_no_copy_is_passed_on():
    overlay = Overlay()
    overlay.put("/d/f", upload(), [removal(CERN)])
    for said in (Absent(), Unknown(Cause.TIMEOUT)):
        assert overlay.seen("/d/f", CERN, said) is said


def test_names_in_the_root_and_odd_ones():
    overlay = Overlay()
    overlay.put("/\udcff", None, [removal(UVIC, "/\udcff")])
    entry = Entry("\udcff", Kind.FILE, 7, 100)
    listed = [entry, OTHER]
    assert overlay.seen_children("/", UVIC, listed) == [OTHER]
    assert overlay.seen_children("/d", UVIC, listed) is listed


def test_what_is_under_way_can_be_told():
    overlay = Overlay()
    assert not overlay.uploads_into("/d")
    first, second = upload(), upload("/d/g", UVIC)
    overlay.put("/d/f", first, [removal(TRIUMF)])
    overlay.put("/d/g", second, ())
    overlay.put("/e/h", None, [removal(CERN, "/e/h"), removal(UVIC, "/e/h")])
    assert repr(overlay) == "<Overlay 2 uploads, 2 names with removals>"
    assert len(overlay) == 3
    assert overlay.upload("/d/f") is first
    assert overlay.upload("/e/h") is None
    assert overlay.uploads == (first, second)
    assert overlay.removals("/d/f") == (removal(TRIUMF),)
    assert len(list(overlay.all_removals())) == 3
    assert overlay.touches("/e/h")
    assert not overlay.touches("/e")
    assert overlay.uploads_into("/d")
    assert not overlay.uploads_into("/e")
    overlay.put("/d/f", None, ())
    assert overlay.uploads_into("/d")
    overlay.put("/d/g", None, ())
    assert not overlay.uploads_into("/d")


def test_what_uploads_will_take_is_held_back():
    overlay = Overlay()
    overlay.put("/d/f", upload(), ())
    overlay.put("/d/g", upload("/d/g"), ())
    overlay.put("/d/h", Upload("/d/h", "2", CERN, 0.0, 600.0), ())
    assert overlay.reserved_bytes(CERN) == 18
    assert overlay.reserved_bytes(CERN, but="/d/f") == 9
    assert overlay.reserved_bytes(UVIC) == 0

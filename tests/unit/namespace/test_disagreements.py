"""The report of replicas that differ: who comes into it, who stays, who leaves."""

from ugrpy.namespace.disagreements import Disagreement, Disagreements, NewsOfDisagreements
from ugrpy.namespace.merge import Conflict, Merged
from ugrpy.namespace.model import EndpointId, Entry, Kind

A, B = EndpointId("a"), EndpointId("b")


def clash(name="f", *about: str) -> Merged:
    conflicts = tuple(Conflict(A, one, "1", "2") for one in about or ("size",))
    return Merged(Entry(name, Kind.FILE), (B,), conflicts)


AGREED = Merged(Entry("f", Kind.FILE), (A, B))


def line(path="/d/f", about="size", first=1.0, last=1.0) -> Disagreement:
    return Disagreement(path, A, about, "1", "2", first, last)


def test_it_is_reported_from_the_first_look_to_the_last():
    report = Disagreements()
    report.note_name("/d/f", clash("f", "size", "md5"), 1.0)
    report.note_name("/d/f", clash("f", "md5", "adler32"), 5.0)
    assert list(report) == [line(about="md5", last=5.0), line(about="adler32", first=5.0, last=5.0)]


def test_it_ends_when_they_agree_or_are_gone():
    report = Disagreements()
    for path, then in (("/d/f", AGREED), ("/d/g", None)):
        report.note_name(path, clash(), 1.0)
        report.note_name(path, then, 2.0)
    report.note_name("/d/other", None, 3.0)
    assert list(report) == []
    assert report.unwritten() == NewsOfDisagreements(("/d/f", "/d/g"))
    assert not report.unwritten()


def test_a_whole_listing_clears_its_collection_and_a_partial_one_does_not():
    report = Disagreements()
    for path in ("/d/f", "/d/g", "/d/e/f", "/f"):
        report.note_name(path, clash(), 1.0)
    report.note_listing("/d", [clash("g")], 2.0, whole=False)
    assert {one.path for one in report} == {"/d/f", "/d/g", "/d/e/f", "/f"}
    report.note_listing("/d", [clash("g")], 3.0, whole=True)
    assert {one.path for one in report} == {"/d/g", "/d/e/f", "/f"}
    report.note_listing("/", [], 4.0, whole=True)
    assert [(one.path, one.last_seen_s) for one in report] == [("/d/e/f", 1.0), ("/d/g", 3.0)]


def test_a_root_that_clashes_is_no_child_of_itself():
    report = Disagreements()
    report.note_name("/", clash(""), 1.0)
    report.note_listing("/", [], 2.0, whole=True)
    assert [one.path for one in report] == ["/"]


def test_it_is_bounded():
    report = Disagreements(most=2)
    for number, name in enumerate("abab"):
        report.note_name(f"/{name}", clash(name), float(number))
    report.note_listing("/", [clash(name) for name in "cde"], 9.0, whole=False)
    assert [one.path for one in report] == ["/d", "/e"]
    assert len(report) == 2


def test_others_reports_are_taken_over_and_what_is_new_here_stays():
    report = Disagreements()
    for path in ("/gone", "/d/f"):
        report.note_name(path, clash(), 1.0)
    assert report.unwritten().seen == (line(), line("/gone"))
    report.note_name("/new", clash(), 2.0)
    report.note_name("/d/f", AGREED, 2.0)
    report.take_over([line(), line("/theirs"), line("/theirs", about="md5", last=3.0)])
    assert {(one.path, one.about) for one in report} == {
        ("/theirs", "size"),
        ("/theirs", "md5"),
        ("/new", "size"),
    }
    assert report.unwritten() == NewsOfDisagreements(
        ("/d/f", "/new"), (line("/new", first=2.0, last=2.0),)
    )

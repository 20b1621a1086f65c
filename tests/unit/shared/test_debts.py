"""What is owed, and what is not believed until then?"""

from ugrpy.shared.debts import MOST_DISTRUSTED, MOST_DISTRUSTED_BELOW, MOST_OWED, Debts, Distrust


def test_debts_are_paid_in_parts_the_oldest_first():
    debts = Debts("e")
    debts.add(["a", "b", "a", "c"])
    assert (len(debts), debts.some(2)) == (3, ("a", "b"))
    debts.paid(["a", "x"])
    assert debts.some(9) == ("b", "c")
    debts.paid(debts.some(9))
    assert not debts


def test_too_many_debts_become_one():
    debts = Debts("e")
    debts.add(f"g{number}" for number in range(MOST_OWED + 1))
    assert debts.some(9) == ("e",)


def test_names_are_distrusted_for_a_time():
    distrust = Distrust()
    distrust.add(["/a", "/b"], 100.0, 0.0, below=False)
    distrust.add(["/c"], 50.0, 0.0, below=True)
    assert [distrust.covers(path, 1.0) for path in ("/a", "/a/x", "/c", "/c/x", "/cx")] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert not distrust.covers("/c/x", 50.0)
    assert distrust.covers("/b", 99.0)
    assert not distrust.covers("/b", 100.0)


def test_too_many_names_are_everything():
    for paths, below in (
        ([f"/{number}" for number in range(MOST_DISTRUSTED + 1)], False),
        ([f"/{number}" for number in range(MOST_DISTRUSTED_BELOW + 1)], True),
    ):
        distrust = Distrust()
        distrust.add(paths, 100.0, 0.0, below=below)
        assert distrust.covers("/elsewhere", 99.0)
        assert not distrust.covers("/1", 100.0)

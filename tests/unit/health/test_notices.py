"""What notices amount to, as a table."""

from math import inf

import pytest

from ugrpy.health.notices import NOTHING, Notice, NoticeKind, Standing, standing

DISABLED = Notice(NoticeKind.DISABLED, "broken")
DRAINED = Notice(NoticeKind.DRAINED)
AT_RISK = Notice(NoticeKind.AT_RISK)
KEPT = Notice(NoticeKind.KEPT)
NOW = 1000.0


def outage(start_s: float, end_s: float, *, announced: bool = False) -> Notice:
    return Notice(NoticeKind.OUTAGE, "disks", "gocdb", start_s, end_s, announced)


LONG, SHORT = outage(900.0, 2000.0), outage(950.0, 1500.0)
SOON, LATER = outage(1100.0, 1200.0), outage(1300.0, 1400.0)
FAR_OFF = outage(NOW + Standing.HORIZON_S + 1, inf)


@pytest.mark.parametrize(
    ("notices", "expected"),
    [
        ((), NOTHING),
        ((DRAINED,), Standing(drained=DRAINED)),
        ((AT_RISK, DRAINED), Standing(drained=DRAINED, at_risk=AT_RISK)),
        ((LONG, DISABLED), Standing(away=DISABLED)),
        ((SHORT, LONG), Standing(away=LONG)),
        ((outage(0.0, NOW),), NOTHING),
        ((outage(NOW, NOW + 1),), Standing(away=outage(NOW, NOW + 1))),
        ((LATER, SOON), Standing(ahead=SOON)),
        ((LONG, SOON), Standing(away=LONG, ahead=SOON)),
        ((FAR_OFF,), NOTHING),
        ((KEPT, outage(900.0, 2000.0, announced=True)), NOTHING),
        ((KEPT, outage(1100.0, 2000.0, announced=True)), NOTHING),
        ((KEPT, LONG), Standing(away=LONG)),
    ],
)
def test_what_holds(notices, expected):
    assert standing(notices, NOW) == expected
    assert standing(reversed(notices), NOW) == expected


def test_the_first_is_what_matters_most():
    assert standing((DRAINED, LONG, AT_RISK), NOW).first is LONG
    assert standing((SOON, AT_RISK), NOW).first is AT_RISK
    assert NOTHING.first is None


def test_what_a_calendar_says_is_not_told_clients():
    assert LONG.told_clients == "disks"
    assert outage(0.0, 1.0, announced=True).told_clients == ""

"""The record that DynaFed's dashboard splits at its signs."""

from ugrpy.compat.monitor import monitor_record, record_key
from ugrpy.health.board import HealthBoard
from ugrpy.health.notices import Notice, NoticeKind
from ugrpy.health.policy import HealthPolicy
from ugrpy.namespace.model import Cause, EndpointId

NOW_S, WALL_S = 100.0, 1_700_000_100.0


def record(board: HealthBoard) -> list[list[str]]:
    """As the dashboard reads it."""
    told = monitor_record(board.snapshots(NOW_S), WALL_S)
    assert told.endswith(b"\0")
    return [one.split("%%") for one in told[:-1].decode().split("&&")]


def board_of(*names: str) -> HealthBoard:
    return HealthBoard([EndpointId(name) for name in names], HealthPolicy(eject_after=1))


def test_one_that_answers_is_online_and_one_that_fails_is_not():
    board = board_of("good", "bad", "new")
    board.heard(EndpointId("good"), None, 0.012, NOW_S - 7)
    board.heard(EndpointId("bad"), Cause.FAILED, 0.5, NOW_S - 3, "500 & more %% of\nit")
    good, bad, new = record(board)
    assert good == ["good", "good", "1700000093", "1", "12", "0", ""]
    assert bad[:4] == ["bad", "bad", "1700000097", "2"]
    assert "500  more  of it" in bad[6]
    assert new == ["new", "new", "0", "0", "0", "0", ""]


def test_one_that_operators_took_out_is_offline_with_the_reason():
    board = board_of("far")
    board.announce(EndpointId("far"), [Notice(NoticeKind.DISABLED, "new disks")], NOW_S - 1)
    ((*_, state, _latency, _status, words),) = record(board)
    assert state == "2"
    assert "new disks" in words


def test_a_federation_without_endpoints_has_an_empty_record():
    assert monitor_record((), WALL_S) == b"\0"
    assert record_key(7) == "Ugrpluginstats_7"

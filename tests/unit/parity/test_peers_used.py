"""Is a program credited to just the tests that used it?"""

from tests.parity.peers_used import PeerTracker


def set_up(tracker: PeerTracker, fixture: str, *peers: str) -> None:
    tracker.begin_fixture(fixture)
    for peer in peers:
        tracker.record(peer, "1")
    tracker.end_fixture()


def test_a_call_belongs_to_the_running_test_only():
    tracker = PeerTracker()
    tracker.begin_test()
    tracker.record("curl", "7.88")
    assert tracker.of_test([]) == {"curl": "7.88"}
    tracker.begin_test()
    assert tracker.of_test([]) == {}


def test_a_server_belongs_to_every_test_that_requests_its_fixture():
    tracker = PeerTracker()
    set_up(tracker, "nginx_dav", "nginx")
    for _ in range(2):
        tracker.begin_test()
        assert tracker.of_test(["tmp_path"]) == {}
        assert tracker.of_test(["nginx_dav"]) == {"nginx": "1"}


def test_a_fixture_inherits_from_those_set_up_inside_it():
    tracker = PeerTracker()
    tracker.begin_fixture("federation")
    set_up(tracker, "xrootd_http", "xrootd")
    tracker.record("curl", "7")
    tracker.end_fixture()
    assert tracker.of_test(["federation"]) == {"curl": "7", "xrootd": "1"}
    assert tracker.of_test(["xrootd_http"]) == {"xrootd": "1"}


def test_a_new_set_up_forgets_the_old_one():
    tracker = PeerTracker()
    set_up(tracker, "server", "nginx")
    set_up(tracker, "server")
    assert tracker.of_test(["server"]) == {}
    assert "server" in repr(tracker)

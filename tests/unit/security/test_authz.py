"""Identities and the policy of a read-only gateway."""

from ipaddress import ip_address, ip_network

import pytest

from ugrpy.security.authz import AllowReading, Decision, Operation, Policy
from ugrpy.security.identity import ANONYMOUS, Identity

SOMEBODY = Identity("/CN=Ada", ("/atlas/Role=production",), ip_address("192.0.2.7"))


def test_anonymous_is_whoever_has_no_name():
    assert ANONYMOUS.anonymous
    assert Identity(address=ip_address("192.0.2.7")).anonymous
    assert not SOMEBODY.anonymous


@pytest.mark.parametrize("identity", [ANONYMOUS, SOMEBODY], ids=["anonymous", "named"])
@pytest.mark.parametrize("operation", [Operation.READ, Operation.LIST, Operation.STAT])
def test_everybody_may_look(identity, operation):
    decision = AllowReading().authorise(identity, operation, "/atlas/file")
    assert decision.allowed
    assert decision.rule == "allow-reading"


@pytest.mark.parametrize("identity", [ANONYMOUS, SOMEBODY], ids=["anonymous", "named"])
@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.DELETE, Operation.COPY])
def test_nobody_may_change_anything(identity, operation):
    policy: Policy = AllowReading()
    assert policy.authorise(identity, operation, "/") == Decision(
        False, "allow-reading", "this gateway is read-only"
    )


def test_a_closed_path_closes_all_below_it_and_nothing_beside_it():
    policy = AllowReading(["/fed/a", "/embargo"])
    for path in ("/fed/a", "/fed/a/f", "/embargo/x/y"):
        for operation in (Operation.READ, Operation.LIST, Operation.STAT):
            decision = policy.authorise(ANONYMOUS, operation, path)
            assert not decision.allowed
            assert decision.reason == "the operator has closed this path"
    assert policy.authorise(ANONYMOUS, Operation.READ, "/fed/a/f").rule == "closed /fed/a"
    for path in ("/", "/fed", "/fed/ab", "/fed/ab/f", "/embargoed"):
        assert policy.authorise(ANONYMOUS, Operation.READ, path).allowed
    assert repr(policy) == "AllowReading(closed=['/fed/a', '/embargo'], write_from=[])"


CHANGES = (Operation.WRITE, Operation.DELETE, Operation.COPY)
NETWORKS = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("192.0.2.7", True),
        ("2001:db8::1", True),
        ("192.0.3.1", False),
        ("2001:db9::1", False),
        ("127.0.0.1", False),
        (None, False),
    ],
)
@pytest.mark.parametrize("operation", CHANGES)
def test_changes_are_made_from_the_named_networks_only(address, may, operation):
    identity = Identity(address=None if address is None else ip_address(address))
    policy = AllowReading(write_from=NETWORKS)
    decision = policy.authorise(identity, operation, "/atlas/f")
    assert (decision.allowed, decision.rule) == (may, "write-from")
    assert policy.authorise(identity, Operation.READ, "/atlas/f").allowed
    assert repr(policy) == "AllowReading(closed=[], write_from=['192.0.2.0/24', '2001:db8::/32'])"


@pytest.mark.parametrize("operation", Operation)
def test_nobody_changes_what_is_closed(operation):
    policy = AllowReading(["/embargo"], NETWORKS)
    identity = Identity(address=ip_address("192.0.2.7"))
    assert not policy.authorise(identity, operation, "/embargo/f").allowed
    assert policy.authorise(identity, operation, "/open/f").allowed

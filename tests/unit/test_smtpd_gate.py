"""How many connections are let in."""

from __future__ import annotations

import ipaddress

from mailgate.gate import Gate, Limits

ANN, BOB = "192.0.2.1", "192.0.2.2"


def test_a_client_has_its_share_and_gets_it_back() -> None:
    gate = Gate(Limits(connections_per_client=1))
    assert gate.enter(ANN) is None
    refusal = gate.enter(ANN)
    assert refusal is not None
    assert (refusal.code, refusal.close) == (421, True)
    assert gate.enter(BOB) is None
    gate.leave(ANN)
    assert gate.enter(ANN) is None


def test_all_together_have_an_end_trusted_or_not() -> None:
    network = ipaddress.ip_network("192.0.2.0/24")
    gate = Gate(Limits(connections=2, trusted_networks=(network,)))
    assert gate.enter(ANN) is None
    assert gate.enter(BOB) is None
    refusal = gate.enter("192.0.2.3")
    assert refusal is not None
    assert (refusal.code, refusal.enhanced) == (421, "4.3.2")


def test_a_trusted_network_is_free_of_the_cap_per_client() -> None:
    networks = (ipaddress.ip_network("192.0.2.0/31"), ipaddress.ip_network("2001:db8::/32"))
    gate = Gate(Limits(connections_per_client=1, trusted_networks=networks))
    assert [gate.enter(ANN) for _ in range(3)] == [None, None, None]
    assert [gate.enter("2001:db8::1") for _ in range(3)] == [None, None, None]
    assert gate.enter(BOB) is None
    assert gate.enter(BOB) is not None


def test_an_ipv6_client_is_its_network_of_64_bits() -> None:
    gate = Gate(Limits(connections_per_client=1))
    assert gate.enter("2001:db8::1") is None
    assert gate.enter("2001:db8::ffff") is not None
    assert gate.enter("2001:db8:0:1::1") is None


def test_a_peer_without_an_address_is_a_client_too() -> None:
    gate = Gate(Limits(connections_per_client=1))
    assert gate.enter("") is None
    assert gate.enter("") is not None
    gate.leave("")
    assert gate.connections == 0

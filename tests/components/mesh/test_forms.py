"""The JSON of the services: what is taken, what is refused, what a transport weighs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import forms
from components.mesh.errors import WireError
from components.mesh.forms import EdgeStatus, Offer, RouteRequest, Status, Told, Weight
from components.mesh.keys import hex66
from components.mesh.transport import TransportType, entry_of
from signal_bus.identity import Identity

ONE = Identity(bytes([1]) * 32).public_key
TWO = Identity(bytes([7]) * 32).public_key


def told(kind: TransportType = TransportType.STCPR, **facts: int) -> Told:
    mine = EdgeStatus(is_up=bool(facts.pop("is_up", 1)), **facts)
    entry = entry_of(ONE, TWO, kind)
    return Told(
        entry=entry,
        signatures=("", ""),
        is_up=mine.is_up,
        registered=0,
        statuses=(mine, EdgeStatus()),
        expires_s=1,
    )


def test_a_request_for_routes_has_the_names_of_the_reference() -> None:
    data = b'{"Edges":[["%b","%b"]],"Opts":{"MinHops":2,"MaxHops":5}}' % (
        hex66(ONE).encode(),
        hex66(TWO).encode(),
    )
    asked = forms.decode(data, RouteRequest)
    assert (asked.opts.min_hops, asked.opts.max_hops, asked.opts.hops) == (2, 5, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 5_000,
        b"\xff",
        b'{"Edges":[]}',
        b'{"Edges":[["a","b"]]}',
        b'{"Edges":[["%b","%b"]],"opts":{}}' % (b"0" * 66, b"0" * 66),
    ],
)
def test_a_body_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="the body"):
        forms.decode(data, RouteRequest)


@given(st.binary(max_size=100), st.sampled_from([RouteRequest, Offer, Status, Told, list[Status]]))
def test_any_bytes_are_a_form_or_a_refusal(data: bytes, form: type[object]) -> None:
    with pytest.raises(WireError):
        forms.decode(b"{" + data, form)


def test_the_owner_of_a_service_is_in_its_address() -> None:
    assert forms.owner(f"{hex66(ONE)}:3") == (ONE, 3)


@pytest.mark.parametrize("address", ["", ":", "x:3", "{}", "{}:", "{}:0", "{}:65536", "{}:٣", "{}:-1"])
def test_what_is_no_address_of_the_mesh_is_refused(address: str) -> None:
    with pytest.raises(WireError):
        forms.owner(address.format(hex66(ONE)))


def test_a_graph_has_the_transports_that_are_up() -> None:
    (edge,) = forms.edges([told(), told(is_up=0)])
    assert {edge.one, edge.other} == {ONE, TWO}


def test_a_transport_weighs_by_what_is_asked_for() -> None:
    assert forms.weigh(told(), Weight.HOPS) == 1
    assert forms.weigh(told(TransportType.DMSG), Weight.HOPS) == forms.RELAY_FACTOR
    fast, slow = told(rtt_us=200, throughput=10**8), told(rtt_us=90_000, throughput=10**5)
    for weight in (Weight.RTT, Weight.THROUGHPUT):
        assert 0 < forms.weigh(fast, weight) < forms.weigh(slow, weight)
        assert forms.weigh(told(), weight) < forms.weigh(told(TransportType.DMSG), weight)

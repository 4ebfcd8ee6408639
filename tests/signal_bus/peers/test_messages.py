import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.codec import decode, encode
from signal_bus.errors import WireError
from signal_bus.kinds import CLIENT_KINDS, OPERATOR_KINDS, PEER_KINDS, SERVER_KINDS
from signal_bus.messages import Body
from signal_bus.peers.messages import (
    CHUNK_BYTES,
    KNOWN_MAX,
    PREFIX_BYTES,
    WINDOW_BYTES,
    PeerBye,
    PeerClose,
    PeerCredit,
    PeerData,
    PeerHello,
    PeerOpen,
    PeerRoster,
    PeerState,
)

KEY = bytes(range(32))
BODIES: list[Body] = [
    PeerHello(cluster=KEY, key=KEY, label="a", version="0.1", roster=KEY),
    PeerState(time=12.5, echo=12.25, held_s=0.5, apps_up=3, cpu_percent=1.5, labels={"role": "edge"}),
    PeerRoster(members=(b"x",), cards=(b"y", b"z"), have=KEY[:8]),
    PeerOpen(stream=1, kind="door", meta={"a": "b"}),
    PeerData(stream=2, data=bytes(CHUNK_BYTES)),
    PeerCredit(stream=2, bytes=WINDOW_BYTES),
    PeerClose(stream=1, code="closed"),
    PeerBye(code="revoked", text="gone"),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_message_is_read_back(body: Body) -> None:
    assert decode(encode(body), PEER_KINDS).body == body


def test_messages_between_hosts_come_from_no_other_side() -> None:
    for body in BODIES:
        for kinds in (CLIENT_KINDS, OPERATOR_KINDS, SERVER_KINDS):
            with pytest.raises(WireError) as caught:
                decode(encode(body), kinds)
            assert caught.value.code == "not-permitted"


@pytest.mark.parametrize(
    "wrong",
    [
        PeerData(stream=1, data=bytes(CHUNK_BYTES + 1)),
        PeerState(time=1.0, cpu_percent=float("nan")),
        PeerState(time=1.0, cpu_percent=1e308),
        PeerState(time=1.0, apps_total=2**53),
        PeerData(stream=1, data=b""),
        PeerData(stream=0, data=b"x"),
        PeerCredit(stream=1, bytes=WINDOW_BYTES + 1),
        PeerCredit(stream=1, bytes=0),
        PeerOpen(stream=1, kind="k" * 65),
        PeerHello(cluster=KEY[:31], key=KEY, label="a", roster=KEY),
        PeerRoster(members=(bytes(4097),)),
        PeerRoster(have=bytes(KNOWN_MAX * PREFIX_BYTES + 1)),
        PeerState(time=-1),
        PeerState(time=float("inf")),
    ],
)
def test_what_is_beyond_its_bounds_is_not_read(wrong: Body) -> None:
    with pytest.raises(WireError):
        decode(encode(wrong), PEER_KINDS)


@given(data=st.binary(max_size=300))
def test_random_bytes_raise_wire_errors_only(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data, PEER_KINDS)


@given(which=st.sampled_from(BODIES[:4] + BODIES[5:]), place=st.integers(0, 400), byte=st.integers(0, 255))
def test_changed_bytes_raise_wire_errors_or_are_another_message(which: Body, place: int, byte: int) -> None:
    data = bytearray(encode(which))
    data[place % len(data)] = byte
    try:
        assert isinstance(decode(bytes(data), PEER_KINDS).body, Body)
    except WireError:
        pass

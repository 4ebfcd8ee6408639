from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import payloads, setup
from components.mesh.aead import Cipher
from components.mesh.errors import TagError, WireError
from components.mesh.setup import Create, End, Hop, Install, Leg
from components.mesh.transport import TransportType, transport_id
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL, STRANGE

NODES = [ALICE.public_key, BOB.public_key, CAROL.public_key]
LEG, OTHER = Leg(b"t" * 16, 1, 2), Leg(b"u" * 16, 3, 4)
END = End(ALICE.public_key, b"g" * 16, 7, Cipher.AES)


def hop(one: PublicKey, other: PublicKey, type: TransportType = TransportType.STCPR) -> Hop:
    return Hop(transport_id(one, other, type).bytes, one, other)


def create(*hops: Hop) -> Create:
    return Create(b"o" * 16, b"g" * 16, 7, Cipher.AES, hops)


GOOD = create(hop(NODES[0], NODES[1]), hop(NODES[1], NODES[2], TransportType.DMSG))


def test_a_request_tells_its_ends_and_passes_for_its_initiator() -> None:
    assert (GOOD.source, GOOD.target) == (NODES[0], NODES[2])
    setup.check_create(GOOD, NODES[0])


@dataclass
class Bad:
    create: Create
    why: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad(create(hop(NODES[1], NODES[2])), "by the node it starts at"),
        Bad(create(hop(NODES[0], NODES[1]), hop(NODES[1], NODES[0])), "each node once"),
        Bad(create(hop(NODES[0], NODES[1]), hop(STRANGE.public_key, NODES[2])), "hop 2 does not start"),
        Bad(create(Hop(bytes(16), NODES[0], NODES[1])), "is no transport of its two nodes"),
        Bad(create(hop(NODES[0], STRANGE.public_key)), "bit 255"),
    ],
    ids=lambda bad: bad.why,
)
def test_a_request_that_is_no_route_of_its_caller_is_refused(bad: Bad) -> None:
    with pytest.raises(WireError, match=bad.why):
        setup.check_create(bad.create, NODES[0])


def test_an_order_has_one_leg_and_an_end_or_two_different_ones() -> None:
    setup.check_install(Install(bytes(16), (LEG, OTHER)))
    setup.check_install(Install(bytes(16), (LEG,), END))
    for bad in (Install(bytes(16), (LEG,)), Install(bytes(16), (LEG, OTHER), END)):
        with pytest.raises(WireError, match="one leg has an end"):
            setup.check_install(bad)
    with pytest.raises(WireError, match="the transport it came in"):
        setup.check_install(Install(bytes(16), (LEG, LEG)))
    strange = msgspec.structs.replace(END, initiator=STRANGE.public_key)
    with pytest.raises(WireError, match="bit 255"):
        setup.check_install(Install(bytes(16), (LEG,), strange))


def test_a_signed_order_holds_for_its_hop_and_its_words_only() -> None:
    install = Install(bytes(16), (LEG,), END)
    signed = setup.sign(install, ALICE, BOB.public_key)
    setup.check_signature(signed, ALICE.public_key, BOB.public_key)
    for caller, mine, order in (
        (BOB, BOB, signed),
        (ALICE, CAROL, signed),
        (ALICE, BOB, msgspec.structs.replace(signed, legs=(OTHER,))),
        (ALICE, BOB, install),
    ):
        with pytest.raises(TagError):
            setup.check_signature(order, caller.public_key, mine.public_key)


@pytest.mark.parametrize("message", [GOOD, Install(bytes(16), (LEG,), END, b"s" * 64)])
def test_a_message_comes_back_as_it_was(message: Create | Install) -> None:
    assert payloads.decode(payloads.encode(message), type(message)) == message


def test_the_words_on_the_wire_are_those_of_the_page() -> None:
    plain = msgspec.msgpack.decode(payloads.encode(GOOD))
    assert plain["hops"][0].keys() == {"tp", "from", "to"}
    assert msgspec.msgpack.decode(payloads.encode(LEG)) == {"tp": b"t" * 16, "in_id": 1, "out_id": 2}


@pytest.mark.parametrize(
    "field, value",
    [
        ("order", b"short"),
        ("group", b"g" * 17),
        ("number", 2**32),
        ("number", -1),
        ("cipher", "rot13"),
        ("hops", []),
        ("hops", [{"tp": bytes(16), "from": bytes(32), "to": bytes(32)}] * 16),
        ("hops", [{"tp": bytes(15), "from": bytes(32), "to": bytes(32)}]),
    ],
)
def test_a_field_out_of_bounds_is_refused(field: str, value: object) -> None:
    plain = msgspec.msgpack.decode(payloads.encode(GOOD)) | {field: value}
    with pytest.raises(WireError):
        payloads.decode(msgspec.msgpack.encode(plain), Create)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for type in (Create, Install):
        try:
            payloads.decode(data, type)
        except WireError:
            continue


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_is_a_message_or_a_wire_error(at: int, flip: int) -> None:
    data = bytearray(payloads.encode(GOOD))
    data[at % len(data)] ^= flip
    try:
        setup.check_create(payloads.decode(data, Create), NODES[0])
    except WireError:
        return


@given(st.integers(0, 400))
def test_a_cut_message_is_a_wire_error(size: int) -> None:
    data = payloads.encode(GOOD)
    with pytest.raises(WireError):
        payloads.decode(data[: size % len(data)], Create)

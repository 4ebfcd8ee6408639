import hashlib
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import CallerError, PeerError, TagError, WireError
from components.mesh.keys import hex66, order
from components.mesh.transport import (
    Entry,
    Label,
    SignedEntry,
    TransportType,
    check,
    check_signature,
    edges_of,
    entry_of,
    sign,
    signed,
    transport_id,
)
from signal_bus.ids import PublicKey
from tests.support.mesh import ALICE, BOB, CAROL, STRANGE

PAIR = (ALICE.public_key, BOB.public_key)
ENTRY = entry_of(*PAIR, TransportType.STCPR)


def whole() -> SignedEntry:
    return signed(ENTRY, {side.public_key: sign(ENTRY, side) for side in (ALICE, BOB)})


def test_the_id_is_by_the_reference_formula() -> None:
    # Skywire: uuid.NewHash(sha256, zero UUID, smaller + larger + type, version 0), keys of 33 bytes.
    for kind in TransportType:
        first, second = sorted(PAIR, key=order)
        data = hashlib.sha256(bytes(16) + b"\x02" + first + b"\x02" + second + kind.value.encode()).digest()
        number = int.from_bytes(data[:16], "big") & ~(0xF << 76) & ~(0x3 << 62) | 0x2 << 62
        assert transport_id(*PAIR, kind) == uuid.UUID(int=number)


def test_the_id_of_two_known_keys_never_changes() -> None:
    one, two = PublicKey(b"\x01" * 32), PublicKey(b"\x02" * 32)
    assert str(transport_id(one, two, TransportType.STCPR)) == "aee176e0-eb92-0558-b86c-676213b01f05"
    assert str(transport_id(one, two, TransportType.DMSG)) == "1de4d626-4b25-0d9b-9dbc-e91de28c7ad7"


def test_both_ends_and_each_type_count() -> None:
    ids = {
        transport_id(one, two, kind)
        for one, two in (PAIR, PAIR[::-1], (PAIR[0], CAROL.public_key))
        for kind in TransportType
    }
    assert len(ids) == 4


def test_what_both_edges_signed_is_good() -> None:
    assert check(whole()) == edges_of(ENTRY) == tuple(sorted(PAIR, key=order))


def test_the_json_is_skywires() -> None:
    data = msgspec.json.decode(msgspec.json.encode(whole()))
    assert set(data) == {"entry", "signatures", "registered"}
    assert set(data["entry"]) == {"t_id", "edges", "type", "public", "label"}
    assert data["entry"]["type"] == "stcpr"
    assert all(edge.startswith("02") and len(edge) == 66 for edge in data["entry"]["edges"])
    assert all(len(signature) == 128 for signature in data["signatures"])
    assert check(msgspec.json.decode(msgspec.json.encode(whole()), type=SignedEntry))


@pytest.mark.parametrize("signatures", [("", ""), ("zz", "zz"), ("ab" * 64, "ab" * 64)])
def test_a_signature_missing_or_wrong_is_refused(signatures: tuple[str, str]) -> None:
    with pytest.raises(TagError, match="does not hold"):
        check(SignedEntry(ENTRY, signatures))


def test_signatures_in_the_other_order_or_of_one_edge_only_are_refused() -> None:
    good = whole()
    with pytest.raises(TagError):
        check(SignedEntry(ENTRY, good.signatures[::-1]))
    with pytest.raises(TagError):
        signed(ENTRY, {ALICE.public_key: sign(ENTRY, ALICE)})


def test_a_signature_is_for_one_type_only() -> None:
    other = entry_of(*PAIR, TransportType.DMSG)
    with pytest.raises(TagError):
        check_signature(other, ALICE.public_key, sign(ENTRY, ALICE))


def test_only_an_edge_signs_and_two_are_needed() -> None:
    with pytest.raises(CallerError, match="only an edge"):
        sign(ENTRY, CAROL)
    with pytest.raises(CallerError, match="two ends"):
        entry_of(PAIR[0], PAIR[0], TransportType.STCPR)


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"edges": ENTRY.edges[::-1]}, "in order"),
        ({"edges": (ENTRY.edges[0], ENTRY.edges[0])}, "in order"),
        ({"edges": (ENTRY.edges[0], hex66(STRANGE.public_key))}, "bit 255"),
        ({"t_id": str(uuid.UUID(int=1))}, "not the id"),
        ({"t_id": ENTRY.t_id.upper()}, "not the id"),
        ({"type": TransportType.DMSG}, "not the id"),
    ],
)
def test_an_entry_that_is_not_true_is_refused(changes: dict[str, object], why: str) -> None:
    entry = msgspec.structs.replace(ENTRY, **changes)
    with pytest.raises(WireError, match=why):
        check(SignedEntry(entry, whole().signatures))
    with pytest.raises(WireError, match=why):
        sign(entry, ALICE)


@given(st.text(max_size=36), st.text(min_size=66, max_size=66), st.text(max_size=128))
def test_any_text_is_refused_in_words_of_the_mesh(t_id: str, edge: str, signature: str) -> None:
    for entry in (
        Entry(t_id, ENTRY.edges, TransportType.STCPR),
        Entry(ENTRY.t_id, (edge, edge), TransportType.DMSG),
    ):
        with pytest.raises(PeerError):
            check(SignedEntry(entry, (signature, signature)))
    with pytest.raises(TagError):
        check(SignedEntry(ENTRY, (signature, signature)))


def test_the_label_is_not_signed() -> None:
    entry = msgspec.structs.replace(ENTRY, label=Label.USER, public=False)
    assert check(SignedEntry(entry, whole().signatures)) == edges_of(ENTRY)

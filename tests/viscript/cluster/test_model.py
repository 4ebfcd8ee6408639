import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from tests.support.rosters import card_of, host, member_of
from viscript.cluster.model import (
    CARD_CONTEXT,
    MEMBER_CONTEXT,
    RECORD_BYTES,
    SIGNATURE_BYTES,
    BadRecord,
    Member,
    covers,
    read_card,
    read_member,
    sign_card,
    sign_member,
)
from viscript.verbs.table import Role

CLUSTER, OTHER = host(0), host(1)


def test_a_signed_member_is_read_back_as_it_was() -> None:
    member = member_of(OTHER, CLUSTER, CLUSTER, labels={"role": "edge"}, addresses=("tcp://10.0.0.2:7791",))
    signed = sign_member(member, CLUSTER)
    assert read_member(signed.record) == signed
    assert signed.body == member


def test_a_card_is_signed_by_the_host_itself() -> None:
    card = card_of(OTHER, addresses=("tcp://[::1]:1",))
    signed = sign_card(card, OTHER)
    assert read_card(signed.record).body == card
    with pytest.raises(BadRecord, match="another signer"):
        sign_card(card, CLUSTER)


def test_a_record_names_the_one_who_signs() -> None:
    with pytest.raises(BadRecord, match="another signer"):
        sign_member(member_of(OTHER, CLUSTER, CLUSTER), OTHER)


def test_every_changed_byte_is_noticed() -> None:
    record = sign_member(member_of(OTHER, CLUSTER, CLUSTER), CLUSTER).record
    for place in range(len(record)):
        forged = record[:place] + bytes([record[place] ^ 1]) + record[place + 1 :]
        with pytest.raises(BadRecord):
            read_member(forged)


def test_every_truncation_is_noticed() -> None:
    record = sign_member(member_of(OTHER, CLUSTER, CLUSTER), CLUSTER).record
    for length in range(len(record)):
        with pytest.raises(BadRecord):
            read_member(record[:length])


def test_a_card_does_not_pass_for_a_member_nor_a_member_for_a_card() -> None:
    body = msgspec.msgpack.encode(member_of(OTHER, OTHER, OTHER))
    with pytest.raises(BadRecord, match="signature"):
        read_member(OTHER.sign(CARD_CONTEXT, body) + body)
    with pytest.raises(BadRecord, match="signature"):
        read_card(OTHER.sign(MEMBER_CONTEXT, body) + body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "two words"},
        {"label": "a/b"},
        {"label": ""},
        {"label": "x" * 64},
        {"label": "line\n"},
        {"addresses": ("tcp://no-port",)},
        {"addresses": ("ipc:///tmp/x",)},
        {"addresses": ("tcp://10.0.0.1;10.0.0.2:1",)},
        {"addresses": ("tcp://a:1",) * 9},
        {"labels": {"role": "a,b"}},
        {"labels": {f"k{n}": "v" for n in range(17)}},
        {"version": 0},
        {"version": 2**53 + 1},
        {"curve": b"short"},
        {"role": "owner"},
        {"key": bytes(31) + b"\x80"},
        {"mesh": bytes(34)},
    ],
)
def test_a_field_that_nobody_would_accept_is_not_signed(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRecord):
        sign_member(member_of(OTHER, CLUSTER, CLUSTER, **wrong), CLUSTER)


def test_a_cluster_with_a_twin_has_no_members() -> None:
    plain = msgspec.to_builtins(member_of(OTHER, CLUSTER, CLUSTER), builtin_types=(bytes,))
    body = msgspec.msgpack.encode({**plain, "cluster": bytes(31) + b"\x80"})
    with pytest.raises(BadRecord, match="cluster's key"):
        read_member(CLUSTER.sign(MEMBER_CONTEXT, body) + body)


def test_a_record_has_a_bound() -> None:
    with pytest.raises(BadRecord, match=str(RECORD_BYTES)):
        read_member(bytes(RECORD_BYTES + 1))


def test_unknown_fields_are_passed_over_and_kept_in_the_record() -> None:
    plain = msgspec.to_builtins(member_of(OTHER, CLUSTER, CLUSTER), builtin_types=(bytes,))
    body = msgspec.msgpack.encode({**plain, "later": 7})
    record = CLUSTER.sign(MEMBER_CONTEXT, body) + body
    assert read_member(record).body == member_of(OTHER, CLUSTER, CLUSTER)
    assert read_member(record).record == record


@given(data=st.binary(max_size=200))
def test_random_bytes_are_no_record(data: bytes) -> None:
    for read in (read_member, read_card):
        with pytest.raises(BadRecord):
            read(data)


@given(data=st.recursive(st.none() | st.integers() | st.binary(max_size=40) | st.text(max_size=8), st.lists))
def test_a_well_signed_body_of_any_shape_is_no_member(data: object) -> None:
    try:
        body = msgspec.msgpack.encode(data)
    except OverflowError:
        return
    with pytest.raises(BadRecord):
        read_member(CLUSTER.sign(MEMBER_CONTEXT, body) + body)


def test_the_higher_version_holds_then_the_revocation_then_the_smaller_hash() -> None:
    def signed(**fields: object) -> Member:
        return member_of(OTHER, CLUSTER, CLUSTER, **fields)

    first, second = sign_member(signed(), CLUSTER), sign_member(signed(version=2), CLUSTER)
    gone = sign_member(signed(gone=True), CLUSTER)
    named = sign_member(signed(label="b"), CLUSTER)
    assert second.beats(first)
    assert not first.beats(second)
    assert second.beats(gone)
    assert gone.beats(first)
    assert first.beats(named) == (first.hash < named.hash)
    assert named.beats(first) == (named.hash < first.hash)
    assert not first.beats(first)


def test_a_member_record_can_be_made_and_checked_by_hand() -> None:
    record = sign_member(member_of(OTHER, CLUSTER, CLUSTER, label="a"), CLUSTER).record
    signature, body = record[:SIGNATURE_BYTES], record[SIGNATURE_BYTES:]
    assert body.startswith(b"\x85\xa7cluster\xc4\x20" + CLUSTER.public_key + b"\xa3key\xc4\x20")
    VerifyKey(CLUSTER.public_key).verify(b"\x11viscript member 1" + body, signature)


def test_a_role_covers_itself_and_the_lower() -> None:
    order = (Role.VIEW, Role.OPERATE, Role.ADMIN)
    for mine in order:
        for needed in order:
            assert covers(mine, needed) == (order.index(mine) >= order.index(needed))

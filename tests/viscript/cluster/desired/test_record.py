"""Signed orders: what is refused, and that nothing else gets through."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rosters import host
from viscript.cluster.desired.record import (
    DEPLOYMENT_CONTEXT,
    HOST_ORDER_CONTEXT,
    RECORD_BYTES,
    Deployment,
    HostOrder,
    Mode,
    read_deployment,
    read_host_order,
    sign_deployment,
    sign_host_order,
)
from viscript.cluster.model import SIGNATURE_BYTES, BadRecord

CLUSTER, SIGNER, OTHER = (host(number) for number in range(3))


def deployment(**fields: object) -> Deployment:
    return Deployment(
        **{"cluster": CLUSTER.public_key, "app": "web", "by": SIGNER.public_key, **fields}  # type: ignore[arg-type]  # a test's own fields
    )


ORDER = HostOrder(cluster=CLUSTER.public_key, host=OTHER.public_key, mode=Mode.DRAINED, by=SIGNER.public_key)


def test_a_signed_deployment_is_read_as_it_was() -> None:
    body = deployment(place="role=edge", count=3, pins={2: OTHER.public_key}, args=("a",), env={"A": "1"})
    assert read_deployment(sign_deployment(body, SIGNER).record).body == body


def test_a_signed_order_to_a_host_is_read_as_it_was() -> None:
    assert read_host_order(sign_host_order(ORDER, SIGNER).record).body == ORDER


def test_nobody_signs_for_another() -> None:
    with pytest.raises(BadRecord, match="another signer"):
        sign_deployment(deployment(), OTHER)


@pytest.mark.parametrize(
    "fields",
    [
        {"app": "a/b"},
        {"app": ""},
        {"count": 1001},
        {"count": -1},
        {"place": "a b"},
        {"version": 0},
        {"pins": {0: OTHER.public_key}},
        {"pins": {1: b"short"}},
        {"entry": b"x" * RECORD_BYTES},
        {"cluster": b"short"},
    ],
)
def test_what_nobody_would_accept_is_not_signed(fields: dict[str, object]) -> None:
    with pytest.raises(BadRecord):
        sign_deployment(deployment(**fields), SIGNER)


def test_one_kind_of_record_is_not_the_other() -> None:
    with pytest.raises(BadRecord):
        read_host_order(sign_deployment(deployment(), SIGNER).record)
    body = msgspec.msgpack.encode(ORDER)
    with pytest.raises(BadRecord, match="signature"):
        read_host_order(SIGNER.sign(DEPLOYMENT_CONTEXT, body) + body)


def test_a_key_with_the_twin_bit_is_refused() -> None:
    twin = SIGNER.public_key[:-1] + bytes([SIGNER.public_key[-1] | 0x80])
    body = msgspec.msgpack.encode(msgspec.structs.replace(ORDER, by=twin))
    with pytest.raises(BadRecord, match="bit 255"):
        read_host_order(SIGNER.sign(HOST_ORDER_CONTEXT, body) + body)


@pytest.mark.parametrize("read", [read_deployment, read_host_order])
@given(data=st.binary(max_size=300))
def test_foreign_bytes_are_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(BadRecord):
        read(data)


def test_every_truncation_and_every_flipped_bit_is_refused() -> None:
    record = sign_deployment(deployment(), SIGNER).record
    for cut in range(len(record)):
        with pytest.raises(BadRecord):
            read_deployment(record[:cut])
    for at in range(len(record)):
        broken = bytearray(record)
        broken[at] ^= 1
        with pytest.raises(BadRecord):
            read_deployment(bytes(broken))


def test_fields_of_a_later_version_are_covered_and_passed_over() -> None:
    later = {**msgspec.to_builtins(deployment(), builtin_types=(bytes,)), "colour": "red"}
    body = msgspec.msgpack.encode(later)
    record = SIGNER.sign(DEPLOYMENT_CONTEXT, body) + body
    assert read_deployment(record).body == deployment()
    assert len(record) > SIGNATURE_BYTES

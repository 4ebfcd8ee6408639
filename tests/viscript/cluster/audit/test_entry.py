from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_bus.identity import Identity
from viscript.cluster.audit.entry import (
    NOTHING_BEFORE,
    RECORD_BYTES,
    SIGNATURE_BYTES,
    BadEntry,
    Chain,
    Entry,
    Said,
    digest,
    read,
    sign,
)

HOST = Identity(bytes(range(32)))
STRANGER = Identity(bytes(32))
SAID = Said(kind="asked", ulid="A", time=5.0, actor="ab", verb="start", role="operate", argv=("s", "web"))


def chained(count: int, *, signer: Identity = HOST) -> list[bytes]:
    records: list[bytes] = []
    for number in range(1, count + 1):
        before = digest(records[-1]) if records else NOTHING_BEFORE
        records.append(sign(SAID, number=number, before=before, signer=signer))
    return records


def fed(records: Sequence[bytes]) -> Chain:
    chain = Chain(HOST.public_key)
    for record in records:
        chain.feed(record)
    return chain


def refused(records: Sequence[bytes]) -> str:
    with pytest.raises(BadEntry) as wrong:
        fed(records)
    return str(wrong.value)


def test_an_entry_is_read_as_it_was_written() -> None:
    entry = read(sign(SAID, number=1, before=NOTHING_BEFORE, signer=HOST))
    assert entry == Entry(**msgspec.structs.asdict(SAID), number=1, before=NOTHING_BEFORE)


def test_a_chain_that_this_host_wrote_is_whole() -> None:
    assert fed(chained(5)).number == 5


@given(st.data())
def test_no_bit_of_a_chain_can_be_turned(data: st.DataObject) -> None:
    records = chained(3)
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(records[which]) * 8 - 1))
    changed = bytearray(records[which])
    changed[at // 8] ^= 1 << at % 8
    records[which] = bytes(changed)
    refused(records)


def test_an_entry_cannot_be_left_out_moved_or_put_in() -> None:
    records = chained(4)
    assert "where 2 must follow" in refused([records[0], *records[2:]])
    assert "where 2 must follow" in refused([records[0], records[2], records[1], records[3]])
    assert "where 1 must follow" in refused(records[1:])
    other = sign(SAID, number=3, before=digest(records[0]), signer=HOST)
    assert "another entry" in refused([*records[:2], other])


def test_another_key_signs_nothing_here() -> None:
    assert "signature" in refused(chained(1, signer=STRANGER))


def test_the_old_may_be_dropped_by_this_host_only() -> None:
    records = chained(5)
    cut = sign(Said(kind="cut", time=9.0), number=3, before=digest(records[2]), signer=HOST)
    assert fed([cut, *records[3:]]).number == 5
    assert "another entry" in refused(
        [sign(Said(kind="cut", time=9.0), number=3, before=digest(records[1]), signer=HOST), *records[3:]]
    )
    forged = sign(Said(kind="cut", time=9.0), number=3, before=digest(records[2]), signer=STRANGER)
    assert "signature" in refused([forged, *records[3:]])
    assert "which are there" in refused([*records[:3], cut, *records[3:]])


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(data: bytes) -> None:
    with pytest.raises(BadEntry):
        fed([data])


@pytest.mark.parametrize("size", [0, SIGNATURE_BYTES, RECORD_BYTES + 1])
def test_a_record_has_a_size(size: int) -> None:
    with pytest.raises(BadEntry, match=f"a record of {size} bytes"):
        read(bytes(size))

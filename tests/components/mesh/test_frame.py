import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.mesh.frame import (
    CREDIT,
    HEADER_BYTES,
    HOPS,
    LARGE_FROM,
    MAX_LARGE,
    MAX_PAYLOAD,
    SIZES,
    FrameType,
    data_frame,
    frame,
    frames,
    readdress,
    write_data,
    write_header,
)

SHORT = st.sampled_from(sorted(set(FrameType) - {FrameType.LARGE}))
IDS = st.integers(0, 2**32 - 1)
short = SHORT.flatmap(
    lambda kind: st.tuples(
        st.just(kind), IDS, st.binary(min_size=SIZES[kind][0], max_size=min(SIZES[kind][1], 90))
    )
)
large = st.tuples(
    st.just(FrameType.LARGE), IDS, st.integers(LARGE_FROM, MAX_LARGE).map(lambda size: b"7" * size)
)
made = st.lists(short | large, max_size=6)


def read(plain: bytes) -> list[tuple[int, int, int, bytes]]:
    view = memoryview(plain)
    return [(f.type, f.hops, f.route, bytes(view[f.start : f.end])) for f in frames(view)]


def test_a_header_has_the_seven_bytes_of_the_reference() -> None:
    assert frame(FrameType.CLOSE, 0x01020304, b"\x02").hex() == "f101020304000102"
    assert HEADER_BYTES == 7


@given(made)
def test_frames_behind_one_another_are_read_back(wanted: list[tuple[FrameType, int, bytes]]) -> None:
    plain = b"".join(frame(*each) for each in wanted)
    assert read(plain) == [(kind, HOPS, route, payload) for kind, route, payload in wanted]


@given(st.lists(short, min_size=1, max_size=6))
def test_a_record_that_ends_within_a_frame_is_refused(wanted: list[tuple[FrameType, int, bytes]]) -> None:
    plain = b"".join(frame(*each) for each in wanted)
    ends, at = {0}, 0
    for _, _, payload in wanted:
        at += HEADER_BYTES + len(payload)
        ends.add(at)
    for size in set(range(len(plain))) - ends:
        with pytest.raises(WireError):
            read(plain[:size])


@given(large, st.data())
def test_a_record_that_ends_within_a_large_frame_is_refused(
    wanted: tuple[FrameType, int, bytes], data: st.DataObject
) -> None:
    plain = frame(*wanted)
    assert len(plain) == HEADER_BYTES + len(wanted[2])
    for size in {1, HEADER_BYTES, LARGE_FROM, len(plain) - 1, data.draw(st.integers(1, len(plain) - 1))}:
        with pytest.raises(WireError):
            read(plain[:size])


@given(st.binary(max_size=200))
def test_random_bytes_are_frames_that_fill_them_or_refused(data: bytes) -> None:
    try:
        out = read(data)
    except WireError:
        return
    assert sum(HEADER_BYTES + len(payload) for *_, payload in out) == len(data)


def test_a_large_frame_says_how_much_longer_it_is_than_others_can_be() -> None:
    assert frame(FrameType.LARGE, 5, bytes(LARGE_FROM + 0x0102))[:7].hex() == "fb000000050102"
    assert len(read(frame(FrameType.LARGE, 1, bytes(MAX_LARGE)))) == 1
    with pytest.raises(WireError, match="131066 bytes"):
        read(frame(FrameType.LARGE, 1, bytes(MAX_LARGE + 1)))


def test_data_is_large_where_a_short_frame_does_not_hold_it() -> None:
    for size, kind in ((24, FrameType.DATA), (MAX_PAYLOAD, FrameType.DATA), (LARGE_FROM, FrameType.LARGE)):
        buffer = bytearray(HEADER_BYTES + size)
        write_data(memoryview(buffer), 0, 9, size)
        assert bytes(buffer) == frame(kind, 9, bytes(size))
        assert data_frame(HOPS, 9, memoryview(bytes(size))) == bytes(buffer)


@pytest.mark.parametrize("kind", sorted(set(FrameType) - {FrameType.LARGE}))
def test_each_type_has_its_payload_sizes(kind: FrameType) -> None:
    least, most = SIZES[kind]
    for size in {least, min(most, MAX_PAYLOAD)}:
        assert len(read(frame(kind, 1, bytes(size)))) == 1
    for size in {least - 1, most + 1} & set(range(MAX_PAYLOAD + 1)):
        with pytest.raises(WireError, match="allowed"):
            read(frame(kind, 1, bytes(size)))


def test_a_type_of_tomorrow_is_handed_out_to_be_dropped() -> None:
    assert read(bytes([0xF8]) + frame(FrameType.PING, 5, b"12345678")[1:]) == [(8, 15, 5, b"12345678")]


def test_a_header_is_written_in_place() -> None:
    buffer = bytearray(40)
    write_header(buffer, 9, FrameType.DATA, 7, 24)
    assert bytes(buffer[9:40]) == frame(FrameType.DATA, 7, bytes(24))
    write_header(buffer, 9, FrameType.LARGE, 7, LARGE_FROM + 3)
    assert bytes(buffer[9:16]).hex() == "fb000000070003"


@given(made.filter(bool), st.integers(0, 2**32 - 1))
def test_a_frame_goes_on_under_another_id_with_a_hop_less(
    wanted: list[tuple[FrameType, int, bytes]], route: int
) -> None:
    plain = bytearray(b"".join(frame(*each) for each in wanted))
    for found in list(frames(memoryview(plain))):
        readdress(plain, found.start - HEADER_BYTES, found.type, found.hops - 1, route)
    assert read(bytes(plain)) == [(kind, HOPS - 1, route, payload) for kind, _, payload in wanted]


def test_after_fifteen_hops_a_frame_has_none_left() -> None:
    plain = bytearray(frame(FrameType.KEEP_ALIVE, 1))
    for left in range(HOPS - 1, -1, -1):
        readdress(plain, 0, FrameType.KEEP_ALIVE, left, 1)
        assert next(frames(memoryview(plain))).hops == left


def test_credit_is_a_number_of_64_bits() -> None:
    plain = frame(FrameType.CREDIT, 3, CREDIT.pack(2**40))
    found = next(frames(memoryview(plain)))
    assert CREDIT.unpack_from(plain, found.start) == (2**40,)

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.mesh.payloads import EMPTY, decode, encode, raw


class Point(msgspec.Struct, frozen=True):
    x: int
    y: int = 0


def test_a_body_is_read_back_by_its_type() -> None:
    assert decode(raw(Point(1, 2)), Point) == Point(1, 2)
    assert decode(memoryview(encode(Point(3))), Point) == Point(3)
    assert raw(None) is EMPTY


class Outer(msgspec.Struct, frozen=True):
    body: msgspec.Raw


def test_a_raw_field_outlives_the_buffer_it_came_in() -> None:
    buffer = bytearray(encode(Outer(raw(Point(1)))))
    outer = decode(memoryview(buffer), Outer)
    buffer[:] = bytes(len(buffer))
    assert decode(outer.body, Point) == Point(1)


def test_unknown_fields_are_ignored() -> None:
    assert decode(encode({"x": 1, "z": 9}), Point) == Point(1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x91\x01",
        encode({"y": 1}),
        encode({"x": "1"}),
        encode(Point(1))[:-1],
        b"\x81\xa1x\xc1",
    ],
)
def test_what_is_no_such_map_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="Point"):
        decode(data, Point)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(WireError):
        decode(b"\x82\xa1x\x01\xa1z" + b"\x91" * 200_000, Point)


@given(st.binary(max_size=60))
def test_random_bytes_are_a_point_or_refused(data: bytes) -> None:
    try:
        assert isinstance(decode(data, Point), Point)
    except WireError:
        return

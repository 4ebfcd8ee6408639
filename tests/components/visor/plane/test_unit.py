from inspect import cleandoc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.plane import unit as module
from components.visor.plane.streams.api import Code
from components.visor.plane.streams.errors import UnitError
from components.visor.plane.unit import (
    BODY,
    DATA_MAX,
    HEADER,
    OF_A_STREAM,
    ROOM_LEAST,
    Kind,
    read_head,
    widen,
    write_head,
)

PAGE = (Path(__file__).resolve().parents[4] / "docs/reference/mesh-streams.md").read_text(encoding="utf-8")


def unit_of(kind: int, stream: int, aux: int, body: bytes) -> memoryview:
    unit = memoryview(bytearray(HEADER + len(body)))
    write_head(unit, kind, stream, aux)
    unit[HEADER:] = body
    return unit


@given(kind=st.sampled_from(Kind), stream=st.integers(1, (1 << 24) - 1), aux=st.integers(0, (1 << 32) - 1))
def test_a_head_reads_as_it_was_written(kind: Kind, stream: int, aux: int) -> None:
    id = stream if kind in OF_A_STREAM else 0
    unit = unit_of(kind, id, aux, bytes(BODY[kind][0]))
    assert read_head(unit) == (kind, id, aux)


def test_the_bytes_of_a_head_are_those_of_the_layout() -> None:
    assert bytes(unit_of(Kind.DATA, 0x010203, 0x0A0B0C0D, b"x")) == bytes.fromhex("03010203 0a0b0c0d 78")


def test_every_kind_has_the_size_of_its_body() -> None:
    assert len(BODY) == max(Kind) + 1
    assert all(least <= most <= DATA_MAX for least, most in BODY[1:])


def test_every_unit_without_free_text_fits_the_least_room() -> None:
    free = {Kind.DATA, Kind.MESSAGE}
    assert all(HEADER + BODY[kind][0] <= ROOM_LEAST for kind in set(Kind) - free)


@pytest.mark.parametrize("kind", Kind)
def test_a_body_of_another_size_is_refused(kind: Kind) -> None:
    least, most = BODY[kind]
    id = 5 if kind in OF_A_STREAM else 0
    with pytest.raises(UnitError, match="does not fit"):
        read_head(unit_of(kind, id, 0, bytes(most + 1)))
    if least:
        with pytest.raises(UnitError, match="does not fit"):
            read_head(unit_of(kind, id, 0, bytes(least - 1)))


@pytest.mark.parametrize("kind", Kind)
def test_a_stream_stands_in_units_of_streams_only(kind: Kind) -> None:
    id = 0 if kind in OF_A_STREAM else 5
    with pytest.raises(UnitError, match="in a unit of kind"):
        read_head(unit_of(kind, id, 0, bytes(BODY[kind][0])))


@pytest.mark.parametrize("kind", [0, 14, 255])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    with pytest.raises(UnitError):
        read_head(unit_of(kind, 0, 0, b""))


def test_a_torn_head_is_refused() -> None:
    for size in range(HEADER):
        with pytest.raises(UnitError, match="shorter than its head"):
            read_head(memoryview(bytes(size)))


@given(st.binary(max_size=64))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        kind, stream, _ = read_head(memoryview(data))
    except UnitError:
        return
    assert (kind in OF_A_STREAM) == bool(stream)


@given(true=st.integers(0, 1 << 50), off=st.integers(-(1 << 31) + 1, (1 << 31) - 1))
def test_an_offset_comes_back_from_its_low_half(true: int, off: int) -> None:
    near = max(0, true + off)
    assert widen(true & 0xFFFFFFFF, near) == true


def test_nothing_widens_below_zero() -> None:
    assert widen(0xFFFFFFFF, 0) == 0xFFFFFFFF


def test_the_page_shows_the_layout_as_it_is() -> None:
    block = PAGE.split("```text\n")[1].split("\n```")[0]
    told = [line.strip() for line in block.splitlines() if line.strip()]
    known = [line.strip() for line in cleandoc(module.__doc__ or "").splitlines()]
    assert [line for line in told if line not in known] == []
    assert all(any(line.startswith(kind.name + " ") for line in told) for kind in Kind)


@pytest.mark.parametrize("code", Code)
def test_the_page_tells_each_code(code: Code) -> None:
    assert f"\n| {code.value} | " in PAGE.split("## Codes of RESET")[1]

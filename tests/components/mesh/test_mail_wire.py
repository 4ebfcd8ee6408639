import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import WireError
from components.mesh.mail_wire import MAX_MESSAGE, MAX_NUMBER, Numbered, pack, unpack

NUMBERS = st.integers(1, MAX_NUMBER)


@given(NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=100))
def test_what_is_packed_is_unpacked(epoch: int, one: int, two: int, message: bytes) -> None:
    numbered = Numbered(epoch, max(one, two), min(one, two), message)
    assert unpack(pack(numbered)) == numbered


@given(st.binary(max_size=60))
def test_anything_is_a_numbered_message_or_refused(body: bytes) -> None:
    try:
        assert pack(unpack(body)) == body
    except WireError:
        pass


@pytest.mark.parametrize("bad", [Numbered(1, 1, 2, b""), Numbered(1, 1, 0, b""), Numbered(2**63, 1, 1, b"")])
def test_a_floor_is_not_above_its_number(bad: Numbered) -> None:
    with pytest.raises(WireError):
        unpack(pack(bad))


def test_a_message_fits_a_letter() -> None:
    assert MAX_MESSAGE == 32744

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.mesh.errors import CallerError
from components.mesh.mail_ports import MAX_TO_APP, PEOPLE, address, addressed, head
from components.mesh.mail_wire import MAX_MESSAGE


@given(st.integers(0, 65535), st.binary(max_size=64))
def test_a_message_comes_to_its_port_as_it_was(port: int, message: bytes) -> None:
    assert addressed(address(port, message)) == (port, message)


def test_a_text_for_people_goes_without_a_head() -> None:
    assert address(PEOPLE, b"hello") == b"hello"
    assert address(1, b"hello") == head(1) + b"hello" == b"\x00\x00\x01hello"


@pytest.mark.parametrize("message", [b"", b"\x00", b"\x00\x00", b"hello"])
def test_what_has_no_whole_head_is_for_people(message: bytes) -> None:
    assert addressed(message) == (PEOPLE, message)


def test_a_message_that_is_too_long_is_refused() -> None:
    assert len(address(PEOPLE, bytes([1]) * MAX_MESSAGE)) == MAX_MESSAGE
    assert len(address(7, bytes(MAX_TO_APP))) == MAX_MESSAGE
    for port, most in ((PEOPLE, MAX_MESSAGE), (7, MAX_TO_APP)):
        with pytest.raises(CallerError, match=f"at most {most} bytes, not {most + 1}"):
            address(port, bytes([1]) * (most + 1))

"""One line of JSON each way: read whole, or refused with the reason."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.visor.kit.lines import BadLine, decoded

numbers = msgspec.json.Decoder(dict[str, int])


def test_a_line_is_read_to_its_longest() -> None:
    line = b'{"a":1}\n'
    assert decoded(line, numbers, len(line)) == {"a": 1}
    with pytest.raises(BadLine, match="no whole line of at most 7 bytes"):
        decoded(line, numbers, len(line) - 1)


@pytest.mark.parametrize(
    "line", [b'{"a":1}', b"", b'{"a":"x"}\n', b"\xff\n", b'{"a":1}{}\n', b"[" * 90 + b"\n"]
)
def test_what_is_cut_off_or_something_else_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine):
        decoded(line, numbers, 100)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(decoded(data + b"\n", numbers, 100), dict)
    except BadLine:
        pass

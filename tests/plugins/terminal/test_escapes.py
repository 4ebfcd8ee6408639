"""The way out of a session that does not answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.terminal.escapes import Escapes


def fed(*pieces: bytes) -> tuple[bytes, bool]:
    escapes = Escapes()
    return b"".join(escapes.feed(piece) for piece in pieces), escapes.is_leaving


@pytest.mark.parametrize(
    "typed, passed, leaving",
    [
        (b"ls\r", b"ls\r", False),
        (b"~.", b"", True),
        (b"ls\r~.rm", b"ls\r", True),
        (b"\n~.", b"\n", True),
        (b"a~.", b"a~.", False),
        (b"~~.", b"~.", False),
        (b"~a", b"~a", False),
        (b"~\r~.", b"~\r", True),
        (b"cd ~/x\r", b"cd ~/x\r", False),
        (b"~/x", b"~/x", False),
    ],
)
def test_a_tilde_and_a_dot_after_enter_leave(typed: bytes, passed: bytes, leaving: bool) -> None:
    assert fed(typed) == (passed, leaving)
    for cut in range(len(typed) + 1):
        assert fed(typed[:cut], typed[cut:]) == (passed, leaving)
    assert fed(*(bytes([byte]) for byte in typed))[1] == leaving


@given(st.binary())
def test_what_holds_no_tilde_passes_as_it_is(typed: bytes) -> None:
    typed = typed.replace(b"~", b"")
    assert fed(typed) == (typed, False)

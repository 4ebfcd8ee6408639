import pytest

from components.visor.apps.limits import FIRST_MAX
from components.visor.apps.messages import Dial
from components.visor.plane.streams.limits import EARLY_MAX
from components.visor.sdk.errors import Misuse
from components.visor.sdk.question import dial, parse_key, port_of
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key


def test_a_dial_holds_what_was_asked_for() -> None:
    asked = dial(3, A.hex(), 7, 2, (B.hex(),), "g", first=b"hello")
    assert asked == Dial(3, A, 7, 2, (B,), "g", first=b"hello")
    assert dial(3, A, 7, 1, (), "", handing=True) == Dial(3, A, 7, fd=True)


def test_more_first_bytes_than_go_along_are_refused_with_the_number_that_does() -> None:
    assert FIRST_MAX == EARLY_MAX
    dial(3, A, 7, 1, (), "", first=bytes(FIRST_MAX))
    with pytest.raises(Misuse, match=f"at most {FIRST_MAX} go along"):
        dial(3, A, 7, 1, (), "", first=bytes(FIRST_MAX + 1))


@pytest.mark.parametrize("port", [0, 65_536, -1])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(Misuse, match="is no port"):
        port_of(port)


def test_any_port_may_be_asked_for_where_that_is_meant() -> None:
    assert (port_of(0, least=0), port_of(65_535)) == (0, 65_535)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(Misuse):
        parse_key("nobody")

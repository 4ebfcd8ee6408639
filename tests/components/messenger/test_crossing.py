import pytest

from components.mesh.errors import Busy
from components.messenger.crossing import Crossings
from tests.support.mesh import ALICE, BOB, CAROL

A, B, C = ALICE.public_key, BOB.public_key, CAROL.public_key


async def test_a_token_is_good_once_and_for_its_key_only() -> None:
    crossings = Crossings(2)
    waiting = crossings.open(A, B)
    assert crossings.take(waiting.token, C) is None
    assert crossings.take(b"x" * 16, B) is None
    assert crossings.take(waiting.token, B) is waiting
    assert crossings.take(waiting.token, B) is None
    assert len(crossings) == 0


async def test_so_many_wait_for_one_key() -> None:
    crossings = Crossings(1)
    waiting = crossings.open(A, B)
    with pytest.raises(Busy, match="connections to"):
        crossings.open(C, B)
    crossings.open(A, C)
    crossings.close(waiting)
    crossings.close(waiting)
    crossings.open(C, B)
    assert len(crossings) == 2


async def test_who_left_is_not_met() -> None:
    crossings = Crossings(1)
    waiting = crossings.open(A, B)
    waiting.met.cancel()
    assert crossings.take(waiting.token, B) is None
    assert waiting.token.hex() not in repr(waiting)

"""Keys as pipe apps see them, and back."""

import pytest

from components.mesh.curve import is_secp256k1_x
from components.mesh.errors import BadKey
from components.visor.pipe.names import Names
from signal_bus.identity import Identity
from tests.support.mesh import ALICE, BOB


def test_a_usable_key_is_itself() -> None:
    names = Names(ALICE.public_key)
    assert names.own == "02" + ALICE.name
    assert names.text(BOB.public_key) == "02" + BOB.name
    assert names.key("02" + BOB.name.upper()) == BOB.public_key


def test_another_key_has_an_alias_that_is_known_again() -> None:
    seeds = (Identity(bytes([number]) * 32).public_key for number in range(1, 60))
    key = next(key for key in seeds if not is_secp256k1_x(key))
    names = Names(ALICE.public_key)
    alias = names.text(key)
    assert alias != "02" + key.hex()
    assert is_secp256k1_x(bytes.fromhex(alias[2:]))
    assert names.key(alias) == key


@pytest.mark.parametrize("text", ["03" + ALICE.name, "02" + "ff" * 32, "02", ""])
def test_other_texts_are_no_keys(text: str) -> None:
    with pytest.raises(BadKey):
        Names(ALICE.public_key).key(text)

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from components.mesh.curve import ALIAS_CONTEXT, P, is_secp256k1_x, pipe_alias
from signal_bus.identity import is_usable
from signal_bus.ids import PublicKey

GENERATOR_X = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


def has_root(x: int) -> bool:
    """The plain definition: P is 3 mod 4, so a root of y**2 is y**2 to the (P + 1) / 4."""
    square = (x**3 + 7) % P
    return pow(pow(square, (P + 1) // 4, P), 2, P) == square


def test_the_generator_is_on_the_curve_and_what_is_known_not_to_be_is_not() -> None:
    assert is_secp256k1_x(GENERATOR_X)
    assert is_secp256k1_x((1).to_bytes(32, "big"))  # 8 is a square
    assert not is_secp256k1_x((5).to_bytes(32, "big"))  # the smallest x without a point
    assert not is_secp256k1_x(bytes(32))  # 7 is no square


def test_a_number_of_p_or_more_is_no_coordinate() -> None:
    assert not is_secp256k1_x((P + 1).to_bytes(32, "big"))
    assert not is_secp256k1_x(b"\xff" * 32)


@given(st.binary(max_size=40))
def test_only_32_bytes_can_be_one(data: bytes) -> None:
    assert is_secp256k1_x(data) == (
        len(data) == 32 and int.from_bytes(data, "big") < P and has_root(int.from_bytes(data, "big"))
    )


@given(st.binary(min_size=32, max_size=32))
def test_the_identity_generator_asks_the_same(data: bytes) -> None:
    assert is_usable(data) == (is_secp256k1_x(data) and data[31] < 0x80)


@given(st.binary(min_size=32, max_size=32))
def test_every_key_has_one_alias_that_pipe_apps_accept(data: bytes) -> None:
    alias = pipe_alias(PublicKey(data))
    assert is_secp256k1_x(alias)
    assert pipe_alias(PublicKey(data)) == alias
    assert (alias == data) == is_secp256k1_x(data)


def test_an_alias_is_the_first_hash_that_is_a_coordinate() -> None:
    key = PublicKey((5).to_bytes(32, "big"))
    hashes = (hashlib.sha256(ALIAS_CONTEXT + key + bytes([0, 0, 0, n])).digest() for n in range(99))
    assert pipe_alias(key) == next(x for x in hashes if is_secp256k1_x(x))

"""Noise in the words of the mesh: its own errors; all else is tested with `signal_bus.noise`."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from components.mesh.errors import CallerError, TagError, WireError
from components.mesh.noise import Handshake, Pattern

SECRETS = (b"\x11" * 32, b"\x22" * 32)


def dialler() -> Handshake:
    remote = X25519PrivateKey.from_private_bytes(SECRETS[1]).public_key().public_bytes_raw()
    return Handshake(Pattern.XK, initiator=True, prologue=b"", static=SECRETS[0], remote=remote)


def listener(secret: bytes = SECRETS[1]) -> Handshake:
    return Handshake(Pattern.XK, initiator=False, prologue=b"", static=secret)


def test_a_handshake_ends_with_the_same_keys_on_both_sides() -> None:
    one, two = dialler(), listener()
    assert two.read(one.write(b"a")) == b"a"
    assert one.read(two.write(b"b")) == b"b"
    assert two.read(one.write(b"c")) == b"c"
    assert one.split() == two.split()


def test_what_is_no_message_is_an_error_of_the_wire() -> None:
    with pytest.raises(WireError, match="too short"):
        listener().read(b"short")


def test_a_message_for_another_key_is_an_error_of_the_tag() -> None:
    with pytest.raises(TagError, match="not by the key"):
        listener(b"\x33" * 32).read(dialler().write())


def test_out_of_turn_is_an_error_of_our_caller() -> None:
    with pytest.raises(CallerError, match="other's turn"):
        listener().write()
    with pytest.raises(CallerError, match="not finished"):
        dialler().split()

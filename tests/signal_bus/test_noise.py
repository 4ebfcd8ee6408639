"""Noise against the public vectors of cacophony and snow, and against `noiseprotocol`, byte for byte."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from signal_bus.errors import CallerError, PeerError
from signal_bus.noise import KNOWS, MESSAGES, WITH_SECRET, BadHandshake, BadTag, Handshake, Pattern

Vector = dict[str, Any]  # Any: JSON of others
VECTORS: list[Vector] = json.loads(Path(__file__).with_name("noise_vectors.json").read_text(encoding="utf-8"))
STATICS = (b"\x11" * 32, b"\x22" * 32)
EPHEMERALS = (b"\x33" * 32, b"\x44" * 32)
PAYLOADS = (b"", b"offer", b"choice" * 20)
SECRET = b"\x66" * 32
patterns = pytest.mark.parametrize("pattern", Pattern)


def public(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def side_of(
    pattern: Pattern, side: int, *, prologue: bytes = b"p", static: bytes = b"", secret: bytes = SECRET
) -> Handshake:
    return Handshake(
        pattern,
        initiator=side == 0,
        prologue=prologue,
        static=static or STATICS[side],
        remote=public(STATICS[1 - side]) if KNOWS[pattern][side] else None,
        secret=secret if pattern in WITH_SECRET else None,
        ephemeral=EPHEMERALS[side],
    )


def pair(pattern: Pattern, *, prologue: tuple[bytes, bytes] = (b"p", b"p")) -> tuple[Handshake, Handshake]:
    return side_of(pattern, 0, prologue=prologue[0]), side_of(pattern, 1, prologue=prologue[1])


def reference(pattern: Pattern, side: int) -> NoiseConnection:
    connection = NoiseConnection.from_name(pattern.protocol)
    connection.set_prologue(b"p")
    connection.set_as_responder() if side else connection.set_as_initiator()
    connection.set_keypair_from_private_bytes(Keypair.STATIC, STATICS[side])
    connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, EPHEMERALS[side])
    if pattern in WITH_SECRET:
        connection.set_psks(SECRET)
    if KNOWS[pattern][side]:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, public(STATICS[1 - side]))
    with pytest.warns(UserWarning, match="ephemeral"):  # fixed ones are for tests
        connection.start_handshake()
    return connection


def pattern_of(vector: Vector) -> Pattern:
    return Pattern(vector["protocol_name"].split("_")[1])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['source']} {pattern_of(v).value}")
def test_the_public_vectors_hold(vector: Vector) -> None:
    pattern = pattern_of(vector)
    given = {
        key: bytes.fromhex(value[0] if key.endswith("psks") else value)
        for key, value in vector.items()
        if key[:5] in ("init_", "resp_")
    }
    sides = [
        Handshake(
            pattern, initiator=name == "init", prologue=given[f"{name}_prologue"],
            static=given[f"{name}_static"], remote=given.get(f"{name}_remote_static"),
            secret=given.get(f"{name}_psks"), ephemeral=given[f"{name}_ephemeral"],
        )
        for name in ("init", "resp")
    ]  # fmt: skip
    messages = [(bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"])) for m in vector["messages"]]
    shaken = len(MESSAGES[pattern])
    for turn, (payload, ciphertext) in enumerate(messages[:shaken]):
        assert sides[turn % 2].write(payload) == ciphertext
        assert sides[1 - turn % 2].read(ciphertext) == payload
    split = sides[0].split()
    assert split == sides[1].split()
    assert vector.get("handshake_hash", split.hashed.hex()) == split.hashed.hex()
    for turn, (payload, ciphertext) in enumerate(messages[shaken:], start=shaken):
        key = split.to_initiator if turn % 2 else split.to_responder
        nonce = bytes(4) + ((turn - shaken) // 2).to_bytes(8, "little")
        assert ChaCha20Poly1305(key).encrypt(nonce, payload, b"") == ciphertext


def test_there_are_vectors_of_each_pattern() -> None:
    counted = Counter(pattern_of(vector) for vector in VECTORS)
    assert counted == {Pattern.KK: 2, Pattern.XK: 2, Pattern.XXPSK3: 1}


@patterns
def test_the_bytes_are_those_of_noiseprotocol(pattern: Pattern) -> None:
    sides, others = pair(pattern), [reference(pattern, side) for side in (0, 1)]
    for turn in range(len(MESSAGES[pattern])):
        message = sides[turn % 2].write(PAYLOADS[turn])
        assert others[turn % 2].write_message(PAYLOADS[turn]) == message
        assert sides[1 - turn % 2].read(message) == PAYLOADS[turn]
        assert others[1 - turn % 2].read_message(message) == PAYLOADS[turn]
    for side, other in zip(sides, others, strict=True):
        assert side.done
        assert other.handshake_finished
        assert side.split().hashed == other.get_handshake_hash()
    split = sides[0].split()
    assert others[0].encrypt(b"x") == ChaCha20Poly1305(split.to_responder).encrypt(bytes(12), b"x", None)
    assert others[1].encrypt(b"x") == ChaCha20Poly1305(split.to_initiator).encrypt(bytes(12), b"x", None)


@patterns
@pytest.mark.parametrize("ours", [0, 1])
def test_each_role_shakes_hands_with_noiseprotocol_in_the_other(pattern: Pattern, ours: int) -> None:
    side, other = pair(pattern)[ours], reference(pattern, 1 - ours)
    for turn in range(len(MESSAGES[pattern])):
        if turn % 2 == ours:
            assert other.read_message(side.write(PAYLOADS[turn])) == PAYLOADS[turn]
        else:
            assert side.read(bytes(other.write_message(PAYLOADS[turn]))) == PAYLOADS[turn]
    assert side.done
    assert side.split().hashed == other.get_handshake_hash()


def test_fresh_handshakes_never_repeat_a_byte_of_their_keys() -> None:
    made = [
        Handshake(
            Pattern.XK, initiator=True, prologue=b"", static=STATICS[0], remote=public(STATICS[1])
        ).write()
        for _ in range(2)
    ]
    assert made[0][:32] != made[1][:32]


def test_the_responder_of_xk_learns_the_initiators_key() -> None:
    one, two = pair(Pattern.XK)
    assert two.remote is None
    two.read(one.write())
    one.read(two.write())
    two.read(one.write())
    assert two.remote == public(STATICS[0])


@patterns
def test_another_prologue_is_refused(pattern: Pattern) -> None:
    one, two = pair(pattern, prologue=(b"a", b"b"))
    with pytest.raises(BadTag):
        two.read(one.write())


@pytest.mark.parametrize("pattern", [Pattern.XK, Pattern.KK])
def test_another_static_key_than_the_dialled_one_is_refused(pattern: Pattern) -> None:
    one, _ = pair(pattern)
    known = public(STATICS[0]) if pattern is Pattern.KK else None
    impostor = Handshake(pattern, initiator=False, prologue=b"p", static=b"\x55" * 32, remote=known)
    with pytest.raises(BadTag):
        impostor.read(one.write())


def test_another_secret_fails_in_the_third_message() -> None:
    one, two = side_of(Pattern.XXPSK3, 0), side_of(Pattern.XXPSK3, 1, secret=b"\x67" * 32)
    two.read(one.write())
    one.read(two.write())
    with pytest.raises(BadTag):
        two.read(one.write())


def test_both_sides_of_xxpsk3_learn_the_others_key() -> None:
    one, two = pair(Pattern.XXPSK3)
    two.read(one.write())
    one.read(two.write())
    two.read(one.write())
    assert (one.remote, two.remote) == (public(STATICS[1]), public(STATICS[0]))


def messages_of(pattern: Pattern) -> list[bytes]:
    sides = pair(pattern)
    made = []
    for turn in range(len(MESSAGES[pattern])):
        made.append(sides[turn % 2].write(PAYLOADS[turn]))
        sides[1 - turn % 2].read(made[-1])
    return made


def reader_before(pattern: Pattern, turn: int) -> Handshake:
    sides = pair(pattern)
    for earlier in range(turn):
        sides[1 - earlier % 2].read(sides[earlier % 2].write(PAYLOADS[earlier]))
    return sides[1 - turn % 2]


@patterns
def test_every_truncation_is_refused_and_the_handshake_stays_dead(pattern: Pattern) -> None:
    for turn, message in enumerate(messages_of(pattern)):
        for size in range(len(message)):
            side = reader_before(pattern, turn)
            with pytest.raises(PeerError):
                side.read(message[:size])
            with pytest.raises(CallerError):
                side.read(message)
            assert not side.done


@patterns
@settings(max_examples=60)
@given(data=st.data())
def test_every_changed_bit_is_refused(pattern: Pattern, data: st.DataObject) -> None:
    messages = messages_of(pattern)
    turn = data.draw(st.integers(0, len(messages) - 1))
    message = bytearray(messages[turn])
    bit = data.draw(st.integers(0, len(message) * 8 - 1).filter(lambda bit: bit != 255))  # of e: see below
    message[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PeerError):
        reader_before(pattern, turn).read(bytes(message))


@patterns
def test_the_bit_x25519_does_not_look_at_is_hashed_all_the_same(pattern: Pattern) -> None:
    message = bytearray(messages_of(pattern)[0])
    message[31] ^= 0x80
    with pytest.raises(BadTag):
        reader_before(pattern, 0).read(bytes(message))


@patterns
@given(message=st.binary(max_size=300))
def test_random_bytes_are_refused(pattern: Pattern, message: bytes) -> None:
    with pytest.raises(PeerError):
        reader_before(pattern, 0).read(message)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_point_of_small_order_is_refused(point: bytes) -> None:
    side = reader_before(Pattern.XK, 0)
    with pytest.raises(BadHandshake, match="nobody may use"):
        side.read(point + bytes(16))


def test_dialling_a_point_of_small_order_is_refused_and_leaves_the_handshake_dead() -> None:
    side = Handshake(Pattern.XK, initiator=True, prologue=b"", static=STATICS[0], remote=bytes(32))
    with pytest.raises(BadHandshake):
        side.write()
    with pytest.raises(CallerError):
        side.write()


def test_out_of_turn_nothing_is_done() -> None:
    one, two = pair(Pattern.XK)
    with pytest.raises(CallerError, match="other's turn"):
        one.read(b"")
    with pytest.raises(CallerError, match="other's turn"):
        two.write()
    with pytest.raises(CallerError, match="not finished"):
        one.split()


def test_a_message_too_long_for_noise_is_refused() -> None:
    one, _ = pair(Pattern.XK)
    with pytest.raises(CallerError, match="at most 65535"):
        one.write(bytes(65535))


@pytest.mark.parametrize(
    "pattern, initiator, remote",
    [
        (Pattern.XK, True, None),
        (Pattern.KK, False, None),
        (Pattern.XK, False, bytes(32)),
        (Pattern.XXPSK3, True, bytes(32)),
    ],
)
def test_who_must_know_whom_is_checked(pattern: Pattern, initiator: bool, remote: bytes | None) -> None:
    with pytest.raises(CallerError, match="beforehand"):
        Handshake(pattern, initiator=initiator, prologue=b"", static=STATICS[0], remote=remote)


@pytest.mark.parametrize("pattern, secret", [(Pattern.XXPSK3, None), (Pattern.KK, SECRET)])
def test_whether_there_is_a_secret_is_checked(pattern: Pattern, secret: bytes | None) -> None:
    remote = bytes(32) if KNOWS[pattern][0] else None
    with pytest.raises(CallerError, match="whether"):
        Handshake(pattern, initiator=True, prologue=b"", static=STATICS[0], remote=remote, secret=secret)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(CallerError, match="32 bytes"):
        side_of(Pattern.XXPSK3, 0, secret=b"short")


def test_nothing_is_sealed_before_a_key_is_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MESSAGES, Pattern.XK, ((),))
    one, _ = pair(Pattern.XK)
    with pytest.raises(CallerError, match="before a key"):
        one.write()

from itertools import count

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from components.mesh import aead
from components.mesh.aead import Cipher, OpenKey, SealKey, agree, measure, preferred
from components.mesh.errors import CallerError, KeySpent, MeshError, TagError
from signal_bus.identity import hkdf

KEY = bytes(range(32))
ciphers = pytest.mark.parametrize("cipher", Cipher)


def seal(key: SealKey, plain: bytes, aad: bytes = b"") -> bytes:
    out = bytearray(len(plain) + aead.TAG_BYTES)
    key.seal(plain, aad, out)
    return bytes(out)


def unseal(key: OpenKey, sealed: bytes, aad: bytes = b"") -> bytes:
    out = bytearray(len(sealed) - aead.TAG_BYTES)
    key.open(sealed, aad, out)
    return bytes(out)


def test_a_message_is_sealed_as_the_standards_say() -> None:
    nonce = bytes(11) + b"\x01"
    for cipher, standard in ((Cipher.AES, AESGCM(KEY)), (Cipher.CHACHA, ChaCha20Poly1305(KEY))):
        key = SealKey(cipher, KEY)
        seal(key, b"first")
        assert seal(key, b"second", b"head") == standard.encrypt(nonce, b"second", b"head")


@ciphers
@given(messages=st.lists(st.tuples(st.binary(max_size=100), st.binary(max_size=9)), max_size=8))
def test_what_was_sealed_in_order_opens_in_order(cipher: Cipher, messages: list[tuple[bytes, bytes]]) -> None:
    one, two = SealKey(cipher, KEY), OpenKey(cipher, KEY)
    assert [unseal(two, seal(one, plain, aad), aad) for plain, aad in messages] == [
        plain for plain, _ in messages
    ]


@ciphers
def test_equal_messages_never_look_alike(cipher: Cipher) -> None:
    key = SealKey(cipher, KEY)
    assert len({seal(key, b"same") for _ in range(100)}) == 100


@ciphers
def test_a_message_left_out_or_repeated_does_not_open(cipher: Cipher) -> None:
    one = SealKey(cipher, KEY)
    first, second = seal(one, b"first"), seal(one, b"second")
    with pytest.raises(TagError):
        unseal(OpenKey(cipher, KEY), second)
    two = OpenKey(cipher, KEY)
    unseal(two, first)
    with pytest.raises(TagError):
        unseal(two, first)


@ciphers
def test_after_the_next_key_both_sides_still_agree(cipher: Cipher) -> None:
    one, two = SealKey(cipher, KEY), OpenKey(cipher, KEY)
    before = seal(one, b"x")
    unseal(two, before)
    one.ratchet()
    two.ratchet()
    assert unseal(two, seal(one, b"after")) == b"after"
    assert seal(SealKey(cipher, hkdf(KEY, b"viscript mesh 1 next key")), b"after") != before


def test_the_next_key_starts_counting_at_nothing() -> None:
    one, fresh = SealKey(Cipher.AES, KEY), SealKey(Cipher.AES, hkdf(KEY, aead.NEXT_KEY))
    seal(one, b"x")
    one.ratchet()
    assert seal(one, b"y") == seal(fresh, b"y")


def test_a_key_is_due_by_its_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aead, "DUE_MESSAGES", 2)
    key = SealKey(Cipher.AES, KEY)
    for due in (False, False, True):
        assert key.due is due
        seal(key, b"x")
    key.ratchet()
    assert not key.due


def test_a_key_is_due_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aead, "DUE_BYTES", 10)
    key = SealKey(Cipher.AES, KEY)
    seal(key, b"123456789")
    assert not key.due
    seal(key, b"0")
    assert key.due


def test_a_key_is_due_ten_minutes_after_the_first_tick() -> None:
    key = SealKey(Cipher.AES, KEY)
    for now, due in ((5000.0, False), (5599.9, False), (5600.0, True)):
        key.tick(now)
        assert key.due is due
    key.ratchet()
    assert not key.due
    key.tick(6199.9)
    assert not key.due
    key.tick(6200.0)
    assert key.due


@pytest.mark.parametrize("limit", ["KEY_LIMIT_BYTES", "KEY_LIMIT_MESSAGES"])
def test_a_spent_key_refuses_and_never_wraps(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(aead, limit, 3)
    one, two = SealKey(Cipher.AES, KEY), OpenKey(Cipher.AES, KEY)
    sealed = [seal(one, b"x") for _ in range(3)]
    with pytest.raises(KeySpent):
        seal(one, b"x")
    for message in sealed:
        unseal(two, message)
    with pytest.raises(KeySpent, match="3 messages and 3 bytes"):
        unseal(two, bytes(17))
    one.ratchet()
    seal(one, b"x")


def test_the_bounds_are_those_of_the_cipher() -> None:
    assert aead.DUE_BYTES + 2**30 <= aead.KEY_LIMIT_BYTES == 2**32 * 16
    assert aead.DUE_MESSAGES < aead.KEY_LIMIT_MESSAGES <= 2**32


@ciphers
@given(data=st.data())
def test_every_changed_bit_is_noticed(cipher: Cipher, data: st.DataObject) -> None:
    sealed = bytearray(seal(SealKey(cipher, KEY), b"some text", b"head"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TagError):
        unseal(OpenKey(cipher, KEY), bytes(sealed), b"head")


@ciphers
@given(sealed=st.binary(min_size=16, max_size=100), aad=st.binary(max_size=9))
def test_random_bytes_do_not_open(cipher: Cipher, sealed: bytes, aad: bytes) -> None:
    with pytest.raises(TagError):
        unseal(OpenKey(cipher, KEY), sealed, aad)


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(CallerError, match="32 bytes, not 16"):
        SealKey(Cipher.AES, bytes(16))


def test_no_key_is_shown() -> None:
    key = SealKey(Cipher.AES, KEY)
    assert repr(key) == "SealKey(aes-256-gcm, counter=0)"


@pytest.mark.parametrize(
    "aes_s, chacha_s, first",
    [(1.0, 4.0, Cipher.AES), (1.0, 1.0, Cipher.AES), (1.0, 0.95, Cipher.AES), (4.0, 1.0, Cipher.CHACHA)],
)
def test_the_cipher_that_is_faster_here_comes_first(aes_s: float, chacha_s: float, first: Cipher) -> None:
    readings = count()
    took = iter([aes_s] * 8 + [chacha_s] * 8)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += next(took) if next(readings) % 2 else 0.0
        return now

    order = measure(clock)
    assert order[0] is first
    assert set(order) == set(Cipher)


def test_the_measurement_is_made_once() -> None:
    assert preferred() is preferred()
    assert set(preferred()) == set(Cipher)


AES, CHACHA = Cipher.AES, Cipher.CHACHA


@pytest.mark.parametrize(
    "offered, own, agreed",
    [
        ((AES.value, CHACHA.value), (AES, CHACHA), AES),
        ((CHACHA.value, AES.value), (AES, CHACHA), CHACHA),
        ((AES.value, CHACHA.value), (CHACHA, AES), CHACHA),
        (("quantum-9", AES.value), (CHACHA, AES), AES),
        ((AES.value,), (CHACHA, AES), AES),
        (("quantum-9",), (CHACHA, AES), None),
        ((), (AES,), None),
    ],
)
def test_two_sides_agree_on_what_is_bad_for_none(
    offered: tuple[str, ...], own: tuple[Cipher, ...], agreed: Cipher | None
) -> None:
    assert agree(offered, own) is agreed


def test_errors_are_of_the_mesh() -> None:
    assert issubclass(TagError, MeshError)
    assert issubclass(KeySpent, MeshError)

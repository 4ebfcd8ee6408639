import hashlib
import os
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base
from zmq.utils import z85

from signal_bus.errors import CallerError, KeyFileError
from signal_bus.identity import (
    Identity,
    agreement_key,
    draw,
    has_twin_bit,
    hkdf,
    is_usable,
    load,
    load_or_create,
    verify,
)
from signal_bus.ids import PublicKey

SEED = bytes(range(32))


def test_hkdf_is_rfc_5869_with_sha_256() -> None:
    # RFC 5869, test case 3: no salt, no info; its first 32 bytes.
    assert hkdf(b"\x0b" * 22, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_the_curve_pair_is_one_libzmq_accepts() -> None:
    pair = Identity(SEED).curve()
    assert z85.decode(zmq.curve_public(z85.encode(pair.secret))) == pair.public


def test_the_curve_pair_comes_from_the_seed_alone() -> None:
    assert Identity(SEED).curve() == Identity(SEED).curve() != Identity(SEED[::-1]).curve()


def test_no_secret_is_shown() -> None:
    identity = Identity(SEED)
    shown = repr(identity) + repr(identity.curve())
    assert SEED.hex() not in shown
    assert repr(identity.curve().secret) not in shown


def test_a_signature_holds_for_its_purpose_only() -> None:
    identity = Identity(SEED)
    signature = identity.sign(b"order", b"data")
    assert verify(identity.public_key, b"order", b"data", signature)
    assert not verify(identity.public_key, b"hello", b"data", signature)
    assert not verify(identity.public_key, b"order", b"date", signature)
    assert not verify(identity.public_key, b"orderd", b"ata", signature)


@given(key=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_malformed_keys_and_signatures_are_just_wrong(key: bytes, signature: bytes) -> None:
    assert not verify(PublicKey(key), b"order", b"data", signature)


def test_a_context_has_1_to_255_bytes() -> None:
    for context in (b"", b"x" * 256):
        with pytest.raises(CallerError):
            Identity(SEED).sign(context, b"")


def test_a_seed_has_32_bytes() -> None:
    with pytest.raises(CallerError):
        Identity(b"short")


def test_it_is_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    first = load_or_create(path)
    assert load_or_create(path).public_key == first.public_key
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["identity"]
    assert first.name == first.public_key.hex()


def test_the_second_of_two_makers_takes_the_seed_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "identity"
    first = load_or_create(path)
    real = os.open
    missing = [path]

    def racing(name: Path, flags: int, mode: int = 0o777) -> int:
        if missing and name == missing[0]:
            missing.clear()
            raise FileNotFoundError
        return real(name, flags, mode)

    monkeypatch.setattr(os, "open", racing)
    assert load_or_create(path).public_key == first.public_key
    assert os.listdir(tmp_path) == ["identity"]


def test_a_file_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="others may read it"):
        load(path)


@pytest.mark.parametrize("text", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_file_that_holds_no_seed_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="64 hexadecimal digits"):
        load(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    load_or_create(tmp_path / "real")
    (tmp_path / "identity").symlink_to("real")
    with pytest.raises(KeyFileError):
        load_or_create(tmp_path / "identity")


def test_a_folder_that_is_missing_is_an_error_of_the_world(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError):
        load_or_create(tmp_path / "no" / "identity")


def test_a_new_identity_is_one_that_programs_made_for_skywire_accept() -> None:
    seeds = iter(bytes([n]) * 32 for n in range(256))
    seed = draw(lambda size: next(seeds))
    skipped = [bytes([n]) * 32 for n in range(seed[0])]
    assert is_usable(Identity(seed).public_key)
    assert not any(is_usable(Identity(each).public_key) for each in skipped)


def test_four_draws_are_needed_on_average() -> None:
    usable = [is_usable(Identity(bytes([n]) * 32).public_key) for n in range(256)]
    assert 40 < sum(usable) < 90


@given(st.binary(min_size=32, max_size=32))
def test_a_usable_key_has_bit_255_clear_and_is_below_the_prime(key: bytes) -> None:
    if is_usable(key):
        assert not has_twin_bit(key)
    assert not is_usable(b"\xff" * 31 + b"\x7f")


def test_a_made_identity_is_usable(tmp_path: Path) -> None:
    assert is_usable(load_or_create(tmp_path / "identity").public_key)


def kept(path: Path, usable: bool, twin: bool) -> Identity:
    for n in range(256):
        identity = Identity(bytes([n]) * 32)
        key = identity.public_key
        if (is_usable(key), has_twin_bit(key)) == (usable, twin):
            path.write_text((bytes([n]) * 32).hex() + "\n")
            path.chmod(0o600)
            return identity
    raise AssertionError


def test_an_identity_of_before_that_is_no_coordinate_stays_valid(tmp_path: Path) -> None:
    identity = kept(tmp_path / "identity", usable=False, twin=False)
    assert load(tmp_path / "identity").public_key == identity.public_key


def test_an_identity_with_bit_255_set_is_refused_with_what_to_do(tmp_path: Path) -> None:
    kept(tmp_path / "identity", usable=False, twin=True)
    with pytest.raises(KeyFileError, match=r"bit 255 of its public key is set.*move it away"):
        load_or_create(tmp_path / "identity")


def test_the_agreement_key_is_libsodiums_conversion() -> None:
    # SHA-512 of the seed, clamped.
    secret = bytearray(hashlib.sha512(SEED).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    assert Identity(SEED).agreement_secret() == bytes(secret)


def test_what_is_derived_serves_one_purpose_of_one_host() -> None:
    one, other = Identity(bytes(range(32))), Identity(bytes(32))
    made = {one.derive(b"a"), one.derive(b"b"), other.derive(b"a"), one.curve().secret}
    assert len(made) == 4
    assert one.derive(b"a") in made


def test_the_agreement_key_goes_with_the_agreement_secret() -> None:
    identity = Identity(draw())
    assert agreement_key(identity.public_key) == crypto_scalarmult_base(identity.agreement_secret())


def test_what_is_no_point_has_no_agreement_key() -> None:
    with pytest.raises(CallerError, match="no X25519 key"):
        agreement_key(PublicKey(b"\x02" + bytes(30) + b"\x01"))
    with pytest.raises(CallerError):
        agreement_key(PublicKey(b"short"))

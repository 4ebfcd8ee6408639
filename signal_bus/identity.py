"""The host's identity: one Ed25519 seed in a file of mode 0600, and what is derived from it.

file        64 hexadecimal digits and a newline: the seed
signature   Ed25519 over  len(context) u8 | context | data, so that a signature made for one purpose
            never passes for another
CURVE key   secret = HKDF-SHA256(seed, info="viscript curve 1"), so that no key serves two primitives
X25519 key  libsodium's conversion of the Ed25519 key; for handshakes of the mesh only

A public key has bit 255 clear: its twin with that bit set would be another name with the same X25519 key. A
new one is also an x coordinate of secp256k1, because programs made for Skywire take no other key
(`is_usable`).
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from nacl.bindings import (
    crypto_scalarmult_base,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
)
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from signal_bus.errors import CallerError, KeyFileError
from signal_bus.ids import CurveKey, PublicKey

SEED_BYTES: Final = 32
CURVE_CONTEXT: Final = b"viscript curve 1"
TWIN_BIT: Final = 0x80  # bit 255, in the last of the 32 bytes
_SECP256K1_P: Final = 2**256 - 2**32 - 977


@dataclass(frozen=True)
class CurvePair:
    """A key pair for CURVE; the secret is kept out of `repr`."""

    public: CurveKey
    secret: CurveKey = field(repr=False)


class Identity:
    """Signs for one host. Its public key is the host's name."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise CallerError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = seed
        self._key = SigningKey(seed)

    def __repr__(self) -> str:
        return f"Identity({self.public_key.hex()})"

    @property
    def public_key(self) -> PublicKey:
        """The 32 bytes others know this host by."""
        return PublicKey(bytes(self._key.verify_key))

    @property
    def name(self) -> str:
        """The public key in hexadecimal, for people and files."""
        return self.public_key.hex()

    def sign(self, context: bytes, data: bytes) -> bytes:
        """A 64-byte signature that holds for this purpose only."""
        return self._key.sign(_bound(context, data)).signature

    def curve(self) -> CurvePair:
        """The CURVE key pair of this host."""
        return self._curve

    @cached_property
    def _curve(self) -> CurvePair:
        return curve_pair(hkdf(self._seed, CURVE_CONTEXT))

    def derive(self, info: bytes) -> bytes:
        """32 bytes that only this host can make, for one purpose."""
        return hkdf(self._seed, info)

    def agreement_secret(self) -> bytes:
        """The X25519 secret that goes with this key, for a handshake; never stored, never sent."""
        return crypto_sign_ed25519_sk_to_curve25519(self._seed + self.public_key)


def verify(public_key: PublicKey, context: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the holder of `public_key` signed `data` for this purpose; false for malformed input."""
    try:
        VerifyKey(public_key).verify(_bound(context, data), signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def agreement_key(public_key: PublicKey) -> bytes:
    """The X25519 key that goes with a public key. Raises `CallerError` for one that is no point."""
    try:
        return crypto_sign_ed25519_pk_to_curve25519(public_key)
    except (RuntimeError, ValueError, TypeError) as exc:
        raise CallerError(f"{bytes(public_key).hex()} has no X25519 key") from exc


def curve_pair(secret: bytes) -> CurvePair:
    """The CURVE key pair with this secret."""
    return CurvePair(CurveKey(crypto_scalarmult_base(secret)), CurveKey(secret))


def hkdf(seed: bytes, info: bytes) -> bytes:
    """32 bytes derived from `seed` for one purpose (RFC 5869, SHA-256, no salt)."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), seed, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def has_twin_bit(public_key: bytes) -> bool:
    """Whether bit 255 is set: such a key is refused everywhere."""
    return bool(public_key[SEED_BYTES - 1] & TWIN_BIT)


def is_usable(public_key: bytes) -> bool:
    """Whether a new identity may have this key: bit 255 clear, and an x coordinate of secp256k1."""
    x = int.from_bytes(public_key, "big")
    if has_twin_bit(public_key) or x >= _SECP256K1_P:
        return False
    return pow(x**3 + 7, (_SECP256K1_P - 1) // 2, _SECP256K1_P) == 1


def draw(random: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """The seed of a new identity: drawn until its key is usable, four times on average."""
    while True:
        seed = random(SEED_BYTES)
        if is_usable(Identity(seed).public_key):
            return seed


def load_or_create(path: Path) -> Identity:
    """The identity kept at `path`, made there first if there is none. Raises `KeyFileError`."""
    try:
        return load(path)
    except FileNotFoundError:
        _create(path, draw())
        return load(path)


def load(path: Path) -> Identity:
    """The identity kept at `path`. Raises `FileNotFoundError`, or `KeyFileError` if it must not be used."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise KeyFileError(str(path), exc.strerror or str(exc)) from exc
    with open(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_mode & 0o077:
            raise KeyFileError(str(path), f"others may read it (chmod 600 {path})")
        text = file.read(3 * SEED_BYTES)
    try:
        identity = Identity(bytes.fromhex(text.decode("ascii")))
    except (ValueError, CallerError) as exc:
        raise KeyFileError(str(path), "it does not hold 64 hexadecimal digits") from exc
    if has_twin_bit(identity.public_key):
        raise KeyFileError(
            str(path),
            "bit 255 of its public key is set: nobody accepts it; move it away to get a new one",
        )
    return identity


def _create(path: Path, seed: bytes) -> None:
    """Put a whole file in place; of two processes that try, one wins and both use its seed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(seed.hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # the other process was first: its seed holds
            os.link(draft, path)
    except OSError as exc:
        raise KeyFileError(str(path), exc.strerror or str(exc)) from exc
    finally:
        draft.unlink(missing_ok=True)


def _bound(context: bytes, data: bytes) -> bytes:
    if not 0 < len(context) < 256:
        raise CallerError("a signature's context has 1 to 255 bytes")
    return bytes([len(context)]) + context + data

"""Public keys: which are valid, how they are written, and their X25519 half.

A key is valid when it is a point of Ed25519 of the main subgroup, in its one encoding, with bit 255 clear
(its twin with that bit set would be another name with the same X25519 key). Every key from outside passes
`check` or `parse`.

form        length  holds
hex         64      the 32 bytes; what we write
hex66       66      `02` and the 64 digits; what the services' JSON and pipe apps have
spoken      62      base32 (RFC 4648, small letters) of key | first 3 bytes of SHA-256("viscript key 1" |
                    key),
                    in 7 groups of 8 with dashes between them; dashes are optional, a 0 is read as o, a 1 as l
"""

import base64
import binascii
import hashlib
from functools import lru_cache
from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_ed25519_pk_to_curve25519

from components.mesh.errors import BadKey
from signal_bus.identity import has_twin_bit
from signal_bus.ids import PublicKey

KEY_BYTES: Final = 32
CHECK_BYTES: Final = 3
CHECK_CONTEXT: Final = b"viscript key 1"
HEX_DIGITS: Final = 64
SPOKEN_LETTERS: Final = 56
KNOWN_MOST: Final = 1024  # keys whose check is remembered
GROUP: Final = 8
PREFIX: Final = "02"
LONGEST: Final = 80  # of any text that is looked at
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")


def check(data: bytes) -> PublicKey:
    """These bytes as a key. Raises `BadKey` saying what is wrong with them."""
    if len(data) != KEY_BYTES:
        raise BadKey(f"a public key has {KEY_BYTES} bytes, not {len(data)}")
    if has_twin_bit(data):
        raise BadKey(f"{data.hex()} is no public key: bit 255 is set")
    if not _is_point(bytes(data)):
        raise BadKey(f"{data.hex()} is no public key: not a point of Ed25519")
    return PublicKey(bytes(data))


@lru_cache(KNOWN_MOST)
def _is_point(data: bytes) -> bool:
    """Whether it is a point of Ed25519: dear, and asked for each stream of the same few peers."""
    return crypto_core_ed25519_is_valid_point(data)


def parse(text: str) -> PublicKey:
    """The key written in any of the three forms. Raises `BadKey` saying what is wrong with it."""
    if len(text) > LONGEST:
        raise BadKey(f"a public key is not {len(text)} characters long")
    bare = text.replace("-", "")
    if len(bare) == SPOKEN_LETTERS:
        return _parse_spoken(bare)
    if not _HEXADECIMAL.issuperset(text):
        raise BadKey(f"{text!r} is no public key; 64 hexadecimal digits are expected")
    if len(text) == HEX_DIGITS:
        return check(bytes.fromhex(text))
    if len(text) == HEX_DIGITS + len(PREFIX):
        return _parse_hex66(text)
    raise BadKey(f"{text!r} is no public key: {len(text)} digits instead of 64 (or 02 and 64)")


def _parse_hex66(text: str) -> PublicKey:
    if not text.startswith(PREFIX):
        raise BadKey(f"{text!r} is no public key of this mesh: 66 digits start with {PREFIX}, not {text[:2]}")
    return check(bytes.fromhex(text[len(PREFIX) :]))


def _parse_spoken(bare: str) -> PublicKey:
    try:
        data = base64.b32decode(bare, casefold=True, map01="L")
    except (binascii.Error, ValueError) as exc:
        raise BadKey(f"{bare!r} is no public key: letters and 2 to 7 are expected") from exc
    key, told = data[:KEY_BYTES], data[KEY_BYTES:]
    if told != _check_bytes(key):
        raise BadKey(f"{bare!r} is no public key: its last letters do not fit, one is mistyped")
    return check(key)


def spoken(key: PublicKey) -> str:
    """The form for people to read out or copy by hand; a slip in it is noticed."""
    letters = base64.b32encode(key + _check_bytes(key)).decode("ascii").lower()
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def hex66(key: PublicKey) -> str:
    """`02` and 64 digits: the form of the services' JSON."""
    return PREFIX + key.hex()


def order(key: PublicKey) -> int:
    """What keys are sorted by where two sides must agree: the big-endian integer."""
    return int.from_bytes(key, "big")


def agreement_key(key: PublicKey) -> bytes:
    """The X25519 key of `key`, by libsodium's conversion. Raises `BadKey` where there is none."""
    try:
        return crypto_sign_ed25519_pk_to_curve25519(key)
    except (RuntimeError, ValueError, TypeError) as exc:
        raise BadKey(f"{key.hex()} has no X25519 key") from exc


def _check_bytes(key: bytes) -> bytes:
    return hashlib.sha256(CHECK_CONTEXT + key).digest()[:CHECK_BYTES]

"""The three words both screens show, and how neither side can steer them. Pure.

When the handshake is over, its hash is fixed. The inviter draws a number and sends a hash of it (`commit`);
the joiner answers with a number of its own; the inviter shows his. The words are a hash of all three. The
inviter was bound before it knew the joiner's number, and the joiner chose before it knew the inviter's: who
sits between two handshakes has one try in 2^48 to make the words equal, and no way to try again unseen.
"""

import hashlib
import hmac
from typing import Final

from viscript.fingerprint import proquint

COUNT: Final = 3
NONCE_BYTES: Final = 32
_COMMIT: Final = b"viscript pairing commit 1"
_WORDS: Final = b"viscript pairing words 1"


def commit(hashed: bytes, nonce: bytes) -> bytes:
    """What binds the inviter to its number, in this handshake only."""
    return hashlib.sha256(_COMMIT + hashed + nonce).digest()


def is_committed(told: bytes, hashed: bytes, nonce: bytes) -> bool:
    """Whether this is the number the inviter was bound to."""
    return hmac.compare_digest(told, commit(hashed, nonce))


def words(hashed: bytes, joiner: bytes, inviter: bytes) -> str:
    """The words of a handshake and both numbers."""
    digest = hashlib.sha256(_WORDS + hashed + joiner + inviter).digest()
    return " ".join(proquint(int.from_bytes(digest[at : at + 2], "big")) for at in range(0, 2 * COUNT, 2))


def are_same(given: str, shown: str) -> bool:
    """Whether somebody read out these words, however they were separated."""
    return hmac.compare_digest(_plain(given).encode(), _plain(shown).encode())


def _plain(text: str) -> str:
    return " ".join(text.replace("-", " ").replace(",", " ").lower().split())

"""The keys that programs made for Skywire accept: x coordinates of secp256k1.

Such a program reads `02` and 32 bytes as a compressed point, and refuses what is none. To it the key is a
name only; nothing is ever computed with the point. A key of ours that is no x coordinate shows those
programs an alias: the first x coordinate among SHA-256("viscript pipe alias 1" | key | counter u32), counter
from 0. Everyone can work it out.
"""

import hashlib
from itertools import count
from typing import Final

from signal_bus.ids import PublicKey

P: Final = 2**256 - 2**32 - 977
ALIAS_CONTEXT: Final = b"viscript pipe alias 1"
X_BYTES: Final = 32


def is_secp256k1_x(data: bytes) -> bool:
    """Whether these 32 bytes (big endian) are the x coordinate of a point of secp256k1."""
    x = int.from_bytes(data, "big")
    if len(data) != X_BYTES or x >= P:
        return False
    # Euler's criterion. No point has y = 0, so x**3 + 7 is never 0 mod P.
    return pow(x**3 + 7, (P - 1) // 2, P) == 1


def pipe_alias(key: PublicKey) -> bytes:
    """The 32 bytes that pipe apps know `key` by: the key itself where they accept it, else a hash of it."""
    if is_secp256k1_x(key):
        return key
    for counter in count():  # pragma: no branch
        alias = hashlib.sha256(ALIAS_CONTEXT + key + counter.to_bytes(4, "big")).digest()
        if is_secp256k1_x(alias):
            return alias
    raise AssertionError("counting has no end")  # pragma: no cover

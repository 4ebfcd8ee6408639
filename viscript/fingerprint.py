"""A public key as words that two people can compare by voice. Pure.

The words are proquints (https://arxiv.org/abs/0901.4016): five letters, consonants and vowels in
turn, 16 bits each. They stand for a slow hash of the key, so that a key with chosen words costs
an attacker 2^96 slow hashes.
"""

import hashlib
from functools import cache
from typing import Final

WORDS: Final = 6
_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_SALT: Final = b"viscript fingerprint 1"
_COST: Final = 2**14  # 16 MiB and some tens of milliseconds


@cache
def fingerprint(public_key: str) -> str:
    """Six words for a key in hex; the same key always gives the same words."""
    digest = hashlib.scrypt(
        bytes.fromhex(public_key), salt=_SALT, n=_COST, r=8, p=1, maxmem=64 * 2**20, dklen=2 * WORDS
    )
    return " ".join(proquint(int.from_bytes(digest[at : at + 2], "big")) for at in range(0, 2 * WORDS, 2))


def proquint(number: int) -> str:
    """16 bits as five letters: `0x7f00` is `lusab`."""
    return "".join(
        letters[number >> shift & len(letters) - 1]
        for letters, shift in (
            (_CONSONANTS, 12),
            (_VOWELS, 10),
            (_CONSONANTS, 6),
            (_VOWELS, 4),
            (_CONSONANTS, 0),
        )
    )

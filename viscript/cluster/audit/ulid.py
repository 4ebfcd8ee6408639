"""ULIDs: ids of 26 letters that sort by the time they were made. Pure.

48 bits of milliseconds, 80 bits of chance, in Crockford's base 32.
"""

from typing import Final

LETTERS: Final = 26
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_BITS: Final = 48
CHANCE_BYTES: Final = 10


def ulid(now: float, chance: bytes) -> str:
    """The id for a time, seconds since the epoch, and `CHANCE_BYTES` of chance."""
    stamp = min(max(int(now * 1000), 0), (1 << _TIME_BITS) - 1)
    number = stamp << (8 * CHANCE_BYTES) | int.from_bytes(chance[:CHANCE_BYTES])
    return "".join(_ALPHABET[number >> (5 * place) & 31] for place in reversed(range(LETTERS)))


def time_of(text: str) -> float:
    """When an id was made, seconds since the epoch; 0 for what is none."""
    number = 0
    for letter in text[: LETTERS - 16].upper():
        place = _ALPHABET.find(letter)
        if place < 0 or len(text) != LETTERS:
            return 0.0
        number = number << 5 | place
    return number / 1000

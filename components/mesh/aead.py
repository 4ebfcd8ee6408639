"""Sealing and opening with a key of one direction: AES-256-GCM or ChaCha20-Poly1305, counters, new keys.

nonce     4 zero bytes | counter u64 big endian; from 0 with each key, never sent, never used twice
next key  HKDF-SHA256(key, info = "viscript mesh 1 next key"): the old one is forgotten, so what it sealed
          stays shut

The two sides count alike, because what they seal and open is in order and complete. When a key is used up,
by bytes, messages or age, the sealing side takes the next key and tells the other in a way of the format
above (in records: a bit). A counter that could come near its end raises `KeySpent`; it never wraps.

`cryptography`'s `_into` calls need an output that does not overlap the input: with overlap some releases
write a wrong text with a right tag. Callers use separate buffers.
"""

import time
from collections.abc import Callable
from enum import Enum
from functools import cache
from struct import pack_into
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from components.mesh.errors import CallerError, KeySpent, TagError
from signal_bus.identity import hkdf

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
NEXT_KEY: Final = b"viscript mesh 1 next key"
KEY_LIMIT_BYTES: Final = 2**36  # 64 GiB: AES-GCM must not seal more than 2**32 blocks of 16 bytes
KEY_LIMIT_MESSAGES: Final = 2**32
# The next key is taken well before.
DUE_BYTES: Final = KEY_LIMIT_BYTES - 2**30
DUE_MESSAGES: Final = KEY_LIMIT_MESSAGES // 2
DUE_AGE_S: Final = 600.0

Buffer = bytes | bytearray | memoryview


class Cipher(Enum):
    """A record cipher by its name on the wire."""

    AES = "aes-256-gcm"
    CHACHA = "chacha20-poly1305"


_MAKERS: Final[dict[Cipher, type[AESGCM] | type[ChaCha20Poly1305]]] = {
    Cipher.AES: AESGCM,
    Cipher.CHACHA: ChaCha20Poly1305,
}


class _DirectionKey:
    """A key, its counter, and what it has done so far."""

    def __init__(self, cipher: Cipher, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise CallerError(f"a record key has {KEY_BYTES} bytes, not {len(key)}")
        self.cipher = cipher
        self._now: float | None = None
        self._nonce = bytearray(NONCE_BYTES)
        self._install(key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.cipher.value}, counter={self._counter})"

    def ratchet(self) -> None:
        """Take the next key and forget this one."""
        self._install(hkdf(self._key, NEXT_KEY))

    def _install(self, key: bytes) -> None:
        aead = _MAKERS[self.cipher](key)
        self._encrypt_into, self._decrypt_into = aead.encrypt_into, aead.decrypt_into
        self._key = key
        self._since = self._now
        self._old = False
        self._counter = 0
        self._bytes = 0

    def _advance(self, size: int) -> bytearray:
        """The next nonce. Raises `KeySpent` where the key must not be used any more."""
        counter = self._counter
        if counter >= KEY_LIMIT_MESSAGES or self._bytes + size > KEY_LIMIT_BYTES:
            raise KeySpent(f"a key has done {counter} messages and {self._bytes} bytes")
        nonce = self._nonce
        pack_into(">Q", nonce, 4, counter)
        self._counter = counter + 1
        self._bytes += size
        return nonce


class SealKey(_DirectionKey):
    """Seals what goes out, in order."""

    @property
    def due(self) -> bool:
        """Whether the next key should be taken now, by what this one did and its age at the last `tick`."""
        return self._old or self._bytes >= DUE_BYTES or self._counter >= DUE_MESSAGES

    def tick(self, now: float) -> None:
        """Say what time it is (monotonic seconds), at least once a minute; the first call starts its age."""
        if self._since is None:
            self._since = now
        self._now = now
        self._old = now - self._since >= DUE_AGE_S

    def seal(self, plain: Buffer, aad: Buffer, out: bytearray | memoryview) -> None:
        """Seal `plain` into `out`, which is exactly `TAG_BYTES` longer and another buffer."""
        self._encrypt_into(self._advance(len(plain)), plain, aad, out)


class OpenKey(_DirectionKey):
    """Opens what comes in, in the same order."""

    def open(self, sealed: Buffer, aad: Buffer, out: bytearray | memoryview) -> None:
        """Open `sealed` into `out`, which is exactly `TAG_BYTES` shorter and another buffer.

        Raises `TagError`: then `out` holds nothing of worth, and whatever `sealed` came on must be closed.
        """
        nonce = self._advance(len(sealed) - TAG_BYTES)
        try:
            self._decrypt_into(nonce, sealed, aad, out)
        except InvalidTag as exc:
            raise TagError("a tag does not fit: changed, out of order, or by another key") from exc


def measure(clock: Callable[[], float]) -> tuple[Cipher, ...]:
    """The ciphers, the faster here first. AES-256-GCM is first when both are about as fast."""
    plain, out, nonce = bytearray(2**16), bytearray(2**16 + TAG_BYTES), bytes(NONCE_BYTES)
    taken = {}
    for cipher in Cipher:
        aead = _MAKERS[cipher](bytes(KEY_BYTES))
        rounds = []
        for _ in range(8):
            started = clock()
            aead.encrypt_into(nonce, plain, None, out)
            rounds.append(clock() - started)
        taken[cipher] = min(rounds)
    chacha_first = taken[Cipher.CHACHA] < 0.9 * taken[Cipher.AES]
    return (Cipher.CHACHA, Cipher.AES) if chacha_first else (Cipher.AES, Cipher.CHACHA)


@cache
def preferred() -> tuple[Cipher, ...]:
    """The ciphers in the order this machine likes them, measured once a process in about a millisecond."""
    return measure(time.perf_counter)


def agree(offered: tuple[str, ...], own: tuple[Cipher, ...]) -> Cipher | None:
    """What two sides use whose first choices come first; None where they have nothing in common.

    The same first choice, else ChaCha20-Poly1305, which no machine is bad at.
    """
    ours = [cipher for cipher in own if cipher.value in offered]
    theirs = [cipher for name in offered for cipher in ours if cipher.value == name]
    if not ours:
        return None
    return ours[0] if ours[0] is theirs[0] else Cipher.CHACHA

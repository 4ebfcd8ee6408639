"""The channel between two gateways: Noise XK with the clusters' own keys, then sealed messages. Pure.

    frame      length u16 big endian | payload
    1  ->      e, es                            who connects must know the other's cluster key
    2  <-      e, ee                            proves that the other has it
    3  ->      s, se   payload: Ed25519 key 32  proves who connects
    message    sealed frames; the first begins with the length of the message, u32 big endian

The key of a cluster is thereby its proof: nobody else can answer for it, wherever the connection led. One
message goes each way, the caller's first. Each direction has its key and counts its frames.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from signal_bus.errors import CallerError
from signal_bus.identity import Identity, agreement_key, has_twin_bit
from signal_bus.ids import PublicKey
from signal_bus.noise import KEY_BYTES, TAG_BYTES, BadHandshake, Handshake, Pattern
from viscript.cluster.pairing.frames import LONG, frame
from viscript.errors import ViscriptError

PROLOGUE: Final = b"viscript clusters 1"
PIECE: Final = LONG - TAG_BYTES
_NONCE: Final = struct.Struct("<4xQ")
_LENGTH: Final = struct.Struct(">I")


class BadChannel(ViscriptError):
    """The other side is not who it should be, or what came is not what it sent."""


class Caller:
    """The side that connects to the cluster with the key `other`. Raises `BadChannel`."""

    def __init__(self, own: Identity, other: PublicKey) -> None:
        self._own = own
        self._handshake = Handshake(
            Pattern.XK,
            initiator=True,
            prologue=PROLOGUE,
            static=own.agreement_secret(),
            remote=_agreed(other),
        )

    def first(self) -> bytes:
        """The first frame."""
        return frame(self._handshake.write())

    def third(self, second: bytes) -> tuple[bytes, Sealed]:
        """The last frame of the handshake, and the channel."""
        _read(self._handshake, second)
        last = frame(self._handshake.write(self._own.public_key))
        keys = self._handshake.split()
        return last, Sealed(out=keys.to_responder, into=keys.to_initiator)


class Called:
    """The side that is connected to. Raises `BadChannel`."""

    def __init__(self, own: Identity) -> None:
        self._handshake = Handshake(
            Pattern.XK, initiator=False, prologue=PROLOGUE, static=own.agreement_secret()
        )

    def second(self, first: bytes) -> bytes:
        """The answer to the first frame."""
        _read(self._handshake, first)
        return frame(self._handshake.write())

    def proved(self, third: bytes) -> tuple[PublicKey, Sealed]:
        """Who connected, and the channel."""
        key = _read(self._handshake, third)
        if len(key) != KEY_BYTES or has_twin_bit(key) or _agreed(PublicKey(key)) != self._handshake.remote:
            raise BadChannel("who connected does not have the key it names")
        keys = self._handshake.split()
        return PublicKey(key), Sealed(out=keys.to_initiator, into=keys.to_responder)


class Sealed:
    """Both directions, after the handshake. A fault leaves it useless."""

    def __init__(self, *, out: bytes, into: bytes) -> None:
        self._out, self._in = ChaCha20Poly1305(out), ChaCha20Poly1305(into)
        self._sent = self._taken = 0
        self._message = bytearray()

    def seal(self, message: bytes) -> bytes:
        """The frames of a message."""
        plain = _LENGTH.pack(len(message)) + message
        return b"".join(self._sealed(plain[at : at + PIECE]) for at in range(0, len(plain), PIECE))

    def open(self, data: bytes, most: int) -> bytes | None:
        """Take a frame; the message once it is whole, of `most` bytes. Raises `BadChannel`."""
        try:
            self._message += self._in.decrypt(_NONCE.pack(self._taken), data, None)
        except InvalidTag as exc:
            raise BadChannel("a message was changed on its way") from exc
        self._taken += 1
        if len(self._message) < _LENGTH.size:
            raise BadChannel("a message begins with its length")
        (length,) = _LENGTH.unpack_from(self._message)
        if length > most or len(self._message) - _LENGTH.size > length:
            raise BadChannel(f"a message of {length} bytes; {most} are allowed")
        return bytes(self._message[_LENGTH.size :]) if len(self._message) - _LENGTH.size == length else None

    def _sealed(self, piece: bytes) -> bytes:
        sealed = self._out.encrypt(_NONCE.pack(self._sent), piece, None)
        self._sent += 1
        return frame(sealed)


def check_key(key: PublicKey) -> None:
    """Whether a cluster can have that key. Raises `BadChannel`."""
    if has_twin_bit(key):
        raise BadChannel("bit 255 is set")
    _agreed(key)


def _agreed(key: PublicKey) -> bytes:
    try:
        return agreement_key(key)
    except CallerError as exc:
        raise BadChannel(str(exc)) from exc


def _read(handshake: Handshake, data: bytes) -> bytes:
    try:
        return handshake.read(data)
    except BadHandshake as exc:
        raise BadChannel(f"it does not have the key it should have: {exc}") from exc

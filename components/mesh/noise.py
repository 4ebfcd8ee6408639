"""Noise handshakes XK and KK over 25519_ChaChaPoly_SHA256 (Noise revision 34). Pure, but for fresh ephemeral
keys.

Only these two patterns and one suite, so that nothing can be negotiated down. `hashed` is h, `chained` is ck
of the Noise specification. One handshake serves once: after any failure it stays dead.

pattern   known before     message 1       message 2    message 3
XK        responder's s    e, es           e, ee        s, se
KK        both s           e, es, ss       e, ee, se

message    [e 32] [s 32 + tag 16] payload + tag 16; clear text never occurs: every first message mixes a key
           first
nonce      4 zero bytes | counter u64 little endian
Split      two keys: initiator to responder, responder to initiator
"""

import hashlib
import hmac
import struct
from enum import Enum
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from components.mesh.errors import CallerError, TagError, WireError

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
MAX_MESSAGE: Final = 65535
_NONCE: Final = struct.Struct("<4xQ")


class Token(Enum):
    """One step of a message: a key sent, or two keys multiplied (the initiator's is named first)."""

    E = "e"
    S = "s"
    EE = "ee"
    ES = "es"
    SE = "se"
    SS = "ss"


class Pattern(Enum):
    """A handshake pattern by its name in Noise."""

    XK = "XK"
    KK = "KK"

    @property
    def protocol(self) -> bytes:
        """The full protocol name, hashed first of all."""
        return f"Noise_{self.value}_25519_ChaChaPoly_SHA256".encode()


MESSAGES: Final[dict[Pattern, tuple[tuple[Token, ...], ...]]] = {
    Pattern.XK: ((Token.E, Token.ES), (Token.E, Token.EE), (Token.S, Token.SE)),
    Pattern.KK: ((Token.E, Token.ES, Token.SS), (Token.E, Token.EE, Token.SE)),
}


class Split(NamedTuple):
    """The two keys a finished handshake gives, and the hash that is unique to it."""

    to_responder: bytes
    to_initiator: bytes
    hashed: bytes


class _Symmetric:
    """Noise's SymmetricState and CipherState: running hash, chaining key, cipher and counter."""

    def __init__(self, protocol: bytes, prologue: bytes) -> None:
        self.hashed = (
            hashlib.sha256(protocol).digest() if len(protocol) > KEY_BYTES else protocol.ljust(32, b"\0")
        )
        self.chained = self.hashed
        self._cipher: ChaCha20Poly1305 | None = None
        self._counter = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        self.hashed = hashlib.sha256(self.hashed + data).digest()

    def mix_key(self, shared: bytes) -> None:
        self.chained, key = _derive_two(self.chained, shared)
        self._cipher = ChaCha20Poly1305(key)
        self._counter = 0

    def seal(self, plain: bytes) -> bytes:
        """EncryptAndHash."""
        cipher, nonce = self._next()
        sealed = cipher.encrypt(nonce, plain, self.hashed)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """DecryptAndHash. Raises `TagError`."""
        cipher, nonce = self._next()
        try:
            plain = cipher.decrypt(nonce, sealed, self.hashed)
        except InvalidTag as exc:
            raise TagError("the handshake is not by the key it should be") from exc
        self.mix_hash(sealed)
        return plain

    def split(self) -> Split:
        return Split(*_derive_two(self.chained, b""), self.hashed)

    def _next(self) -> tuple[ChaCha20Poly1305, bytes]:
        if self._cipher is None:
            raise CallerError("no pattern of ours seals before a key was mixed")
        nonce = _NONCE.pack(self._counter)
        self._counter += 1
        return self._cipher, nonce


class Handshake:
    """One side of one handshake: call `write` and `read` in turn until `done`, then `split`."""

    def __init__(
        self,
        pattern: Pattern,
        *,
        initiator: bool,
        prologue: bytes,
        static: bytes,
        remote: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """`static` is our X25519 secret; `remote` the peer's public key, None only where XK's responder
        learns it.

        `ephemeral` is for test vectors: left out, a fresh secret is drawn, as it must be.
        """
        if (remote is None) != (pattern is Pattern.XK and not initiator):
            raise CallerError("all but the responder of XK know the other's key beforehand")
        self.remote = remote
        self._initiator = initiator
        self._messages = list(MESSAGES[pattern])
        self._writes = initiator
        self._static = X25519PrivateKey.from_private_bytes(static)
        self._ephemeral = (
            X25519PrivateKey.from_private_bytes(ephemeral) if ephemeral else X25519PrivateKey.generate()
        )
        self._remote_ephemeral = b""
        self._dead = False
        self._symmetric = _Symmetric(pattern.protocol, prologue)
        self._mix_known(pattern)

    @property
    def done(self) -> bool:
        """Whether all messages have passed."""
        return not self._messages and not self._dead

    def write(self, payload: bytes = b"") -> bytes:
        """The next message, ours. Raises `CallerError` out of turn."""
        tokens = self._turn(writes=True)
        out = bytearray()
        try:
            for token in tokens:
                out += self._send(token)
        except BaseException:
            self._dead = True
            raise
        out += self._symmetric.seal(payload)
        if len(out) > MAX_MESSAGE:
            self._dead = True
            raise CallerError(f"a handshake message has at most {MAX_MESSAGE} bytes, not {len(out)}")
        return bytes(out)

    def read(self, message: bytes) -> bytes:
        """The payload of the next message, theirs. Raises `WireError` or `TagError`, and is dead then."""
        tokens = self._turn(writes=False)
        self._dead = True  # until all of the message was found to be good
        rest = message
        for token in tokens:
            rest = self._receive(token, rest)
        if len(rest) < TAG_BYTES:
            raise WireError(f"a handshake message of {len(message)} bytes is too short")
        payload = self._symmetric.open(rest)
        self._dead = False
        return payload

    def split(self) -> Split:
        """The keys of the session. Raises `CallerError` before the end."""
        if not self.done:
            raise CallerError("the handshake is not finished")
        return self._symmetric.split()

    def _mix_known(self, pattern: Pattern) -> None:
        """The keys known beforehand: KK the initiator's, then both the responder's."""
        own, remote = _public(self._static), self.remote or b""
        if pattern is Pattern.KK:
            self._symmetric.mix_hash(own if self._initiator else remote)
        self._symmetric.mix_hash(remote if self._initiator else own)

    def _turn(self, *, writes: bool) -> tuple[Token, ...]:
        if self._dead or not self._messages or self._writes is not writes:
            raise CallerError("the handshake is over, or it is the other's turn")
        self._writes = not writes
        return self._messages.pop(0)

    def _send(self, token: Token) -> bytes:
        if token is Token.E:
            public = _public(self._ephemeral)
            self._symmetric.mix_hash(public)
            return public
        if token is Token.S:
            return self._symmetric.seal(_public(self._static))
        self._multiply(token)
        return b""

    def _receive(self, token: Token, rest: bytes) -> bytes:
        """Take one token off the front of `rest`."""
        if token is Token.E:
            self._remote_ephemeral, rest = _cut(rest, KEY_BYTES)
            self._symmetric.mix_hash(self._remote_ephemeral)
        elif token is Token.S:
            sealed, rest = _cut(rest, KEY_BYTES + TAG_BYTES)
            self.remote = self._symmetric.open(sealed)
        else:
            self._multiply(token)
        return rest

    def _multiply(self, token: Token) -> None:
        """Mix the product of the two keys a token names."""
        steps = token.value if self._initiator else token.value[::-1]
        secret = self._ephemeral if steps[0] == "e" else self._static
        public = self._remote_ephemeral if steps[1] == "e" else self.remote
        try:
            shared = secret.exchange(X25519PublicKey.from_public_bytes(public or b""))
        except ValueError as exc:  # the product is zero: a point of small order
            raise WireError("the peer's key is one nobody may use") from exc
        self._symmetric.mix_key(shared)


def _cut(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise WireError("a handshake message is too short")
    return data[:size], data[size:]


def _public(secret: X25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes_raw()


def _derive_two(chained: bytes, material: bytes) -> tuple[bytes, bytes]:
    """HKDF of Noise with two outputs."""
    extracted = hmac.digest(chained, material, "sha256")
    first = hmac.digest(extracted, b"\x01", "sha256")
    return first, hmac.digest(extracted, first + b"\x02", "sha256")

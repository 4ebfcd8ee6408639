"""Noise handshakes XK, KK and XXpsk3 over 25519_ChaChaPoly_SHA256 (Noise revision 34). Pure, but for fresh
ephemeral keys.

Only these patterns and one suite, and the caller names the one, so that nothing can be negotiated down.
`hashed` is h, `chained` is ck of the Noise specification. One handshake serves once: after any failure it
stays dead.

pattern   known before     message 1       message 2        message 3
XK        responder's s    e, es           e, ee            s, se
KK        both s           e, es, ss       e, ee, se
XXpsk3    a secret         e               e, ee, s, es     s, se, psk

With a secret (psk), each `e` is mixed into the key as well, so the payload of XXpsk3's first message is
sealed, with a key that everyone who sees the message can work out. The secret counts from the third message
on.

message    [e 32] [s 32 + tag 16] payload + tag 16; every first message mixes a key first
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

from signal_bus.errors import CallerError, PeerError

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
MAX_MESSAGE: Final = 65535
_NONCE: Final = struct.Struct("<4xQ")


class WrongUse(CallerError):
    """Out of turn, too long, or with other keys than the pattern has."""


class BadHandshake(PeerError):
    """The peer sent bytes that are no message of this handshake."""


class BadTag(BadHandshake):
    """A message of the handshake is not by the key, or the secret, it should be by."""


class Token(Enum):
    """One step of a message: a key sent, or two keys multiplied (the initiator's is named first)."""

    E = "e"
    S = "s"
    EE = "ee"
    ES = "es"
    SE = "se"
    SS = "ss"
    PSK = "psk"


class Pattern(Enum):
    """A handshake pattern by its name in Noise."""

    XK = "XK"
    KK = "KK"
    XXPSK3 = "XXpsk3"

    @property
    def protocol(self) -> bytes:
        """The full protocol name, hashed first of all."""
        return f"Noise_{self.value}_25519_ChaChaPoly_SHA256".encode()


MESSAGES: Final[dict[Pattern, tuple[tuple[Token, ...], ...]]] = {
    Pattern.XK: ((Token.E, Token.ES), (Token.E, Token.EE), (Token.S, Token.SE)),
    Pattern.KK: ((Token.E, Token.ES, Token.SS), (Token.E, Token.EE, Token.SE)),
    Pattern.XXPSK3: (
        (Token.E,),
        (Token.E, Token.EE, Token.S, Token.ES),
        (Token.S, Token.SE, Token.PSK),
    ),
}

# Who must know the other's static key beforehand, and which patterns have a secret.
KNOWS: Final[dict[Pattern, tuple[bool, bool]]] = {  # the initiator, the responder
    Pattern.XK: (True, False),
    Pattern.KK: (True, True),
    Pattern.XXPSK3: (False, False),
}
WITH_SECRET: Final = frozenset({Pattern.XXPSK3})


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
        self.chained, key = _derive(self.chained, shared, 2)
        self._take(key)

    def mix_key_and_hash(self, secret: bytes) -> None:
        self.chained, hashed, key = _derive(self.chained, secret, 3)
        self.mix_hash(hashed)
        self._take(key)

    def seal(self, plain: bytes) -> bytes:
        """EncryptAndHash."""
        cipher, nonce = self._next()
        sealed = cipher.encrypt(nonce, plain, self.hashed)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """DecryptAndHash. Raises `BadTag`."""
        cipher, nonce = self._next()
        try:
            plain = cipher.decrypt(nonce, sealed, self.hashed)
        except InvalidTag as exc:
            raise BadTag("the handshake is not by the key it should be") from exc
        self.mix_hash(sealed)
        return plain

    def split(self) -> Split:
        to_responder, to_initiator = _derive(self.chained, b"", 2)
        return Split(to_responder, to_initiator, self.hashed)

    def _take(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._counter = 0

    def _next(self) -> tuple[ChaCha20Poly1305, bytes]:
        if self._cipher is None:
            raise WrongUse("no pattern of ours seals before a key was mixed")
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
        secret: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """`static` is our X25519 secret; `remote` the peer's public key, None where the handshake tells it.

        `secret` is the psk of those patterns that have one. `ephemeral` is for test vectors: left out, a
        fresh one is drawn, as it must be.
        """
        _check_known(pattern, initiator, remote, secret)
        self.remote = remote
        self._secret = secret
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
        """The next message, ours. Raises `WrongUse` out of turn."""
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
            raise WrongUse(f"a handshake message has at most {MAX_MESSAGE} bytes, not {len(out)}")
        return bytes(out)

    def read(self, message: bytes) -> bytes:
        """The payload of the next message, theirs. Raises `BadHandshake`, and is dead then."""
        tokens = self._turn(writes=False)
        self._dead = True  # until all of the message was found to be good
        rest = message
        for token in tokens:
            rest = self._receive(token, rest)
        if len(rest) < TAG_BYTES:
            raise BadHandshake(f"a handshake message of {len(message)} bytes is too short")
        payload = self._symmetric.open(rest)
        self._dead = False
        return payload

    def split(self) -> Split:
        """The keys of the session. Raises `WrongUse` before the end."""
        if not self.done:
            raise WrongUse("the handshake is not finished")
        return self._symmetric.split()

    def _mix_known(self, pattern: Pattern) -> None:
        """The keys known beforehand: the initiator's, then the responder's."""
        own, remote = _public(self._static), self.remote or b""
        initiators, responders = (own, remote) if self._initiator else (remote, own)
        responder_known, initiator_known = KNOWS[pattern]
        if initiator_known:
            self._symmetric.mix_hash(initiators)
        if responder_known:
            self._symmetric.mix_hash(responders)

    def _turn(self, *, writes: bool) -> tuple[Token, ...]:
        if self._dead or not self._messages or self._writes is not writes:
            raise WrongUse("the handshake is over, or it is the other's turn")
        self._writes = not writes
        return self._messages.pop(0)

    def _send(self, token: Token) -> bytes:
        if token is Token.E:
            public = _public(self._ephemeral)
            self._mix_ephemeral(public)
            return public
        if token is Token.S:
            return self._symmetric.seal(_public(self._static))
        self._mix(token)
        return b""

    def _receive(self, token: Token, rest: bytes) -> bytes:
        """Take one token off the front of `rest`."""
        if token is Token.E:
            self._remote_ephemeral, rest = _cut(rest, KEY_BYTES)
            self._mix_ephemeral(self._remote_ephemeral)
        elif token is Token.S:
            sealed, rest = _cut(rest, KEY_BYTES + TAG_BYTES)
            self.remote = self._symmetric.open(sealed)
        else:
            self._mix(token)
        return rest

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if self._secret is not None:
            self._symmetric.mix_key(public)

    def _mix(self, token: Token) -> None:
        """Mix the secret, or the product of the two keys a token names."""
        if token is Token.PSK:
            self._symmetric.mix_key_and_hash(self._secret or b"")
            return
        steps = token.value if self._initiator else token.value[::-1]
        secret = self._ephemeral if steps[0] == "e" else self._static
        public = self._remote_ephemeral if steps[1] == "e" else self.remote
        try:
            shared = secret.exchange(X25519PublicKey.from_public_bytes(public or b""))
        except ValueError as exc:  # the product is zero: a point of small order
            raise BadHandshake("the peer's key is one nobody may use") from exc
        self._symmetric.mix_key(shared)


def _cut(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise BadHandshake("a handshake message is too short")
    return data[:size], data[size:]


def _public(secret: X25519PrivateKey) -> bytes:
    return secret.public_key().public_bytes_raw()


def _check_known(pattern: Pattern, initiator: bool, remote: bytes | None, secret: bytes | None) -> None:
    """Raises `WrongUse` when more or less is known beforehand than the pattern says."""
    if (remote is not None) is not KNOWS[pattern][0 if initiator else 1]:
        raise WrongUse(f"of {pattern.value}, who must know the other's key beforehand is fixed")
    if (secret is not None) is not (pattern in WITH_SECRET):
        raise WrongUse(f"whether {pattern.value} has a secret is fixed")
    if secret is not None and len(secret) != KEY_BYTES:
        raise WrongUse(f"a secret has {KEY_BYTES} bytes, not {len(secret)}")


def _derive(chained: bytes, material: bytes, count: int) -> tuple[bytes, ...]:
    """HKDF of Noise with two or three outputs."""
    extracted = hmac.digest(chained, material, "sha256")
    outputs = [hmac.digest(extracted, b"\x01", "sha256")]
    for number in range(2, count + 1):
        outputs.append(hmac.digest(extracted, outputs[-1] + bytes([number]), "sha256"))
    return tuple(outputs)

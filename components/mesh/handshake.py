"""How a session begins: Noise XK with the dialled key, then a request and its answer. Pure: bytes in,
outputs out.

Each message is  n u16 big endian | n bytes of Noise.  prologue = "viscript mesh 1" | "XK" | the dialled
                                                       Ed25519 key.

from         carries          bytes       payload (msgpack maps)
1 initiator  e, es            48          none, since it can be replayed
2 responder  e, ee            to 560      Offer: version, ciphers with the responder's favourite first
3 initiator  s, se            to 16384    Request: key (Ed25519; its X25519 key must be s), cipher, port, args
4 responder  its first record to 9216     Answer: ok and body, or code and text

record keys  HKDF-SHA256(Noise's key of that direction, info = "viscript mesh 1 record" | direction |
             cipher), the last
             two each behind a space; the direction is "to-responder" or "to-initiator"

The initiator says nothing more before the answer. A message of another length, form, key or cipher ends it
all.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Annotated, Final

import msgspec

from components.mesh import aead, keys, payloads
from components.mesh.aead import Cipher
from components.mesh.errors import BadKey, CallerError, Refused, TagError, WireError
from components.mesh.noise import TAG_BYTES, Handshake, Pattern, Split
from components.mesh.record import HEADER_BYTES, OVERHEAD_BYTES, Opener, Sealer, plain_size
from signal_bus.identity import Identity, hkdf
from signal_bus.ids import PublicKey

MESH: Final = b"viscript mesh 1"
VERSION: Final = 1
LENGTH_BYTES: Final = 2
FIRST_BYTES: Final = 48
MAX_OFFER: Final = 560
MAX_REQUEST: Final = 16384
MAX_ARGS: Final = 8192
MAX_ANSWER: Final = 9216  # plaintext of the first record
TO_RESPONDER: Final = b"to-responder"
TO_INITIATOR: Final = b"to-initiator"

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Code = Annotated[str, msgspec.Meta(max_length=64)]
Sentence = Annotated[str, msgspec.Meta(max_length=512)]
Name = Annotated[str, msgspec.Meta(max_length=32)]


class Offer(msgspec.Struct, frozen=True):
    """What the responder can do."""

    version: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    ciphers: Annotated[tuple[Name, ...], msgspec.Meta(max_length=8)]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the initiator is, and what for. `args` is a map that the user of the port knows."""

    key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    cipher: Name
    port: Port
    args: msgspec.Raw = payloads.EMPTY


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the responder takes the session; if not, `code` for programs and `text` for people."""

    ok: bool = False
    code: Code = ""
    text: Sentence = ""
    body: msgspec.Raw = payloads.EMPTY


@dataclass(frozen=True)
class Send:
    """These bytes go to the peer."""

    data: bytes


@dataclass(frozen=True)
class Asked:
    """The peer is who it says, and wants a session: answer by `accept` or `refuse`."""

    peer: PublicKey
    port: int
    args: msgspec.Raw


@dataclass(frozen=True)
class Secured:
    """The session stands. `args` is the initiator's map, `body` the answer's; `leftover` came behind it."""

    peer: PublicKey
    port: int
    args: msgspec.Raw
    body: msgspec.Raw
    sealer: Sealer = field(repr=False)
    opener: Opener = field(repr=False)
    leftover: bytes = field(default=b"", repr=False)


class _Phase(Enum):
    NEW = auto()
    FIRST = auto()
    OFFER = auto()
    REQUEST = auto()
    ASKED = auto()
    ANSWER = auto()
    OVER = auto()


class _Side:
    """What both sides have: a buffer, a phase and the Noise state."""

    def __init__(
        self, identity: Identity, dialled: PublicKey, *, initiator: bool, ephemeral: bytes | None
    ) -> None:
        self._buffer = bytearray()
        self._phase = _Phase.NEW
        self._noise = Handshake(
            Pattern.XK,
            initiator=initiator,
            prologue=MESH + b"XK" + dialled,
            static=identity.agreement_secret(),
            remote=keys.agreement_key(dialled) if initiator else None,
            ephemeral=ephemeral,
        )

    def _message(self, least: int, most: int) -> bytes | None:
        """The next whole message off the buffer. Raises `WireError` once its length is out of bounds."""
        buffer = self._buffer
        if len(buffer) < LENGTH_BYTES:
            return None
        size = int.from_bytes(buffer[:LENGTH_BYTES], "big")
        if not least <= size <= most:
            raise WireError(f"a handshake message of {size} bytes ({least} to {most} are allowed)")
        if len(buffer) < LENGTH_BYTES + size:
            return None
        message = bytes(buffer[LENGTH_BYTES : LENGTH_BYTES + size])
        del buffer[: LENGTH_BYTES + size]
        return message


class Dialler(_Side):
    """The initiator: send what `start` gives, then `feed` what arrives until `Secured` comes."""

    def __init__(
        self,
        identity: Identity,
        peer: PublicKey,
        port: int,
        args: msgspec.Struct | None = None,
        *,
        ciphers: tuple[Cipher, ...] | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """`ciphers` are ours, the favourite first; `ephemeral` is for test vectors."""
        super().__init__(identity, keys.check(peer), initiator=True, ephemeral=ephemeral)
        self._args = payloads.raw(args)
        if len(bytes(self._args)) > MAX_ARGS:
            raise CallerError(f"the arguments of a session have at most {MAX_ARGS} bytes")
        self._identity, self._peer, self._port = identity, peer, port
        self._ciphers = ciphers or aead.preferred()
        self._keys: tuple[Sealer, Opener] | None = None

    def start(self) -> bytes:
        """The first message."""
        self._phase = _Phase.OFFER
        return _framed(self._noise.write())

    def feed(self, data: bytes) -> list[Send | Secured]:
        """Take the next bytes. Raises `Refused` by the peer, `WireError` or `TagError`; it is over then."""
        self._buffer += data
        if self._phase is _Phase.OFFER:
            message = self._message(FIRST_BYTES, MAX_OFFER)
            return [] if message is None else [self._on_offer(message)]
        if self._phase is _Phase.ANSWER:
            return self._on_answer()
        raise CallerError("this handshake is over")

    def _on_offer(self, message: bytes) -> Send:
        offer = payloads.decode(self._noise.read(message), Offer)
        if self._buffer:
            raise WireError("the responder spoke out of turn")
        cipher = aead.agree(offer.ciphers, self._ciphers)
        if cipher is None:
            raise WireError(f"no cipher of {', '.join(offer.ciphers) or 'none'} is known here")
        request = Request(self._identity.public_key, cipher.value, self._port, self._args)
        message = self._noise.write(payloads.encode(request))
        out, back = record_keys(self._noise.split(), cipher)
        self._keys = Sealer(cipher, out), Opener(cipher, back)
        self._phase = _Phase.ANSWER
        return Send(_framed(message))

    def _on_answer(self) -> list[Send | Secured]:
        buffer = self._buffer
        if self._keys is None or len(buffer) < HEADER_BYTES:
            return []
        whole = plain_size(buffer, MAX_ANSWER) + OVERHEAD_BYTES
        if len(buffer) < whole:
            return []
        plain = bytearray(whole - OVERHEAD_BYTES)
        sealer, opener = self._keys
        opener.open(memoryview(bytes(buffer[:whole])), memoryview(plain))
        self._phase = _Phase.OVER
        answer = payloads.decode(plain, Answer)
        if not answer.ok:
            raise Refused(answer.code or "refused", answer.text)
        leftover = bytes(buffer[whole:])
        return [Secured(self._peer, self._port, self._args, answer.body, sealer, opener, leftover)]


class Responder(_Side):
    """The dialled side: `feed` what arrives until `Asked` comes, then `accept` or `refuse`."""

    def __init__(
        self, identity: Identity, *, ciphers: tuple[Cipher, ...] | None = None, ephemeral: bytes | None = None
    ) -> None:
        """`ciphers` are ours, the favourite first; `ephemeral` is for test vectors."""
        super().__init__(identity, identity.public_key, initiator=False, ephemeral=ephemeral)
        self._phase = _Phase.FIRST
        self._offer = Offer(VERSION, tuple(cipher.value for cipher in ciphers or aead.preferred()))
        self._asked: Asked | None = None
        self._keys: tuple[Sealer, Opener] | None = None

    def feed(self, data: bytes) -> list[Send | Asked]:
        """Take the next bytes. Raises `WireError` or `TagError`; it is over then."""
        self._buffer += data
        if self._phase is _Phase.FIRST:
            message = self._message(FIRST_BYTES, FIRST_BYTES)
            return [] if message is None else [self._on_first(message)]
        if self._phase is _Phase.REQUEST:
            message = self._message(FIRST_BYTES + TAG_BYTES, MAX_REQUEST)
            return [] if message is None else [self._on_request(message)]
        raise CallerError("this handshake is over, or waits for `accept` or `refuse`")

    def accept(self, body: msgspec.Struct | None = None) -> tuple[bytes, Secured]:
        """Take the session: the bytes to send, and the session."""
        asked, sealer, opener = self._decided()
        answer = payloads.encode(Answer(ok=True, body=payloads.raw(body)))
        if len(answer) > MAX_ANSWER:
            raise CallerError(f"an answer has at most {MAX_ANSWER} bytes")
        secured = Secured(asked.peer, asked.port, asked.args, payloads.raw(body), sealer, opener)
        return sealer.record(answer), secured

    def refuse(self, code: str, text: str = "") -> bytes:
        """Do not take it: the bytes to send before closing."""
        _, sealer, _ = self._decided()
        return sealer.record(payloads.encode(Answer(code=code[:64], text=text[:512])))

    def _on_first(self, message: bytes) -> Send:
        if self._noise.read(message) or self._buffer:
            raise WireError("the initiator spoke out of turn")
        self._phase = _Phase.REQUEST
        return Send(_framed(self._noise.write(payloads.encode(self._offer))))

    def _on_request(self, message: bytes) -> Asked:
        request = payloads.decode(self._noise.read(message), Request)
        peer = _proven(request.key, self._noise.remote)
        if request.cipher not in self._offer.ciphers:
            raise WireError(f"the cipher {request.cipher!r} was not offered")
        if self._buffer:
            raise WireError("the initiator spoke before it was answered")
        cipher = Cipher(request.cipher)
        back, out = record_keys(self._noise.split(), cipher)
        self._keys = Sealer(cipher, out), Opener(cipher, back)
        self._phase = _Phase.ASKED
        self._asked = Asked(peer, request.port, request.args)
        return self._asked

    def _decided(self) -> tuple[Asked, Sealer, Opener]:
        if self._phase is not _Phase.ASKED or self._asked is None or self._keys is None:
            raise CallerError("nothing is asked, or it was answered")
        self._phase = _Phase.OVER
        return self._asked, *self._keys


def record_keys(split: Split, cipher: Cipher) -> tuple[bytes, bytes]:
    """The record keys to the responder and to the initiator."""
    return (
        derive(split.to_responder, b"record", TO_RESPONDER, cipher),
        derive(split.to_initiator, b"record", TO_INITIATOR, cipher),
    )


def derive(key: bytes, purpose: bytes, direction: bytes, cipher: Cipher) -> bytes:
    """A key for one purpose, direction and cipher, from Noise's key of that direction."""
    return hkdf(key, b" ".join((MESH, purpose, direction, cipher.value.encode())))


def _proven(key: bytes, static: bytes | None) -> PublicKey:
    """The initiator's name, if it belongs to the static key that Noise has proven. Raises `TagError`."""
    try:
        peer = keys.check(key)
        proven = keys.agreement_key(peer) == static
    except BadKey as exc:
        raise WireError(str(exc)) from exc
    if not proven:
        raise TagError(f"{key.hex()} is not the key that was proven")
    return peer


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(LENGTH_BYTES, "big") + message

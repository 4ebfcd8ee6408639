"""How the two ends of a route agree on its keys: Noise KK, in the route's handshake frames. Pure.

prologue = "viscript mesh 1" | "KK" | initiator's Ed25519 key | responder's | group id 16 | route number u32
| cipher

from         carries      bytes   payload
1 initiator  e, es, ss    48      none: the message can be replayed. The responder's route stays half open,
                                  and is told
                                  to no app, until the initiator's first unit opens
2 responder  e, ee, se    48      none

unit keys    HKDF-SHA256(Noise's key of that direction, info = "viscript mesh 1 unit" | direction | cipher),
             as for records

The responder knows from the setup node's install who calls; the cipher stands there too. Every route has
keys of its own: counters never move from one to another.
"""

from dataclasses import dataclass, field
from typing import Final

from components.mesh import keys
from components.mesh.aead import Cipher, OpenKey, SealKey
from components.mesh.errors import CallerError, WireError
from components.mesh.handshake import MESH, TO_INITIATOR, TO_RESPONDER, derive
from components.mesh.noise import Handshake, Pattern, Split
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

GROUP_BYTES: Final = 16
MESSAGE_BYTES: Final = 48
MAX_NUMBER: Final = 2**32 - 1


@dataclass(frozen=True)
class RouteName:
    """What both ends call one route: its ends, its group, its number in the group, its cipher."""

    initiator: PublicKey
    responder: PublicKey
    group: bytes
    number: int
    cipher: Cipher

    def __post_init__(self) -> None:
        if len(self.group) != GROUP_BYTES or not 0 <= self.number <= MAX_NUMBER:
            raise CallerError(f"a group id has {GROUP_BYTES} bytes, a route number 32 bits")

    @property
    def prologue(self) -> bytes:
        """What both ends must agree on before a key is made."""
        route = self.group + self.number.to_bytes(4, "big")
        return MESH + b"KK" + self.initiator + self.responder + route + self.cipher.value.encode()


@dataclass(frozen=True)
class UnitKeys:
    """The keys of one end of one route."""

    seal: SealKey = field(repr=False)
    open: OpenKey = field(repr=False)


class RouteInitiator:
    """The end that set the route up: send `first`, then give the answer to `finish`."""

    def __init__(self, identity: Identity, name: RouteName, *, ephemeral: bytes | None = None) -> None:
        self._name = name
        self._noise = _noise(identity, name, initiator=True, ephemeral=ephemeral)

    def first(self) -> bytes:
        """The payload of the first handshake frame."""
        return self._noise.write()

    def finish(self, message: bytes) -> UnitKeys:
        """The keys. Raises `WireError` or `TagError`; the route is of no use then."""
        _read_empty(self._noise, message)
        split = self._noise.split()
        out, back = _unit_keys(split, self._name.cipher)
        return UnitKeys(SealKey(self._name.cipher, out), OpenKey(self._name.cipher, back))


def answer(
    identity: Identity, name: RouteName, message: bytes, *, ephemeral: bytes | None = None
) -> tuple[bytes, UnitKeys]:
    """The responder's part: the payload to send back, and the keys. Raises `WireError` or `TagError`."""
    noise = _noise(identity, name, initiator=False, ephemeral=ephemeral)
    _read_empty(noise, message)
    reply = noise.write()
    back, out = _unit_keys(noise.split(), name.cipher)
    return reply, UnitKeys(SealKey(name.cipher, out), OpenKey(name.cipher, back))


def _noise(identity: Identity, name: RouteName, *, initiator: bool, ephemeral: bytes | None) -> Handshake:
    own, peer = (name.initiator, name.responder) if initiator else (name.responder, name.initiator)
    if own != identity.public_key:
        raise CallerError("the route's end is not this identity")
    return Handshake(
        Pattern.KK,
        initiator=initiator,
        prologue=name.prologue,
        static=identity.agreement_secret(),
        remote=keys.agreement_key(keys.check(peer)),
        ephemeral=ephemeral,
    )


def _read_empty(noise: Handshake, message: bytes) -> None:
    if len(message) != MESSAGE_BYTES:
        raise WireError(f"a route's handshake message has {MESSAGE_BYTES} bytes, not {len(message)}")
    noise.read(message)


def _unit_keys(split: Split, cipher: Cipher) -> tuple[bytes, bytes]:
    """The unit keys to the responder and to the initiator."""
    return (
        derive(split.to_responder, b"unit", TO_RESPONDER, cipher),
        derive(split.to_initiator, b"unit", TO_INITIATOR, cipher),
    )

"""What is said to set a route up. Two requests reach a setup node, two reach each node on the way. Pure.

from           to             port  method   body      answer
initiator      setup node     36    create   Create    Created: the initiator's own leg, or who failed and why
initiator      setup node     36    close    Close     nothing: what a create began is taken back
setup node     each other hop 136   install  Install   nothing: the rule stands, provisionally
setup node     each other hop 136   abort    Abort     nothing: the rule of this order is gone

The initiator is not called back: it installs its leg itself. A node in the middle is told its two links and
the ids on them, and nothing of the ends. Keys, groups and ids of transports are bytes; a route id is 1 to
2**32 - 1. How long a rule stays is the protocol's: 10 s until its first frame, then 45 s after each.

Without a setup node (`setup: direct`) the initiator orders the rules itself and signs each order:

signature   Ed25519 in the context "viscript direct setup 1" over  key of the hop 32 | msgpack of the Install
            without its signature
"""

import uuid
from typing import Annotated, Final

import msgspec

from components.mesh import keys, payloads
from components.mesh.aead import Cipher
from components.mesh.endtoend import GROUP_BYTES
from components.mesh.errors import BadKey, TagError, WireError
from components.mesh.handshake import Code, Sentence
from components.mesh.transport import TransportType, transport_id
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

MAX_HOPS: Final = 15
ORDER_BYTES: Final = 16
CONTEXT: Final = b"viscript direct setup 1"

CREATE: Final = "create"
CLOSE: Final = "close"
INSTALL: Final = "install"
ABORT: Final = "abort"

Key = Annotated[bytes, msgspec.Meta(min_length=keys.KEY_BYTES, max_length=keys.KEY_BYTES)]
TransportId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
OrderId = Annotated[bytes, msgspec.Meta(min_length=ORDER_BYTES, max_length=ORDER_BYTES)]
GroupId = Annotated[bytes, msgspec.Meta(min_length=GROUP_BYTES, max_length=GROUP_BYTES)]
RouteId = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
RouteNumber = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Signature = Annotated[bytes, msgspec.Meta(max_length=64)]


class Hop(msgspec.Struct, frozen=True, rename={"transport": "tp", "source": "from", "target": "to"}):
    """One step of a route: over this transport, from one node to the next."""

    transport: TransportId
    source: Key
    target: Key


class Create(msgspec.Struct, frozen=True):
    """Set a route up. `order` is the initiator's word for this request, to close it by."""

    order: OrderId
    group: GroupId
    number: RouteNumber
    cipher: Cipher
    hops: Annotated[tuple[Hop, ...], msgspec.Meta(min_length=1, max_length=MAX_HOPS)]

    @property
    def source(self) -> PublicKey:
        """The initiator."""
        return PublicKey(self.hops[0].source)

    @property
    def target(self) -> PublicKey:
        """The responder."""
        return PublicKey(self.hops[-1].target)


class Leg(msgspec.Struct, frozen=True, rename={"transport": "tp"}):
    """A rule's part at one link: the id of frames that come in, and that of those that go out."""

    transport: TransportId
    in_id: RouteId
    out_id: RouteId


class Failure(msgspec.Struct, frozen=True):
    """Why there is no route: which node, at which step, a word for programs and a sentence for people."""

    key: Key
    step: Code
    reason: Code
    text: Sentence


class Created(msgspec.Struct, frozen=True, omit_defaults=True):
    """The initiator's own leg, or what failed."""

    leg: Leg | None = None
    failed: Failure | None = None


class Close(msgspec.Struct, frozen=True):
    """Take back what the create of this order did, or is doing."""

    order: OrderId


class End(msgspec.Struct, frozen=True):
    """What the last node of a route is told: who calls, and the route's name."""

    initiator: Key
    group: GroupId
    number: RouteNumber
    cipher: Cipher


class Install(msgspec.Struct, frozen=True, omit_defaults=True):
    """Reserve and install in one: two legs between, one leg and an end at the responder."""

    order: OrderId
    legs: Annotated[tuple[Leg, ...], msgspec.Meta(min_length=1, max_length=2)]
    end: End | None = None
    signature: Signature = b""


class Abort(msgspec.Struct, frozen=True):
    """Take out what the install of this order put in."""

    order: OrderId


def check_create(create: Create, caller: PublicKey) -> None:
    """Let a request pass that can be a route of its caller. Raises `WireError`."""
    nodes = [PublicKey(create.hops[0].source), *(PublicKey(hop.target) for hop in create.hops)]
    if nodes[0] != caller:
        raise WireError("a route is asked for by the node it starts at")
    if len(set(nodes)) < len(nodes):
        raise WireError("a route passes each node once")
    for number, hop in enumerate(create.hops):
        if hop.source != nodes[number]:
            raise WireError(f"hop {number + 1} does not start where the one before ends")
        _check_transport(hop, number)
    for key in nodes:
        _check_key(key)


def _check_transport(hop: Hop, number: int) -> None:
    ends = PublicKey(hop.source), PublicKey(hop.target)
    if hop.transport not in {transport_id(*ends, type).bytes for type in TransportType}:
        raise WireError(
            f"hop {number + 1}: {uuid.UUID(bytes=hop.transport)} is no transport of its two nodes"
        )


def check_install(install: Install) -> None:
    """Let an order pass that is whole. Raises `WireError`."""
    if (install.end is None) != (len(install.legs) == 2):
        raise WireError("one leg has an end here, two have none")
    if len({leg.transport for leg in install.legs}) < len(install.legs):
        raise WireError("a route does not leave by the transport it came in")
    if install.end is not None:
        _check_key(install.end.initiator)


def sign(install: Install, identity: Identity, hop: PublicKey) -> Install:
    """The order as the initiator itself gives it to one hop."""
    return msgspec.structs.replace(install, signature=identity.sign(CONTEXT, _signed_bytes(install, hop)))


def check_signature(install: Install, caller: PublicKey, hop: PublicKey) -> None:
    """Let an order pass that `caller` signed for us, `hop`. Raises `TagError`."""
    if not verify(caller, CONTEXT, _signed_bytes(install, hop), install.signature):
        raise TagError(f"the signature of {caller.hex()} does not hold")


def _signed_bytes(install: Install, hop: PublicKey) -> bytes:
    return hop + payloads.encode(msgspec.structs.replace(install, signature=b""))


def _check_key(data: bytes) -> None:
    try:
        keys.check(data)
    except BadKey as exc:
        raise WireError(str(exc)) from exc

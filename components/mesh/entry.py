"""Node entries: where a node can be reached, signed by it. The JSON is that of Skywire's messaging
discovery, and more.

signature   Ed25519 in the context "viscript node 1" over the entry's JSON without the field `signature`:
            fields in the
            order of `NodeEntry`, those at their default left off, no blanks; 128 hexadecimal digits

An entry holds for its lease, from when a service took it; a node renews at a third. Each new one has a
higher sequence, so that an old one cannot come back. An alias is for eyes: nothing ever resolves it.
"""

from typing import Annotated, Final

import msgspec

from components.mesh import curve, keys
from components.mesh.errors import BadKey, CallerError, TagError, WireError
from components.mesh.transport import KeyText, SignatureText
from signal_bus.identity import Identity, verify
from signal_bus.ids import PublicKey

CONTEXT: Final = b"viscript node 1"
VERSION: Final = "0.0.1"
LEASE_S: Final = 300
MAX_BYTES: Final = 8192

Address = Annotated[str, msgspec.Meta(min_length=3, max_length=261)]  # host:port
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Stamp = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Lease = Annotated[int, msgspec.Meta(ge=10, le=3600)]
Short = Annotated[str, msgspec.Meta(max_length=64)]


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The messengers that know where a node is."""

    delegated_servers: Annotated[tuple[KeyText, ...], msgspec.Meta(max_length=8)]


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a messenger says of itself."""

    address: Address
    available_connections: Count = 0


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One node, as services tell it. `check` says whether all of it is true."""

    version: Annotated[str, msgspec.Meta(max_length=16)]  # of this format
    sequence: Count
    timestamp: Stamp  # nanoseconds since 1970, by the node's clock; for people
    static: KeyText
    client: Client | None = None
    server: Server | None = None
    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=16)] = ()  # where links are taken
    alias: Short = ""
    software: Short = ""
    pipe_alias: Annotated[str, msgspec.Meta(max_length=66)] = ""  # only where `static` is no pipe app's key
    lease_s: Lease = LEASE_S
    signature: SignatureText = ""


def decode(data: bytes) -> NodeEntry:
    """The entry in some JSON, not yet checked. Raises `WireError`."""
    if len(data) > MAX_BYTES:
        raise WireError(f"a node entry of {len(data)} bytes (at most {MAX_BYTES})")
    try:
        return msgspec.json.decode(data, type=NodeEntry)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise WireError(f"not a node entry: {exc}") from exc


def sign(entry: NodeEntry, identity: Identity) -> NodeEntry:
    """The entry with its signature, and the pipe alias its key needs. Raises `CallerError` for another's."""
    if entry.static != keys.hex66(identity.public_key):
        raise CallerError("a node signs its own entry only")
    whole = msgspec.structs.replace(entry, pipe_alias=_pipe_alias(identity.public_key), signature="")
    signature = identity.sign(CONTEXT, msgspec.json.encode(whole)).hex()
    return msgspec.structs.replace(whole, signature=signature)


def check(entry: NodeEntry) -> PublicKey:
    """Whose entry this is, once all of it was found good. Raises `WireError` or `TagError`."""
    if entry.version != VERSION:
        raise WireError(f"a node entry of version {entry.version!r}, {VERSION} is expected")
    if entry.client is None and entry.server is None and not entry.addresses:
        raise WireError("a node entry that says nowhere how to reach the node")
    key = _key(entry.static)
    for server in entry.client.delegated_servers if entry.client else ():
        _key(server)
    if entry.pipe_alias != _pipe_alias(key):
        raise WireError(f"the pipe alias of {key.hex()} is another")
    unsigned = msgspec.json.encode(msgspec.structs.replace(entry, signature=""))
    try:
        signature = bytes.fromhex(entry.signature)
    except ValueError:
        signature = b""
    if not verify(key, CONTEXT, unsigned, signature):
        raise TagError(f"the signature of {key.hex()} does not hold")
    return key


def supersedes(new: NodeEntry, old: NodeEntry) -> bool:
    """Whether `new` may take the place of `old`: the same node's, and later."""
    return new.static == old.static and new.sequence > old.sequence


def _key(text: str) -> PublicKey:
    try:
        return keys.parse(text)
    except BadKey as exc:
        raise WireError(f"a node entry: {exc}") from exc


def _pipe_alias(key: PublicKey) -> str:
    """The alias as the entry has it: nothing where the key itself will do."""
    return "" if curve.is_secp256k1_x(key) else keys.PREFIX + curve.pipe_alias(key).hex()

"""One dial of a transport: every place in turn, until a session stands and its terms are agreed."""

import secrets
from dataclasses import dataclass

from components.mesh.errors import Gone, MeshError, Refused, TagError, WireError, WorldError
from components.mesh.ports import MeshPort
from components.mesh.session import HANDSHAKE_S, Session, dial_over
from components.mesh.transport import Label, SignedEntry, TransportType
from components.visor.links import terms
from components.visor.links.rivals import DUPLICATE, NO_TOKEN, TOKEN_BYTES, Rivals
from components.visor.links.ways import Way
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey


class NoLink(WorldError):
    """No place gave a link; the sentence says what each of them did."""


class Content(WorldError):
    """The peer holds a link that we hold too: another is not needed."""


@dataclass(frozen=True)
class Target:
    """What to dial."""

    peer: PublicKey
    type: TransportType
    label: Label
    address: str | None
    silent: bytes = NO_TOKEN  # the link in use, which does not answer: the new one takes its place


@dataclass(frozen=True)
class Dialled:
    """A session for a link, the link's token, and the entry both signed."""

    session: Session
    token: bytes
    entry: SignedEntry


async def dial(identity: Identity, way: Way, target: Target, rivals: Rivals) -> Dialled:
    """A session for a link. Raises `NoLink`, or `Content` where one stands already."""
    faults = []
    for place in await way.places(target.peer, target.address):
        try:
            return await _at(place, identity, way, target, rivals)
        except Content:
            raise
        except MeshError as exc:
            said = str(exc)
            faults.append(said if said.startswith(place) else f"{place}: {said}")
    raise NoLink("; ".join(faults))


async def _at(place: str, identity: Identity, way: Way, target: Target, rivals: Rivals) -> Dialled:
    """As `dial`, at one place; a second time where the peer holds a link that has ended here."""
    try:
        return await _once(place, identity, way, target, rivals)
    except Refused as exc:
        if exc.code != DUPLICATE:
            raise
        if not rivals.told_duplicate(_token(exc.text)):
            raise Content("a link stands") from exc
    return await _once(place, identity, way, target, rivals)


async def _once(place: str, identity: Identity, way: Way, target: Target, rivals: Rivals) -> Dialled:
    sock = await way.connect(target.peer, place)
    peer, token = target.peer, secrets.token_bytes(TOKEN_BYTES)
    ended = target.silent or rivals.ended
    asked = terms.ask(identity, peer, target.type, target.label, token=token, ended=ended)
    try:
        session = await dial_over(sock, identity, peer, MeshPort.LINK, asked, deadline_s=HANDSHAKE_S)
    except (Gone, TagError) as exc:
        raise NoLink(
            f"it hung up during the handshake: it has another key than {peer.hex()}, or takes no more links"
        ) from exc
    try:
        entry = terms.read_agreed(asked, session.secured.body, identity.public_key, peer)
    except MeshError:
        session.close()
        raise
    return Dialled(session, token, entry)


def _token(text: str) -> bytes:
    try:
        token = bytes.fromhex(text)
    except ValueError:
        token = b""
    if len(token) != TOKEN_BYTES:
        raise WireError("refused as a duplicate of nothing")
    return token

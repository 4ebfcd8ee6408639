"""A command for another cluster, given on a host that is not the gateway: a stream of the kind "abroad".

    -> Errand      which cluster, and the command
    <- Came        what it answered, or why it was not asked

Who has the cluster's key is not told in the roster: the admins are asked in turn, and one that has not got it
says so. The gateway lets its caller do there what that has the role for here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.links.api import Caller, HostAway, HostLinks, HostState, Reach, Stream, StreamRefused
from viscript.cluster.peering.allowed import ALLOWED, refused
from viscript.cluster.peering.framing import BadOrder, framed, message, unless_it_ends
from viscript.cluster.peering.gateway import Gateway
from viscript.cluster.peering.terms import QUESTION_BYTES, REPLY_BYTES, Answer, Ask, patience_s
from viscript.errors import ExitCode, VerbError
from viscript.verbs.roles import permits
from viscript.verbs.table import Role, Table

log = logging.getLogger(__name__)

OPEN_S: Final = 5.0
MARGIN_S: Final = 0.5  # for the way between two hosts
ADMINS_MAX: Final = 16  # asked whether they have the key
_NOT_HERE: Final = "the cluster's key is not on this host"


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """A command for a cluster, by its name at the gateway or its key."""

    cluster: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    ask: Ask


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; `is_gateway` false: ask another host."""

    is_gateway: bool = True
    called: Annotated[str, msgspec.Meta(max_length=128)] = ""
    key: Annotated[bytes, msgspec.Meta(max_length=32)] = b""
    code: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    text: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    answer: Answer | None = None


async def serve(gateway: Gateway | None, table: Table, stream: Stream, caller: Caller) -> None:
    """Take one errand and answer it; given up when the caller hangs up."""
    async with asyncio.timeout(OPEN_S):
        errand = await message(stream, Errand, QUESTION_BYTES)
    if gateway is None or gateway.own() is None:
        await stream.write(framed(Came(is_gateway=False, text=_NOT_HERE)))
        return
    came = await unless_it_ends(stream, run(gateway, table, errand, caller.role))
    if came is not None:
        await stream.write(framed(came))


async def run(gateway: Gateway, table: Table, errand: Errand, role: Role) -> Came:
    """Have the gateway ask for who has that role in this cluster."""
    try:
        one = gateway.register.find(errand.cluster)
        demand_role(table, errand.ask.argv, role)
        answer = await gateway.ask(one, errand.ask)
    except VerbError as exc:
        return Came(code=exc.code, text=exc.text[:4000])
    return Came(called=one.called, key=one.key, answer=answer)


def demand_role(table: Table, argv: Sequence[str], role: Role) -> None:
    """Nobody does in another cluster what he may not do in his own. Raises `VerbError`. Pure."""
    if role is Role.ADMIN:
        return  # the other cluster decides
    verb = table.get(argv[0])
    allowed = ALLOWED.get(verb.name) if verb is not None else None
    if allowed is None:
        raise refused(f'"{argv[0][:64]}" is not for another cluster')
    if not permits(role, allowed.role):
        raise refused(f"{argv[0]} needs the role {allowed.role} in this cluster; you have {role}")


async def send(links: HostLinks, errand: Errand, known: PublicKey | None) -> tuple[Came, PublicKey]:
    """What the gateway of this cluster made of it, and which host that is. Raises `VerbError`.

    `known` is the host that was the gateway last time.
    """
    admins = [host for host in links.hosts() if not host.local and host.role is Role.ADMIN]
    there = [host for host in admins if host.state is not Reach.DOWN]
    for host in sorted(there, key=lambda host: host.key != known)[:ADMINS_MAX]:
        came = await _asked(links, host, errand)
        if came is not None and came.is_gateway:
            return came, host.key
    away = [host.label for host in admins if host not in there]
    down = f"; {', '.join(away[:5])} cannot be asked now" if away else ""
    raise VerbError(ExitCode.UNREACHABLE, f"no host that is there has this cluster's key{down}")


async def _asked(links: HostLinks, host: HostState, errand: Errand) -> Came | None:
    """None where the host cannot be reached, or is too old: nothing was done there."""
    try:
        stream = await links.open(host.key, "abroad", OPEN_S)
    except HostAway as exc:
        log.info("host=%s is not asked for another cluster: %s", host.label, exc)
        return None
    try:
        async with asyncio.timeout(patience_s(errand.ask.timeout) + MARGIN_S):
            await stream.write(framed(errand))
            return await message(stream, Came, 2 * REPLY_BYTES)
    except (HostAway, StreamRefused, BadOrder, TimeoutError) as exc:
        if isinstance(exc, StreamRefused) and exc.code == "unsupported":  # of an older version
            return None
        text = f"{host.label} did not say what came of it: {str(exc) or 'too slow'}"
        raise VerbError(ExitCode.UNREACHABLE, text) from exc
    finally:
        await stream.close("left", "the caller has left")

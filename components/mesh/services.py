"""The client of the node managers: `async with Services(identity, urls) as services`.

What is registered goes to every node manager, and has succeeded when one took it; what is asked goes to the
last good one first, and to the next as soon as one fails or does not answer within `NEXT_S`. Answers are
believed only as far as they are signed: entries and transports are checked here, in a thread.

Every method raises `PeerError` or `WorldError` of the first service, when none did it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import msgspec

from components.mesh import entry as node_entry
from components.mesh import forms, keys, paths, transport
from components.mesh.caller import TIMEOUT_S, Caller, Denied
from components.mesh.entry import NodeEntry
from components.mesh.errors import BadKey, CallerError, MeshError, PeerError, WireError, WorldError
from components.mesh.forms import (
    Offer,
    Page,
    RouteHop,
    RouteOptions,
    RouteRequest,
    Status,
    Told,
    ToldOffer,
    Uptime,
)
from components.mesh.staggered import first_answer
from components.mesh.transport import SignedEntry
from signal_bus.identity import Identity
from signal_bus.ids import PublicKey

log = logging.getLogger(__name__)

PREFIX: Final = "/messaging-discovery"
MOST_SERVICES: Final = 8
MOST_PAGES: Final = 1_000
NEXT_S: Final = 0.3  # until one that does not answer is no longer waited for alone
T = TypeVar("T")
Call = Callable[[Caller], Awaitable[T]]


class Services:
    """The node managers at `urls`, for one identity."""

    def __init__(self, identity: Identity, urls: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> None:
        if not 0 < len(urls) <= MOST_SERVICES:
            raise CallerError(f"1 to {MOST_SERVICES} node managers are needed, not {len(urls)}")
        self._identity = identity
        self._callers = [Caller(identity, url, timeout_s) for url in urls]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for caller in self._callers:
            await self._stack.enter_async_context(caller)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    # nodes

    async def register_node(self, entry: NodeEntry) -> int:
        """Enter or renew our own entry; sequence, time and signature are set here. How many took it."""

        async def register(caller: Caller) -> None:
            try:
                await self._register(caller, entry)
            except Denied as exc:
                if exc.code != "sequence" or exc.expected is None:
                    raise
                caller.sequence = exc.expected
                await self._register(caller, entry)

        return len(await self._everywhere(register))

    async def remove_node(self) -> int:
        """Take our entry back."""
        target = f"{PREFIX}/entry/{keys.hex66(self._identity.public_key)}"
        return len(await self._everywhere(lambda caller: caller.signed("DELETE", target)))

    async def node(self, key: PublicKey) -> NodeEntry:
        """A node's entry, checked."""

        async def find(caller: Caller) -> NodeEntry:
            data = await caller.ask("GET", f"{PREFIX}/entry/{keys.hex66(key)}")
            found = await asyncio.to_thread(_entries, b"[%b]" % data)
            if found[0].static != keys.hex66(key):
                raise WireError(f"{caller.url} answered with the entry of {found[0].static}")
            return found[0]

        return await self._first(find)

    async def servers(self, *, available: bool = True) -> tuple[NodeEntry, ...]:
        """The messengers, their entries checked; only those that take clients, if asked."""
        target = f"{PREFIX}/available_servers" if available else f"{PREFIX}/all_servers"

        async def find(caller: Caller) -> tuple[NodeEntry, ...]:
            return await asyncio.to_thread(_entries, await caller.ask("GET", target))

        return await self._first(find)

    # transports

    async def register_transports(self, entries: Sequence[SignedEntry]) -> int:
        """Enter or renew transports of ours. How many services took all of them."""
        bodies = [msgspec.json.encode(part) for part in _parts(entries)]
        return await self._post_all("/transports/", bodies)

    async def report(self, statuses: Sequence[Status]) -> frozenset[str]:
        """Say how transports of ours are, which renews them.

        The ids of those that some service does not know (any more): they must be registered again.
        """
        unknown: set[str] = set()

        async def post(caller: Caller) -> None:
            for part in _parts(statuses):
                answer = await caller.signed("POST", "/statuses", msgspec.json.encode(part))
                known = {told.entry.t_id for told in forms.decode(answer, tuple[Told, ...])}
                unknown.update(each.t_id for each in part if each.t_id not in known)

        await self._everywhere(post)
        return frozenset(unknown)

    async def remove_transport(self, t_id: str) -> int:
        """Take a transport of ours back."""
        target = f"/transports/id:{quote(t_id, safe='')}"
        return len(await self._everywhere(lambda caller: caller.signed("DELETE", target)))

    async def transport(self, t_id: str) -> Told:
        """One transport, checked."""

        async def find(caller: Caller) -> Told:
            data = await caller.ask("GET", f"/transports/id:{quote(t_id, safe='')}")
            return (await asyncio.to_thread(_transports, b"[%b]" % data))[0]

        return await self._first(find)

    async def transports_of(self, key: PublicKey) -> tuple[Told, ...]:
        """The transports of a node, checked; none where it has none."""

        async def find(caller: Caller) -> tuple[Told, ...]:
            try:
                data = await caller.ask("GET", f"/transports/edge:{keys.hex66(key)}")
            except Denied as exc:
                if exc.status != 404:
                    raise
                return ()
            return await asyncio.to_thread(_transports, data)

        return await self._first(find)

    async def all_transports(self) -> tuple[Told, ...]:
        """All transports there are, checked: `forms.edges` makes edges of a graph of them."""

        async def find(caller: Caller) -> tuple[Told, ...]:
            found: list[Told] = []
            after = ""
            for _ in range(MOST_PAGES):
                page = forms.decode(await caller.ask("GET", f"/transports?after={after}"), Page)
                found += await asyncio.to_thread(_checked, page.transports)
                if not page.next:
                    return tuple(found)
                if page.next <= after:
                    break
                after = quote(page.next, safe="")
            raise WireError(f"{caller.url} does not come to the end of its transports")

        return await self._first(find)

    # routes

    async def routes(
        self, start: PublicKey, end: PublicKey, options: RouteOptions | None = None
    ) -> list[paths.Path]:
        """Routes from one node to another, the best first, that lead there and have `min_hops`."""
        asked = options or RouteOptions()
        pair = keys.hex66(start), keys.hex66(end)
        body = msgspec.json.encode(RouteRequest(edges=(pair,), opts=asked))

        async def find(caller: Caller) -> list[paths.Path]:
            answer = forms.decode(await caller.ask("POST", "/routes", body), dict[str, list[list[RouteHop]]])
            return [_path(hops, start, end, asked) for hops in answer.get(":".join(pair), [])]

        return await self._first(find)

    # services

    async def offer(self, offer: Offer) -> int:
        """Offer a service of ours, or renew it."""
        return await self._post_all("/api/services", [msgspec.json.encode(offer)])

    async def withdraw(self, address: str, type: str = "") -> int:
        """Take a service of ours back, of every type when none is given."""
        kind = f"?type={quote(type, safe='')}" if type else ""
        target = f"/api/services/{quote(address, safe=':')}{kind}"
        return len(await self._everywhere(lambda caller: caller.signed("DELETE", target)))

    async def services(self, type: str = "") -> tuple[ToldOffer, ...]:
        """What nodes offer, of one type or of all; at most one page of it."""
        target = f"/api/services?type={quote(type, safe='')}" if type else "/api/services"

        async def find(caller: Caller) -> tuple[ToldOffer, ...]:
            return forms.decode(await caller.ask("GET", target), tuple[ToldOffer, ...])

        return await self._first(find)

    async def uptimes(self, of: Iterable[PublicKey]) -> tuple[Uptime, ...]:
        """How much of the time nodes were there, those that are known."""
        target = "/uptimes?pks=" + ",".join(keys.hex66(key) for key in of)

        async def find(caller: Caller) -> tuple[Uptime, ...]:
            return forms.decode(await caller.ask("GET", target), tuple[Uptime, ...])

        return await self._first(find)

    # one or all of them

    async def _register(self, caller: Caller, entry: NodeEntry) -> None:
        fresh = msgspec.structs.replace(entry, sequence=caller.sequence, timestamp=time.time_ns())
        body = msgspec.json.encode(node_entry.sign(fresh, self._identity))
        await caller.ask("POST", f"{PREFIX}/entry/", body)
        caller.sequence += 1

    async def _post_all(self, target: str, bodies: Sequence[bytes]) -> int:
        async def post(caller: Caller) -> None:
            for body in bodies:
                await caller.signed("POST", target, body)

        return len(await self._everywhere(post))

    async def _everywhere(self, call: Call[object]) -> list[Caller]:
        """Do it at every service; those that took it, at least one."""
        faults: dict[Caller, MeshError] = {}

        async def one(caller: Caller) -> None:
            try:
                await call(caller)
            except (PeerError, WorldError) as exc:
                faults[caller] = exc

        async with asyncio.TaskGroup() as tasks:
            for caller in self._callers:
                tasks.create_task(one(caller))
        if len(faults) == len(self._callers):
            raise faults[self._callers[0]]
        for caller, fault in faults.items():
            log.info("node manager %s did not take it: %s", caller.url, fault)
        return [caller for caller in self._callers if caller not in faults]

    async def _first(self, call: Call[T]) -> T:
        """The answer of the first service that gives one; it is asked first the next time."""
        callers = tuple(self._callers)
        tries = [partial(call, caller) for caller in callers]
        index, answer = await first_answer(tries, NEXT_S)
        self._callers.sort(key=lambda each: each is not callers[index])
        return answer


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    most = forms.MOST_IN_BODY
    return [items[at : at + most] for at in range(0, len(items), most)]


def _entries(data: bytes) -> tuple[NodeEntry, ...]:
    found = forms.decode(data, tuple[NodeEntry, ...])
    for entry in found:
        node_entry.check(entry)
    return found


def _transports(data: bytes) -> tuple[Told, ...]:
    return _checked(forms.decode(data, tuple[Told, ...]))


def _checked(found: tuple[Told, ...]) -> tuple[Told, ...]:
    for told in found:
        transport.check(SignedEntry(told.entry, told.signatures))
    return found


def _path(hops: list[RouteHop], start: PublicKey, end: PublicKey, asked: RouteOptions) -> paths.Path:
    """A route as it was asked for. Raises `WireError` for any other."""
    if len(hops) > paths.MAX_HOPS:
        raise WireError(f"a route of {len(hops)} hops")
    path = tuple(paths.Hop(hop.tp_id, _key(hop.start), _key(hop.end)) for hop in hops)
    nodes = [hop.start for hop in path] + [end]
    whole = [hop.end for hop in path] == nodes[1:] and len({*nodes}) == len(nodes)
    if not path or path[0].start != start or not whole:
        raise WireError("a route that does not lead there")
    if not asked.min_hops <= len(path) <= asked.max_hops:
        raise WireError(f"a route of {len(path)} hops, {asked.min_hops} to {asked.max_hops} were asked for")
    return path


def _key(text: str) -> PublicKey:
    try:
        return keys.parse(text)
    except BadKey as exc:
        raise WireError(str(exc)) from exc

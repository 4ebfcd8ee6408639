"""A guest's command on the hosts of this cluster, by the gateway: a row for each host it concerns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from signal_bus.ids import PublicKey
from viscript.cluster.far.selecting import ALL, select
from viscript.cluster.links.api import HostAway, HostLinks, HostState, Reach, StreamRefused
from viscript.cluster.peering.framing import BadOrder
from viscript.cluster.peering.guest import Done, Guest, Guests
from viscript.cluster.peering.seat import Order, pass_to
from viscript.cluster.peering.terms import ROW_CHARS, ROWS_MAX, Answer, Ask, Row, Share
from viscript.errors import ExitCode, VerbError

log = logging.getLogger(__name__)

ANSWER_CHARS: Final = 2_000_000  # of all hosts together
LEAST_CHARS: Final = 1_000  # of one
_NOBODY: Final = "no such host of ours shares that with you"


class Fanout:
    """`links` gives the other hosts; None while this host is alone in its cluster's roster.

    `warrant` is what this host shows the others (warrant.py).
    """

    def __init__(
        self, guests: Guests, links: Callable[[], HostLinks | None], warrant: Callable[[], str] = str
    ) -> None:
        self._guests = guests
        self._warrant = warrant
        self._links = links

    async def ask(self, key: PublicKey, share: Share, asked: Ask) -> Answer:
        """What the hosts make of it. What no guest may do is refused before any of them is asked."""
        guest = Guest(cluster=key.hex(), share=share)
        links = self._links()
        try:
            self._guests.check(guest, asked.argv)
            hosts = _chosen(asked.selector, links.hosts() if links is not None else [])
        except VerbError as exc:
            await self._guests.refuse(guest, asked.argv, exc)
            return Answer(code=exc.code, text=exc.text[:2000])
        assert links is not None, "it has hosts"
        most = min(ROW_CHARS, max(LEAST_CHARS, ANSWER_CHARS // len(hosts)))
        order = Order(
            cluster=guest.cluster, share=share, argv=asked.argv, timeout=asked.timeout,
            columns=asked.columns, ascii=asked.ascii, most=most,
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(links, host, order)) for host in hosts]
        answer = together([task.result() for task in tasks])
        if asked.selector in ALL or answer.rows:
            return answer
        return Answer(code=ExitCode.NOT_PERMITTED, text=_NOBODY)  # as of a host that is not there

    async def _one(self, links: HostLinks, host: HostState, order: Order) -> Row:
        try:
            async with asyncio.timeout(order.timeout):
                done = await self._done(links, host, order)
        except (HostAway, StreamRefused, BadOrder, TimeoutError) as exc:
            log.info("host=%s a guest's command: %s", host.label, exc)
            code = ExitCode.TIMED_OUT if isinstance(exc, TimeoutError) else ExitCode.UNREACHABLE
            return Row(host=host.label, status="unreachable", code=code, err=f"{host.label} did not answer\n")
        return Row(
            host=host.label,
            status="failed" if done.code else "ok",
            code=done.code,
            out=done.out,
            err=done.err,
        )

    async def _done(self, links: HostLinks, host: HostState, order: Order) -> Done:
        if not host.local:
            return await pass_to(links, host, order, self._warrant())
        return await self._guests.run(order.guest, order.argv, order.terminal, order.most)


def together(rows: Sequence[Row]) -> Answer:
    """The rows of the hosts it concerns; a refusal when it concerns none. Pure.

    A host that has nothing of what is meant is left out: that it is there is nobody's business.
    """
    refused = [row for row in rows if row.code == ExitCode.NOT_PERMITTED]
    rest = [row for row in rows if row.code != ExitCode.NOT_PERMITTED and not _is_empty(row)]
    if refused and not rest:
        return Answer(code=ExitCode.NOT_PERMITTED, text=" ".join(refused[0].err.split())[:2000])
    failed = any(row.code for row in rest)
    return Answer(code=ExitCode.FAILED if failed else ExitCode.DONE, rows=tuple(rest))


def _is_empty(row: Row) -> bool:
    """Whether a host has nothing to show, by its data."""
    if row.code or row.err:
        return False
    try:
        return bool(msgspec.json.decode(row.out) == [])
    except (msgspec.DecodeError, RecursionError):
        return not row.out.strip()


def _chosen(selector: str, hosts: Sequence[HostState]) -> Sequence[HostState]:
    """The hosts meant, as far as they are there. Raises `VerbError` NOT_PERMITTED for none."""
    try:
        found = select(selector, hosts).hosts
    except VerbError as exc:
        raise VerbError(ExitCode.NOT_PERMITTED, _NOBODY) from exc
    there = [host for host in found if host.local or host.state is not Reach.DOWN]
    return (there or found)[:ROWS_MAX]

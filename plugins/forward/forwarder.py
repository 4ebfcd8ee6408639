"""All rules of one app, at work: ports opened, peers answered, changes kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from components.visor.app import AppError
from components.visor.kit.gate import PortError
from components.visor.kit.kept import KeptVisor
from plugins.forward import store, words
from plugins.forward.answering import Answering
from plugins.forward.calling import Caller, NoWay
from plugins.forward.leading import Lead, Opened
from plugins.forward.lending import Lending
from plugins.forward.request import Lend, Open
from plugins.forward.reverse import Reverse
from plugins.forward.rules import EVERYBODY, Rule, RuleError

log = logging.getLogger(__name__)

PATIENCE_S: Final = 1.0
PROBE_S: Final = 8.0
END_S: Final = 2.0  # the port is closed at once; connections may take a moment to break

Row = dict[str, Any]  # Any: plain data of several types


class Running(NamedTuple):
    """One rule at work; cancelling its task ends it."""

    task: asyncio.Task[None]
    figures: Callable[[], Row]
    token: str = ""


class Forwarder:
    """Of one visor. Everything it runs is in `group`."""

    def __init__(self, visor: KeptVisor, port: int, folder: Path | None, group: asyncio.TaskGroup) -> None:
        """Raises `RuleError` when the kept rules cannot be read."""
        self._visor = visor
        self._folder = folder
        self._group = group
        self.rules = store.load(folder)
        self._caller = Caller(visor, port)
        self._lending = Lending(self._caller, group)
        self._backs: dict[str, Reverse] = {}
        self._running: dict[Rule, Running] = {}
        self._troubles: dict[Rule, str] = {}
        self.answering = Answering(self.rules, self._lending, self._backs)

    def begin(self) -> None:
        """Put the kept rules to work; one that cannot be now is told of, and harms no other."""
        for rule in self.rules:
            self._try(rule)

    async def fix(self, lines: tuple[str, ...]) -> None:
        """Take the rules of the settings. Raises `RuleError`."""
        for line in lines:
            rule = await self._resolved(words.parse(line))
            self.rules.fixed.append(rule)
            self._try(rule)

    async def add(self, line: str) -> Row:
        """A new rule, kept and at work; a probe tells whether the peer will have it. Raises `RuleError`."""
        rule = await self._resolved(words.parse(line))
        number = self.rules.add(rule)
        try:
            self._start(rule)
            store.save(self._folder, self.rules)
        except (PortError, RuleError) as exc:
            await self._end(rule)
            self.rules.remove(number)
            if isinstance(exc, PortError):
                raise RuleError("port", str(exc)) from exc
            raise
        return self._row(number, rule) | {"doubt": await self._doubt(rule)}

    async def remove(self, number: int) -> Row:
        """It is no more, and what went by it ends. Raises `RuleError`."""
        rule = self.rules.remove(number)
        row = self._row(number, rule)
        try:
            store.save(self._folder, self.rules)
        except RuleError:
            self.rules.kept[number] = rule
            raise
        await self._end(rule)
        self.answering.recheck()
        self._lending.recheck(lambda name: self.rules.lends(name.peer, name.listen, udp=name.udp))
        return row

    def rows(self) -> list[Row]:
        """Every rule and its figures; the ports that peers have now."""
        rows = [self._row(number, rule) for number, rule in self.rules.kept.items()]
        return rows + [self._row(None, rule) for rule in self.rules.fixed]

    def lent(self) -> list[Row]:
        """The ports peers have here now."""
        return self._lending.rows()

    # -- one rule

    def _try(self, rule: Rule) -> None:
        try:
            self._start(rule)
        except PortError as exc:
            log.warning("%s", exc)
            self._troubles[rule] = str(exc)

    def _start(self, rule: Rule) -> None:
        """Raises `PortError`."""
        if rule.kind == "fwd":
            self._running[rule] = self._led(rule)
        elif rule.kind == "rev":
            back = Reverse(rule, self._caller)
            self._backs[back.token] = back
            self._running[rule] = Running(self._group.create_task(back.run()), back.figures, back.token)

    def _led(self, rule: Rule) -> Running:
        lead = Lead(self._caller, rule.peer, Open(target=rule.target, udp=rule.udp), rule.target)
        opened = Opened(rule.listen, lead, self._group, udp=rule.udp)
        return Running(opened.task, lambda: {"listen": opened.address, **lead.figures()})

    async def _end(self, rule: Rule) -> None:
        self._troubles.pop(rule, None)
        running = self._running.pop(rule, None)
        if running is not None:
            self._backs.pop(running.token, None)
            running.task.cancel()
            await asyncio.wait([running.task], timeout=END_S)

    async def _resolved(self, rule: Rule) -> Rule:
        """The rule with keys in the place of labels. Raises `RuleError`."""
        return msgspec.structs.replace(
            rule, peers=tuple([await self._key(rule, peer) for peer in rule.peers])
        )

    async def _key(self, rule: Rule, peer: str) -> str:
        if peer == EVERYBODY and rule.kind in ("offer", "lend"):
            return peer
        try:
            return (await (await self._visor.app()).resolve(peer)).hex()
        except (AppError, TimeoutError) as exc:
            raise RuleError("no-peer", str(exc) or "the visor is away") from exc

    async def _doubt(self, rule: Rule) -> str:
        """Why the peer would not have it now; nothing when it would, or nobody is asked."""
        if rule.kind not in ("fwd", "rev"):
            return ""
        asked: Open | Lend = Open(target=rule.target, udp=rule.udp, probe=True)
        if rule.kind == "rev":
            asked = Lend(listen=rule.listen, token="", udp=rule.udp, probe=True)
        try:
            async with asyncio.timeout(PROBE_S):
                (await self._caller.open(rule.peer, asked, patience_s=PATIENCE_S)).close()
        except NoWay as exc:
            return str(exc)
        except TimeoutError:
            return f"the peer has not answered in {PROBE_S:g} s"
        return ""

    def _row(self, number: int | None, rule: Rule) -> Row:
        row: Row = {
            "id": number,
            "kind": rule.kind,
            "protocol": rule.protocol,
            "listen": rule.listen,
            "target": rule.target,
            "peers": list(rule.peers),
            "trouble": self._troubles.get(rule, ""),
        }
        return row | self._figures(rule)

    def _figures(self, rule: Rule) -> Row:
        if rule.kind == "offer":
            return self.answering.figures(rule)
        if rule.kind == "lend":
            return self._lending.figures(rule)
        running = self._running.get(rule)
        return {} if running is None else running.figures()

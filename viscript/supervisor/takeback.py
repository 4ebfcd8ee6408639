"""The daemon's side of a keeper that was found: instances are brought in line with its records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from viscript.config.model import App, success_codes
from viscript.supervisor.adoption import Adopted, adopted, last_exit, missed
from viscript.supervisor.api import AppEntry
from viscript.supervisor.conductor import Conductor
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.reports import read

log = logging.getLogger(__name__)

MOST_NAMED: Final = 5
UNKNOWN: Final = "keeper"  # the source of an app that only the keeper knows: how to start it is not known

Json = dict[str, Any]  # as the keeper sent it


class Check(Protocol):
    """Checks a run that was launched under an earlier daemon or keeper."""

    def __call__(self, managed: Managed, *, ready: bool) -> None:
        """`ready`: it came up in this very run."""


class TakeBack:
    """Listens to the keeper link."""

    def __init__(
        self,
        conductor: Conductor,
        *,
        check: Check,
        wrote: Callable[[int], None],
        log_dir: Callable[[int, str], str],
        name_of: Callable[[int], str],
        rebooted: bool,
        find_app: Callable[[str], AppEntry | None],
        retell: Callable[[Managed], None],
    ) -> None:
        self._conductor = conductor
        self._check = check
        self._wrote = wrote
        self._log_dir = log_dir
        self._name_of = name_of
        self._rebooted = rebooted
        self._find_app = find_app
        self._retell = retell
        self._live_from = 0
        self._greeted = False
        self.taken = 0
        self.resume: list[int] = []

    def resync(self, hello: Json) -> None:
        """A keeper was found: everything it knows is taken over; what follows is news."""
        if missed(hello, greeted=self._greeted):
            self._conductor.keeper_said({"ev": "gap"})
        self._live_from = int(hello.get("cursor") or 0)
        records = {int(record["seq"]): record for record in hello["instances"]}
        for seq, record in records.items():
            if seq not in self._conductor.managed:
                name = self._name_of(seq) if record.get("found") else ""
                self._stranger(seq, name or str(record["name"]))
        strays = {int(stray["seq"]): stray["pids"] for stray in hello.get("strays") or ()}
        for seq, managed in self._conductor.managed.items():
            if self._greeted and managed.entry.source == "external":
                continue  # the keeper never knew it
            if seq in records or not (self._greeted and _on_its_way(managed)):
                self._take(managed, records.get(seq))
            if seq in records and records[seq].get("found"):
                self._found(managed)
        for seq, pids in strays.items():
            self._stray(seq, pids)
        self._greeted = True
        self.taken = sum(1 for record in records.values() if record["phase"] == "running")

    def _stranger(self, seq: int, name: str) -> None:
        """The keeper has something that the store never heard of: it is shown, not killed, not doubled."""
        log.warning("seq=%d name=%s is not in the store", seq, name)
        known = self._find_app(name.partition("#")[0])
        entry = known or AppEntry(name=name, source=UNKNOWN, spec=App(command=(name,)), argv=(name,))
        self._conductor.managed[seq] = Managed(
            seq=seq,
            name=name,
            entry=entry,
            since=self._conductor.now(),
            args=() if known is None else known.spec.default_args,
            configured=entry.spec.autostart,
            log_dir=self._log_dir(seq, name),
        )

    def _take(self, managed: Managed, record: Json | None) -> None:
        same = record is not None and record["gen"] == managed.generation and record["pid"] == managed.pid
        if same and record is not None and record["phase"] == "running" and managed.pid is not None:
            return  # the keeper was replaced, the app did not notice
        if self._greeted and record is not None and _being_stopped(managed, record):
            managed.generation, managed.pid = int(record["gen"]), record["pid"]
            return  # the link sends the order to stop to this keeper too
        spec = managed.entry.spec
        end = None if record is None else last_exit(record)
        success = end is not None and end.code in success_codes(spec)
        found = adopted(managed.phase, record, success=success, rebooted=self._rebooted)
        if found.phase is managed.phase and record is None:
            return
        was_stopped = self._greeted and managed.phase is Phase.STOPPED
        self._adopt(managed, found, record)
        if was_stopped and found.phase is not Phase.STOPPED:  # we saw it end: its journal lacks that
            self._conductor.fire(managed, Trigger.STOP, reason="it was stopped before its keeper was lost")

    def _adopt(self, managed: Managed, found: Adopted, record: Mapping[str, Any] | None) -> None:
        self._conductor.disarm(managed)
        same_run = record is not None and int(record["gen"]) == managed.generation
        reason, cause = _reason(managed, found, same_run=same_run)
        # The keeper hears at once that a run came up; the store may not have it when the daemon is killed.
        came_up = record is not None and record.get("reached") is True
        was_ready = came_up or (same_run and managed.phase is Phase.READY)
        if record is not None:
            managed.generation = int(record["gen"])
            managed.restarts = found.restarts
            managed.last_exit = found.exit or managed.last_exit
            managed.retry_at = record.get("retry_at")
        running = record is not None and record["phase"] == "running"
        managed.pid = record["pid"] if record is not None and running else None
        managed.started_at = record.get("at") if record is not None and running else None
        goes_on = running and same_run and managed.phase in (Phase.RUNNING, Phase.READY)
        since = managed.since if goes_on else managed.started_at
        self._conductor.adopt(managed, found.phase, reason=reason, cause=cause, since=since, goes_on=goes_on)
        if found.phase is Phase.STOPPING and found.cause:
            managed.aborted = (found.reason, found.cause)  # said again when it is gone
        if found.check:
            self._check(managed, ready=was_ready)
        if found.resume and self._greeted:
            self._conductor.fire(managed, Trigger.START)
        elif found.resume:
            self.resume.append(managed.seq)

    def _found(self, managed: Managed) -> None:
        """The keeper took it back without its records: it is told again what it was told at the launch."""
        self._retell(managed)
        self._conductor.keeper_said(
            {"ev": "found", "seq": managed.seq, "name": managed.name, "pid": managed.pid}
        )

    def _stray(self, seq: int, pids: list[int]) -> None:
        """Nobody leads these processes: they are shown, and nothing is started beside them."""
        if seq not in self._conductor.managed:
            self._stranger(seq, self._name_of(seq) or str(seq))
        managed = self._conductor.managed[seq]
        known = ", ".join(str(pid) for pid in pids[:MOST_NAMED])
        reason = f"processes of it run on without their leader (pid {known}); end them, then start it"
        if seq in self.resume:
            self.resume.remove(seq)
        self._conductor.adopt(managed, Phase.FATAL, reason=reason, cause="leftovers")
        self._conductor.keeper_said({"ev": "stray", "seq": seq, "name": managed.name, "pids": pids})

    def event(self, event: Json) -> None:
        """One event of the keeper: a fact about a run, output, or something about itself."""
        if event.get("ev") == "out":
            self._wrote(int(event["seq"]))
            return
        cursor = int(event.get("cursor") or 0)
        report = read(event)
        if report is None:
            self._conductor.keeper_said(event)
        elif cursor <= self._live_from:
            self._conductor.history(report)
        else:
            self._conductor.report(report)

    def lost(self) -> None:
        """The keeper went away; its apps go on, the next one takes them back."""
        self._conductor.keeper_said({"ev": "keeper_lost"})


def _on_its_way(managed: Managed) -> bool:
    """A launch that the last keeper had not carried out; the link sends it to the next one."""
    return managed.pid is None and managed.phase in (Phase.WAITING, Phase.STARTING)


def _reason(managed: Managed, found: Adopted, *, same_run: bool) -> tuple[str, str]:
    """Reason and cause: of a run whose end is remembered, what was said of it then; it says more."""
    if same_run and found.phase is managed.phase and not found.check and managed.reason:
        return managed.reason, managed.cause
    return found.reason, found.cause


def _being_stopped(managed: Managed, record: Json) -> bool:
    return record["phase"] == "running" and managed.phase in (Phase.STOPPING, Phase.CYCLING)

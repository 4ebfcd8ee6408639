"""Carries this host's part of the cluster's wishes out: compares what is with what is to be, for ever.

Each instance is dealt with by one task at a time; one that failed is tried again after a pause that grows.
Nothing waits for the store here but what changes it: what runs, runs on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from viscript.cluster.desired.keys import RUN, Claim, Slot, pack, slot_key
from viscript.cluster.desired.lease import HostLease
from viscript.cluster.desired.record import Deployment
from viscript.cluster.desired.slots import Facts, Step, step
from viscript.cluster.desired.view import View
from viscript.config.model import role_of
from viscript.errors import ExitCode, VerbError
from viscript.statestore.api import Compare, Delete, StateStore
from viscript.statestore.election import elect
from viscript.statestore.errors import StateStoreError
from viscript.supervisor.api import DEPLOYED, AppEntry, Deployed
from viscript.supervisor.deployed import DeployedApps
from viscript.supervisor.instance import Managed

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
TRY_S: Final = 3.0

EntryOf = Callable[[Deployment], AppEntry]
Run = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True)
class _Case:
    """What a step was decided upon."""

    view: View
    facts: Facts
    managed: Managed | None


@dataclass(frozen=True)
class _Pause:
    """When an instance that failed is tried again, unless another version is ordered before."""

    until: float
    seconds: float
    version: int


class Controller:
    """`run()` it in a task; call `look` when something may have changed."""

    def __init__(
        self,
        store: StateStore,
        lease: HostLease,
        apps: DeployedApps,
        *,
        view: Callable[[], View],
        entry_of: EntryOf,
        moved_from: Callable[[Slot], str],
        run: Run,
    ) -> None:
        self.faults: dict[Slot, str] = {}
        self._store = store
        self._lease = lease
        self._apps = apps
        self._view = view
        self._entry_of = entry_of
        self._moved_from = moved_from
        self._run = run
        self._news = asyncio.Event()
        self._busy: set[Slot] = set()
        self._pauses: dict[Slot, _Pause] = {}

    @property
    def is_busy(self) -> bool:
        """Whether something is being started, stopped or claimed at this moment."""
        return bool(self._busy)

    def look(self) -> None:
        """Compare soon."""
        self._news.set()

    async def run(self) -> None:
        """Compare for ever, at each news and once a second."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                pass  # time itself is news: leases and orders end by it
            self._news.clear()
            try:
                self._compare()
            except Exception:  # a fault in one look must not end all that follow
                log.exception("desired state: one look failed")

    def _compare(self) -> None:
        view, held = self._view(), self._apps.held()
        slots = view.slots(held)
        for gone in (self._pauses.keys() | self.faults.keys()) - set(slots):
            self._forget(gone)
        for slot in slots:
            if slot in self._busy or self._rests(slot, view):
                continue
            managed = held.get(slot)
            facts = view.facts(slot, managed)
            what = step(facts)
            if what is not Step.NOTHING:
                self._busy.add(slot)
                self._run(self._guarded(slot, what, _Case(view, facts, managed)))

    def _rests(self, slot: Slot, view: View) -> bool:
        pause = self._pauses.get(slot)
        if pause is None or pause.version != view.version(slot):
            return False
        return pause.until > asyncio.get_running_loop().time()

    def _forget(self, slot: Slot) -> None:
        self.faults.pop(slot, None)
        self._pauses.pop(slot, None)

    async def _guarded(self, slot: Slot, what: Step, case: _Case) -> None:
        try:
            await self._carry_out(slot, what, case)
        except (VerbError, StateStoreError) as exc:
            self._failed(slot, what, case, str(exc))
        except Exception as exc:  # one instance's fault must not stop its neighbours
            log.exception("%s/%d: %s failed", *slot, what)
            self._failed(slot, what, case, str(exc))
        else:
            self._forget(slot)
        finally:
            self._busy.discard(slot)
            self._news.set()

    def _failed(self, slot: Slot, what: Step, case: _Case, why: str) -> None:
        if self.faults.get(slot) != why:
            log.warning("%s/%d: %s: %s", *slot, what, why)
        self.faults[slot] = why
        version, before = case.view.version(slot), self._pauses.get(slot)
        again = before is not None and before.version == version
        seconds = min(2 * before.seconds, LONGEST_PAUSE_S) if before and again else FIRST_PAUSE_S
        until = asyncio.get_running_loop().time() + seconds
        self._pauses[slot] = _Pause(until, seconds, version)

    async def _carry_out(self, slot: Slot, what: Step, case: _Case) -> None:
        log.info("%s/%d: %s", *slot, what)
        if what in (Step.STOP, Step.REPLACE) and case.managed is not None:
            await self._apps.stop(case.managed.seq)  # that may take long: what follows is decided anew
        if what is Step.FORGET and case.managed is not None:
            self._apps.forget(case.managed.seq)
        if what is Step.RELEASE:
            await self._release(slot, case.facts.claim)
        elif what is Step.CLAIM:
            await self._claim(slot, case.view)
        elif what is Step.START:
            await self._start(slot, case.view, fence=case.facts.claim)

    async def _claim(self, slot: Slot, view: View) -> None:
        """Nobody runs it: who makes the key does, and starts it under that key's revision."""
        value = pack(Claim(view.me, view.label))
        elected = await elect(self._store, slot_key(RUN, slot), value, view.lease, timeout=TRY_S)
        if elected.lease == view.lease:
            await self._start(slot, view, fence=elected.fence)

    async def _release(self, slot: Slot, fence: int) -> None:
        key = slot_key(RUN, slot)
        await self._store.txn((Compare(key, "created", "=", fence),), (Delete(key),), timeout=TRY_S)

    async def _start(self, slot: Slot, view: View, *, fence: int) -> None:
        deployment = view.deployments[slot[0]]
        fence = fence if deployment.exclusive else 0
        entry = self._entry_of(deployment)
        told = Deployed(
            app=slot[0],
            number=slot[1],
            version=deployment.version,
            what=deployment.what,
            fence=fence,
            key=slot_key(RUN, slot) if fence else "",
            lease=f"{view.lease:x}" if fence else "",
            file=self._lease.file_of(view.lease) if fence else "",
            moved_from=self._moved_from(slot) or deployment.came_from,
        )
        entry = msgspec.structs.replace(entry, name=slot[0], source=DEPLOYED, deployed=told)
        done = await self._apps.start(entry, deployment.args, deployment.env)
        if not done.ok:
            log.warning("%s/%d does not come up: %s", *slot, done.reason)


def entry_from(deployment: Deployment, find: Callable[[str], AppEntry], *, by_admin: bool) -> AppEntry:
    """What the order says to run, or what this host knows by that name. Raises VerbError.

    A key that may only operate has run what this host's own configuration and plugins name, as `start` does:
    a program and an environment of its own take an admin (decision 0167).
    """
    app = deployment.app
    if not by_admin and deployment.env:
        text = f"{app}: its order sets the environment, and who signed it may operate, not admin"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    if not by_admin:
        return _own(app, find, carried=bool(deployment.entry))
    if not deployment.entry:
        return find(app)
    try:
        return msgspec.msgpack.decode(deployment.entry, type=AppEntry)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        text = f"{app}: this host does not understand the order; is its version older? ({exc})"
        raise VerbError(ExitCode.FAILED, text) from exc


def _own(app: str, find: Callable[[str], AppEntry], *, carried: bool) -> AppEntry:
    try:
        entry = find(app)
    except VerbError as exc:
        if not carried:
            raise
        why = "who signed its order may operate, not admin, so it runs where the configuration has it"
        raise VerbError(ExitCode.NOT_PERMITTED, f"{app}: {why}; this host's has not") from exc
    if role_of(entry.spec) == "admin":
        text = f"{app}: to start it needs the role admin here, and who signed its order may operate"
        raise VerbError(ExitCode.NOT_PERMITTED, text)
    return entry


def of_host(managed: Mapping[Slot, Managed]) -> list[int]:
    """The leases that what lives here was started under, the highest number first."""
    found = [one.entry.deployed.lease for one in managed.values() if one.pid and one.entry.deployed]
    return sorted({int(lease, 16) for lease in found if lease}, reverse=True)

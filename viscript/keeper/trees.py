"""Looks at, signals and kills whole trees. Orders of one turn share one scan of the system."""

import signal
import time
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from viscript.keeper.found import instance_of, leaders
from viscript.keeper.groups import Groups
from viscript.keeper.host import Host, Process
from viscript.keeper.instance import Instance
from viscript.keeper.orphans import Orphans
from viscript.keeper.protocol import Refusal
from viscript.keeper.table import ALIVE
from viscript.keeper.tree import Members, is_zombie, members, oldest

_KILL_ROUNDS: Final = 8  # scans for newcomers before the kill; a bomb that outruns them meets the next kill
_EMPTY_TWICE: Final = 2


class Verdicts(Protocol):
    """Who hears what a look found."""

    def tree_empty(self, instance: Instance) -> None:
        """Nothing is left."""

    def tree_left(self, instance: Instance, count: int) -> None:
        """Something is left, without its leader."""


class Trees:
    """Collects orders and carries them out at the end of the turn."""

    def __init__(
        self,
        host: Host,
        groups: Groups,
        keeper: int,
        apps: Mapping[int, Instance],
        verdicts: Verdicts,
    ) -> None:
        self._host = host
        self._groups = groups
        self._keeper = keeper
        self._apps = apps
        self._verdicts = verdicts
        self._signals: dict[int, Instance] = {}
        self._kills: dict[int, Instance] = {}
        self._looks: dict[int, Instance] = {}
        self.orphans = Orphans(host, groups.owner)
        self.strays: set[int] = set()  # apps with processes and no leader when their journal was lost

    def look_for_strays(self, seqs: set[int]) -> dict[int, Instance | None]:
        """Which of these, that the journal does not know, have processes all the same, and who leads them."""
        processes = self._host.scan() if seqs else []
        tags = {process.tag for process in processes if process.tag in seqs and not is_zombie(process)}
        groups = {seq: group for seq, group in self._groups.known().items() if seq in seqs}
        tags |= {seq for seq, group in groups.items() if self._groups.pids(group)}
        strays: dict[int, Instance | None] = dict.fromkeys(seqs & tags)
        for seq, leader in leaders(seqs, processes).items():
            clock = self._host.start_clock()
            found = instance_of(seq, leader, now=time.time(), clock=clock)
            found.group = groups.get(seq)
            strays[seq] = found
        self.strays = {seq for seq, instance in strays.items() if instance is None}
        return strays

    def left_of_strays(self) -> dict[int, list[int]]:
        """The living processes of each app that has no leader to be taken back by."""
        processes = self._host.scan() if self.strays else []
        left: dict[int, list[int]] = {}
        for process in processes:
            if process.tag in self.strays and not is_zombie(process):
                assert process.tag is not None
                left.setdefault(process.tag, []).append(process.pid)
        for seq, group in self._groups.known().items() if self.strays else ():
            if seq in self.strays and (inside := self._groups.pids(group)):
                left[seq] = sorted({*left.get(seq, ()), *inside})
        return left

    def refuse_second(self, seq: int) -> None:
        """Raises `Refusal` while processes of that app run which no journal knows: it is never doubled."""
        if seq not in self.strays:
            return
        left = self.left_of_strays().get(seq)
        if left:
            text = f"its process {min(left)} is from before the keeper's journal was lost; end that first"
            raise Refusal("running", text)
        self.strays.discard(seq)

    def signal(self, instance: Instance) -> None:
        """Give the plan's signal to every member that did not get it yet, this turn."""
        self._signals[instance.seq] = instance

    def kill(self, instance: Instance) -> None:
        """Stop all members, then kill all, this turn."""
        self._kills[instance.seq] = instance

    def look(self, instance: Instance) -> None:
        """Tell whether anything is left: at once when our children say it, else this turn."""
        left = self._count(instance)
        if self._sees(instance):
            self._tell(instance, left)
        else:
            self._looks[instance.seq] = instance

    def left_behind(self, instance: Instance) -> int:
        """How many processes an app left, as far as our children and its group say."""
        left = self._count(instance)
        return left if self._sees(instance) else 0

    def _count(self, instance: Instance) -> int:
        left = len(self.orphans.of(instance.seq)) if instance.ours else 0
        return max(left, len(self._groups.pids(instance.group)))

    def members(self, instance: Instance) -> list[Process]:
        """The living processes of one app, now."""
        return self._members_of({instance.seq: instance}).get(instance.seq, [])

    def survey(self) -> Members:
        """All members of all apps, now."""
        sessions = {
            app.session: app.seq
            for app in self._apps.values()
            if app.session is not None and app.phase in ALIVE and (app.pid is not None or not self._host.tags)
        }
        processes = self._host.scan()
        found = members(processes, sessions, self._keeper, self._grouped())
        if not self._host.tags:
            self._add_signalled(processes, found)
        return found

    def _grouped(self) -> dict[int, int]:
        """The app of every process that is in the group of one."""
        return {
            pid: app.seq
            for app in self._apps.values()
            if app.group is not None
            for pid in self._groups.pids(app.group)
        }

    def turn(self) -> bool:
        """Carry out what was ordered; true when there is more to do at once."""
        if self._signals:
            self._signal_all()
        if self._kills:
            self._kill_all()
        if self._looks:
            self._look_all()
        return bool(self._signals or self._kills or self._looks)

    def send(self, processes: Iterable[Process], signum: int) -> int:
        """Signal each of them; how many got it."""
        return sum(self._send(process, signum) for process in processes)

    def signal_app(self, instance: Instance, signum: int) -> int:
        """Signal all of an app, now; how many got it."""
        return self.send((one for one in self.members(instance) if not _is_warden(instance, one)), signum)

    def signal_leader(self, instance: Instance, signum: int) -> bool:
        """Signal the one process that the app began with; whether it was there. Raises PermissionError."""
        if instance.pid is None:
            return False
        if instance.spec.fence is None:
            return self._host.send(instance.pid, instance.start, signum)
        first = oldest(one for one in self._host.scan() if one.ppid == instance.pid and not is_zombie(one))
        return first is not None and self._host.send(first.pid, first.start, signum)

    def _members_of(self, orders: Mapping[int, Instance]) -> Members:
        """The members of some apps; without a scan where the leaders say that they are alone."""
        found: Members = {}
        for seq, instance in orders.items():
            alone = self._alone(instance)
            if alone is None:
                return self.survey()
            found[seq] = [alone]
        return found

    def _alone(self, instance: Instance) -> Process | None:
        """The leader, when it is our child, childless and nothing of its tree is orphaned."""
        if instance.pid is None or not instance.ours or self.orphans.of(instance.seq):
            return None
        if len(self._groups.pids(instance.group)) > 1:
            return None
        return self._host.lone(instance.pid) if self.orphans.usable else None

    def _add_signalled(self, processes: list[Process], found: Members) -> None:
        """Without tags, a member that was seen once stays one though it has lost its parent since."""
        table = {(process.pid, process.start): process for process in processes if not is_zombie(process)}
        for app in self._apps.values():
            for key in app.plan.signalled if app.plan else ():
                if key in table and table[key] not in found.get(app.seq, ()):
                    found.setdefault(app.seq, []).append(table[key])

    def _sees(self, instance: Instance) -> bool:
        return instance.ours and self.orphans.usable

    def _signal_all(self) -> None:
        orders, self._signals = self._signals, {}
        found = self._members_of(orders)
        for instance in orders.values():
            plan = instance.plan
            signum = plan.signum if plan else signal.SIGTERM
            signalled = plan.signalled if plan else set()
            for process in found.get(instance.seq, ()):
                if (process.pid, process.start) in signalled or _is_warden(instance, process):
                    continue
                signalled.add((process.pid, process.start))
                self._send(process, signum)
                if process.state in "Tt":
                    self._send(process, signal.SIGCONT)  # a stopped one takes no signal but this

    def _kill_all(self) -> None:
        orders, self._kills = self._kills, {}
        for instance in orders.values():
            self._groups.kill(instance.group)
        frozen: dict[tuple[int, int], Process] = {}
        for _ in range(_KILL_ROUNDS):
            found = self._members_of(orders)
            fresh = [
                process
                for seq in orders
                for process in found.get(seq, ())
                if (process.pid, process.start) not in frozen
            ]
            if not fresh:
                break
            self.send(fresh, signal.SIGSTOP)
            frozen |= {(process.pid, process.start): process for process in fresh}
        self.send(frozen.values(), signal.SIGKILL)
        for instance in orders.values():
            self._groups.thaw(instance.group)
            if instance.pid is None:
                self.look(instance)

    def _look_all(self) -> None:
        orders, self._looks = self._looks, {}
        found = self.survey()
        for instance in orders.values():
            left = len(found.get(instance.seq, ()))
            instance.empties = 0 if left else instance.empties + 1
            if left or instance.empties >= _EMPTY_TWICE:
                self._tell(instance, left)
            else:
                self._looks[instance.seq] = instance

    def _tell(self, instance: Instance, left: int) -> None:
        instance.empties = 0
        if left:
            self._verdicts.tree_left(instance, left)
        else:
            self._verdicts.tree_empty(instance)

    def _send(self, process: Process, signum: int) -> bool:
        try:
            return self._host.send(process.pid, process.start, signum)
        except PermissionError:
            return False  # it became another user's; the look at the end tells that it is still there


def _is_warden(instance: Instance, process: Process) -> bool:
    """Whether it only watches over the app: a signal to the app does not concern it."""
    return instance.spec.fence is not None and process.pid == instance.pid

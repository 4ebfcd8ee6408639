"""Carries out the table: spawns, waits, decides, stops. Every change is journalled, then told.

`feed` is the only way a phase changes. An action that may feed again is the last of its row, so rows never
overlap.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from viscript.keeper.belongings import Belongings
from viscript.keeper.drain import Note, Paused, Resumed
from viscript.keeper.fences import Fences
from viscript.keeper.groups import Groups
from viscript.keeper.host import Host
from viscript.keeper.instance import Instance, StopPlan
from viscript.keeper.journal import Journal
from viscript.keeper.leaders import Leaders
from viscript.keeper.loop import Loop
from viscript.keeper.policy import RESTART, Exit, Verdict, decide, next_delay, reached_running
from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.spawn import Spawner, environment
from viscript.keeper.table import IDLE, STOPPING, TABLE, Action, Event, Phase
from viscript.keeper.tokens import token_of
from viscript.keeper.trees import Trees

_LOOK_AGAIN_S: Final = 0.1
_RESCAN_S: Final = 0.02
_RESCAN_MOST_S: Final = 1.0
# What another try of an app that ran before may not meet: its file is being replaced, a disk comes late.
_TRANSIENT: Final = {"spawn", "not-found", "not-executable", "no-cwd", "address-taken", "no-address"}


class Tell(Protocol):
    """Records an event and sends it."""

    def __call__(self, kind: str, fields: Json) -> None:
        """`fields` are the event's own."""


def _chance() -> float:
    """A random number from 0 to 1, without the weight of `random`."""
    return int.from_bytes(os.urandom(4), "big") / (1 << 32)


class Life:
    """All apps of one home, and what becomes of them."""

    def __init__(
        self,
        *,
        loop: Loop,
        host: Host,
        journal: Journal,
        spawner: Spawner,
        tell: Tell,
        folder: str,
        groups: Groups,
        keeper: int,
        base: Mapping[str, str],
        crash_at: Callable[[str], None] = lambda point: None,
    ) -> None:
        self.apps: dict[int, Instance] = {}
        self.belongings = Belongings(folder, loop, host.move, self, groups, Fences(loop, self, tell))
        self.streams = self.belongings.streams
        self.base = dict(base)
        self.restarts = 0
        self._loop = loop
        self._host = host
        self._journal = journal
        self._spawner = spawner
        self._tell = tell
        self._crash_at = crash_at  # tests end the keeper between two steps
        self.trees = Trees(host, groups, keeper, self.apps, self)
        self.leaders = Leaders(loop, host, self.trees.orphans, self)
        self._carry_out: dict[Action, Callable[[Instance], None]] = {
            Action.SPAWN: self._spawn,
            Action.ANNOUNCE_SPAWN: self._announce_spawn,
            Action.LOOK: self._look,
            Action.ARM_PAUSE: self._arm_pause,
            Action.ANNOUNCE_EMPTY: self._announce_empty,
            Action.CLEAR_TREE: self._clear_tree,
            Action.ARM_ASK: self._arm_ask,
            Action.SIGNAL_TREE: self._signal_tree,
            Action.ARM_GRACE: self._arm_grace,
            Action.KILL_TREE: self._kill_tree,
            Action.ARM_RESCAN: self._arm_rescan,
            Action.DISARM: self._disarm,
            Action.ANNOUNCE_STOP: self._announce_stop,
            Action.SETTLE: self._settle,
        }

    def add(self, instance: Instance) -> None:
        """Know an app from now on."""
        self.apps[instance.seq] = instance
        self.belongings.add(instance)

    def drop(self, seq: int, *, hold: bool = False) -> Instance:
        """Know an app no more; with `hold`, its sockets wait for the one that follows."""
        self._journal.write({"seq": seq, "del": True})
        instance = self.apps.pop(seq)
        self.belongings.drop(instance, hold=hold)
        self._disarm(instance)
        return instance

    def feed(self, instance: Instance, event: Event) -> None:
        """One event: the next phase, then its actions."""
        step = TABLE.get((instance.phase, event))
        if step is None:
            return
        instance.phase, actions = step
        before = instance.saves
        for action in actions:
            self._carry_out[action](instance)
        if instance.saves == before:  # else a row that the last action led to has saved all of it
            self.save(instance)

    def save(self, instance: Instance) -> None:
        """Journal what changed."""
        instance.saves += 1
        changed = instance.unsaved(self._journal.picture.apps.get(instance.seq, {}))
        if changed and self.apps.get(instance.seq) is instance:
            self._journal.write({"seq": instance.seq, "set": changed})

    def launch(self, instance: Instance) -> None:
        """A run that was ordered. Raises `Refusal` when it cannot be."""
        self.feed(instance, Event.LAUNCH)

    def stop(self, instance: Instance, plan: StopPlan, *, kill: bool = False) -> None:
        """Begin a stop, or go on faster with one."""
        if instance.phase in STOPPING and instance.plan is not None:
            plan.began, plan.rung = instance.plan.began, instance.plan.rung
            plan.signalled = instance.plan.signalled
        instance.plan = plan
        first = Event.STOP if plan.ask > 0 else Event.TERM
        self.feed(instance, Event.KILL if kill else first)

    def tree_empty(self, instance: Instance) -> None:
        """A look found nothing."""
        if instance.pid is None:
            self.feed(instance, Event.EMPTY)

    def tree_left(self, instance: Instance, count: int) -> None:
        """A look found something; look again until it is gone."""
        if instance.pid is not None:
            return
        instance.leftovers = count
        self.feed(instance, Event.LEFT)
        if instance.phase not in IDLE and (instance.look_timer is None or instance.look_timer.call is None):
            instance.look_timer = self._loop.after(_LOOK_AGAIN_S, lambda: self._look_again(instance))

    def rearm(self, instance: Instance) -> None:
        """Go on where an earlier keeper was cut short."""
        if instance.phase is Phase.BACKOFF:
            left = (instance.retry_at or 0.0) - time.time()
            instance.delay = min(max(left, 0.0), instance.policy.max_delay)
            self._arm_pause(instance)
        elif instance.phase in STOPPING:
            instance.phase = Phase.RUNNING
            self.feed(instance, Event.TERM)
        elif instance.phase in (Phase.CLEARING, Phase.LINGERING):
            self._look(instance)

    def signal_leader(self, instance: Instance, signum: int) -> bool:
        """Signal the leader alone; whether it was there. Raises PermissionError."""
        return self.trees.signal_leader(instance, signum)

    def note(self, seq: int, stream: str, note: Note) -> None:
        """Something happened to a stream."""
        if isinstance(note, Paused):
            self._tell("log_paused", {**self._who(seq), "stream": stream, "errno": note.errno})
        elif isinstance(note, Resumed):
            self._tell("log_resumed", {**self._who(seq), "stream": stream, "lost": note.lost})

    def grown(self, seq: int, stream: str, end: int) -> None:
        """A watched log has grown."""
        self._tell("out", {**self._who(seq), "stream": stream, "end": end})

    def orphan_gone(self, seq: int) -> None:
        """Something an app left is gone: was it the last?"""
        instance = self.apps.get(seq)
        if instance is not None and instance.pid is None and instance.phase not in IDLE:
            self._look(instance)

    # What the table orders.

    def _spawn(self, instance: Instance) -> None:
        """Write down that it comes, make it, write down that it is there."""
        self.save(instance)
        self._crash_at("intent")
        try:
            ends = self.belongings.prepare(instance)
            environ = environment(self.base, instance.spec, instance.seq, instance.gen)
            self._crash_at("ends")
            before = self._host.start_clock()
            secret = token_of(instance.spec.token_key, instance.seq, instance.gen)
            pid = self._spawner.spawn(instance.seq, instance.spec, environ, ends, secret)
        except Refusal as refusal:
            self._unspawned(instance, refusal)
            return
        self._crash_at("spawned")
        instance.pid = instance.session = pid
        self.belongings.put(instance)
        # To ask the system takes longer than the spawn, while the new process sets itself up.
        instance.start = before if self._host.start_clock() == before else self._host.start_of(pid)
        instance.began, instance.began_mono = time.time(), self._loop.now()
        instance.reached, instance.condemned, instance.retry_at = False, "", None
        instance.plan = instance.held = None
        instance.ours, instance.ousted, instance.leftovers = True, False, 0
        self.leaders.watch_own(instance, pid)
        self.feed(instance, Event.SPAWNED)
        self._crash_at("noted")

    def _unspawned(self, instance: Instance, refusal: Refusal) -> None:
        if not instance.restarting:
            self.feed(instance, Event.UNSPAWNABLE)
            raise refusal
        transient = refusal.code in _TRANSIENT
        delay = next_delay(instance.policy, instance.history.delayed, _chance())
        instance.delay = delay
        fields = {**self._who(instance.seq), "code": refusal.code, "text": refusal.text}
        self._tell("spawn_failed", {**fields, "delay": delay if transient else None})
        if transient:
            instance.history = instance.history._replace(delayed=instance.history.delayed + 1)
        self.feed(instance, Event.UNSPAWNED if transient else Event.UNSPAWNABLE)

    def _announce_spawn(self, instance: Instance) -> None:
        fields = {"pid": instance.pid, "start": instance.start, "at": instance.began}
        self._tell("spawned", {**self._who(instance.seq), **fields, "restart": instance.restarting})
        instance.restarting = True

    def _look(self, instance: Instance) -> None:
        if instance.pid is not None:
            return  # the leader lives; its end will look
        if instance.plan is not None and not instance.plan.tree and instance.phase in STOPPING:
            self.feed(instance, Event.EMPTY)
            return
        self.trees.look(instance)

    def _look_again(self, instance: Instance) -> None:
        if instance.phase in IDLE or instance.pid is not None:
            return
        self._look(instance)

    def _arm_pause(self, instance: Instance) -> None:
        if instance.delay <= 0:
            self.due(instance)
            return
        instance.retry_at = time.time() + instance.delay
        instance.timer = self._loop.after(instance.delay, lambda: self.due(instance))

    def due(self, instance: Instance) -> None:
        """The pause is over: the next generation comes."""
        if instance.phase is not Phase.BACKOFF:
            return
        instance.gen += 1
        instance.restarts += 1
        self.restarts += 1
        self.feed(instance, Event.DUE)

    def _announce_empty(self, instance: Instance) -> None:
        if instance.leftovers:
            self._tell("tree_empty", self._who(instance.seq))
        instance.leftovers = 0
        instance.session = None
        if instance.look_timer is not None:
            instance.look_timer.cancel()

    def _clear_tree(self, instance: Instance) -> None:
        """What a crashed leader left is asked to go, so that its successor can come."""
        grace = instance.policy.leftover_grace
        if grace is None or (instance.timer is not None and instance.timer.call is not None):
            return
        self.trees.signal(instance)
        instance.timer = self._loop.after(grace, lambda: self.feed(instance, Event.RUNG))

    def _arm_ask(self, instance: Instance) -> None:
        assert instance.plan is not None
        instance.plan.rung = "bus"
        self._arm_rung(instance, instance.plan.ask)

    def _signal_tree(self, instance: Instance) -> None:
        assert instance.plan is not None
        instance.plan.rung = "term"
        if instance.plan.tree:
            self.trees.signal(instance)
        else:
            self.trees.signal_leader(instance, instance.plan.signum)

    def _arm_grace(self, instance: Instance) -> None:
        assert instance.plan is not None
        self._arm_rung(instance, instance.plan.grace)

    def _kill_tree(self, instance: Instance) -> None:
        if instance.plan is not None:
            instance.plan.rung = "kill"
        if instance.plan is None or instance.plan.tree:
            self.trees.kill(instance)
        elif instance.pid is not None:
            self._host.send(instance.pid, instance.start, 9)

    def _arm_rescan(self, instance: Instance) -> None:
        instance.rescan = min(max(2 * instance.rescan, _RESCAN_S), _RESCAN_MOST_S)
        self._arm_rung(instance, instance.rescan)

    def _arm_rung(self, instance: Instance, seconds: float) -> None:
        instance.timer = self._loop.after(seconds, lambda: self.feed(instance, Event.RUNG))

    def _disarm(self, instance: Instance) -> None:
        instance.rescan = 0.0
        for timer in (instance.timer, instance.look_timer):
            if timer is not None:
                timer.cancel()

    def _announce_stop(self, instance: Instance) -> None:
        plan, instance.plan = instance.plan, None
        relaunch, instance.relaunch = instance.relaunch, None
        last = instance.exits[-1] if instance.exits and instance.exits[-1].gen == instance.gen else None
        fields = {
            "code": last and last.exit.code,
            "signal": last and last.exit.signal,
            "rung": plan.rung if plan else "none",
            "seconds": round(self._loop.now() - plan.began, 6) if plan else 0.0,
            "next": "restart" if relaunch is not None else "stopped",
        }
        self._tell("stopped", {**self._who(instance.seq), **fields})
        if relaunch is not None:
            instance.gen = relaunch
            self.feed(instance, Event.LAUNCH)

    def _settle(self, instance: Instance) -> None:
        """Nothing runs: the last bytes into the log, everything closed."""
        instance.leftovers, instance.retry_at, instance.session = 0, None, None
        if instance.relaunch is None:
            self.belongings.settle(instance)

    def leader_gone(self, instance: Instance, pid: int, end: Exit) -> None:
        """A leader ended: another takes its place, or the policy decides."""
        if instance.spec.forking and instance.phase is Phase.RUNNING and self._succeeds(instance):
            return
        self.belongings.fences.look_at(instance)  # the warden may have ended it
        planned = instance.phase in STOPPING
        runtime = self._runtime(instance)
        verdict = self._verdict(instance, end, runtime)
        instance.ended(end, time.time(), runtime)
        instance.history, instance.delay = verdict.history, verdict.delay
        restart = verdict.next == RESTART and not planned
        instance.leftovers = self.trees.left_behind(instance)
        self._tell(
            "exited",
            {
                **self._who(instance.seq),
                "pid": pid,
                "code": end.code,
                "signal": end.signal,
                "core": end.core,
                "runtime": runtime,
                "planned": planned,
                "next": "stopped" if planned else verdict.next,
                "delay": verdict.delay if restart else None,
                "leftovers": instance.leftovers,
            },
        )
        self.feed(instance, Event.CRASHED if restart else Event.FINISHED)

    def _verdict(self, instance: Instance, end: Exit, runtime: float | None) -> Verdict:
        lived = runtime if runtime is not None else 0.0
        return decide(
            instance.policy,
            instance.history,
            end,
            reached=reached_running(instance.policy, told=instance.reached, runtime=lived),
            runtime=lived,
            now=self._loop.now(),
            chance=_chance(),
            condemned=instance.condemned,
        )

    def _runtime(self, instance: Instance) -> float | None:
        if instance.began_mono is not None:
            return self._loop.now() - instance.began_mono
        return max(time.time() - instance.began, 0.0) if instance.began is not None else None

    def _succeeds(self, instance: Instance) -> bool:
        """A forking app: its oldest child leads from now on."""
        left = self.trees.orphans.of(instance.seq) if instance.ours else []
        if not left:
            return False
        pid = instance.pid = left[0]
        instance.start = self._host.start_of(pid)
        self.trees.orphans.adopt_leader(pid)
        self.leaders.watch_own(instance, pid)
        self._tell("forked", {**self._who(instance.seq), "pid": pid, "start": instance.start})
        self.save(instance)
        return True

    def _who(self, seq: int) -> Json:
        instance = self.apps[seq]
        return {"seq": seq, "gen": instance.gen}

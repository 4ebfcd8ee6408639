"""A new keeper takes over what an earlier one left running. Never a second copy of anything.

The journal says what was meant, one scan of the system says what is. A process is the journalled one when
pid, start time, boot and pid namespace agree. A spawn that was announced and not confirmed is looked for by
its tag; between the kernel's clone and the new session such a child is waited for, a moment.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from viscript.keeper.found import begun, later_run
from viscript.keeper.host import Host, Process
from viscript.keeper.instance import Instance, instance_from
from viscript.keeper.journal import Journal
from viscript.keeper.life import Life, Tell
from viscript.keeper.policy import Exit
from viscript.keeper.protocol import Json, KeeperError
from viscript.keeper.table import ALIVE, IDLE, Event, Phase
from viscript.keeper.tree import is_zombie, oldest

_SESSION_TRIES: Final = 100
_SESSION_PAUSE_S: Final = 0.005


def restore(
    journal: Journal, life: Life, folder: str, now: float, fault: Callable[[BaseException], None]
) -> list[Instance]:
    """The journalled apps, and those found without it. One that cannot be read is reported and left alone.

    FIFOs of none are removed.
    """
    restored = []
    for seq, fields in tuple(journal.picture.apps.items()):
        try:
            instance = instance_from(seq, fields, now)
        except (KeeperError, KeyError, ValueError, TypeError, AttributeError) as exc:
            fault(exc)
            continue
        life.add(instance)
        restored.append(instance)
    alive = {app.seq for app in restored if app.phase not in IDLE}
    groups = life.belongings.groups
    strays = life.trees.look_for_strays((_seqs_of_fifos(folder) | groups.known().keys()) - alive)
    for seq in groups.known().keys() - alive - strays.keys():
        groups.remove(groups.known()[seq])
    _remove_fifos(folder, alive | strays.keys())
    for found in strays.values():
        if found is not None:
            life.add(found)
            life.save(found)
            restored.append(found)
    return restored


def adopt_all(instances: Iterable[Instance], life: Life, host: Host, keeper: int, tell: Tell) -> None:
    """Take over each app where it stands."""
    table: dict[int, Process] = {}
    tagged: defaultdict[int | None, list[Process]] = defaultdict(list)
    for process in host.scan():
        table[process.pid] = process
        tagged[process.tag].append(process)
    for instance in instances:
        if instance.phase in IDLE:
            continue
        _catch_up(instance, life, host, tagged[instance.seq])
        if not instance.found and (not instance.spec.tty or instance.phase in ALIVE):
            life.streams[instance.seq].reopen(instance.spec)
        if instance.phase is Phase.SPAWNING:
            _finish_spawn(instance, life, host, keeper, table)
        elif instance.phase in ALIVE and instance.pid is not None:
            _adopt(instance, life, host, keeper, table.get(instance.pid))
        life.rearm(instance)
        tell(
            "adopted",
            {"seq": instance.seq, "gen": instance.gen, "pid": instance.pid, "phase": instance.phase.value},
        )


def _catch_up(instance: Instance, life: Life, host: Host, mine: list[Process]) -> None:
    """A later run than the journal knows of is the one to take over, not a reason to start another."""
    if any(process.pid == instance.pid and _is(process, instance) for process in mine):
        return
    later = later_run(instance.gen, mine)
    if later is None:
        return
    instance.gen, leader = later
    instance.phase = Phase.RUNNING
    instance.pid = instance.session = leader.pid
    instance.start = leader.start
    instance.began = begun(leader, now=time.time(), clock=host.start_clock())
    instance.group = life.belongings.groups.known().get(instance.seq)
    instance.plan = instance.relaunch = instance.retry_at = None
    instance.reached, instance.condemned = False, ""
    life.save(instance)


def end_all(instances: Iterable[Instance], life: Life, tell: Tell) -> None:
    """The host was started anew: no pid means what it meant, nothing runs."""
    for instance in instances:
        if instance.phase in IDLE:
            continue
        if instance.pid is not None:
            instance.ended(Exit(), time.time(), None)
        instance.phase = Phase.ENDED
        instance.session = instance.plan = instance.relaunch = instance.retry_at = instance.group = None
        life.save(instance)
        tell("lost", {**_who(instance), "reason": "host restarted"})


def _adopt(instance: Instance, life: Life, host: Host, keeper: int, process: Process | None) -> None:
    """The journalled leader lives, or ended while nobody was there."""
    assert instance.pid is not None
    if process is not None and process.ppid == keeper and _is(process, instance):
        instance.ours = True
        life.leaders.watch_own(instance, instance.pid)  # also a zombie: the reaper tells its code
        return
    if host.is_alive(instance.pid, instance.start):
        life.leaders.watch_adopted(instance, instance.pid)
        return
    end = host.exit_of(instance.pid, instance.start, None)
    life.leaders.lost(instance, instance.pid, end if end is not None else Exit())


def _finish_spawn(instance: Instance, life: Life, host: Host, keeper: int, table: dict[int, Process]) -> None:
    """It was announced: is it there?"""
    leader = _unconfirmed(instance.seq, host, table)
    if leader is None:
        instance.phase = Phase.BACKOFF  # it never came to be, or is gone already: now it comes
        life.feed(instance, Event.DUE)
        return
    instance.pid = instance.session = leader.pid
    instance.start = leader.start
    instance.began = time.time()
    instance.began_mono = None
    instance.plan, instance.leftovers = None, 0
    instance.ours = leader.ppid == keeper
    life.belongings.put(instance)
    if instance.ours:
        life.leaders.watch_own(instance, leader.pid)
    else:
        life.leaders.watch_adopted(instance, leader.pid)
    life.feed(instance, Event.SPAWNED)


def _unconfirmed(seq: int, host: Host, table: dict[int, Process]) -> Process | None:
    """The leader of an announced spawn: the oldest process with the tag, once it has its own session."""
    leader = _oldest_tagged(seq, table.values())
    tries = _SESSION_TRIES
    while leader is not None and leader.sid != leader.pid and tries:
        tries -= 1
        time.sleep(_SESSION_PAUSE_S)
        leader = _oldest_tagged(seq, host.scan())
    return leader


def _oldest_tagged(seq: int, processes: Iterable[Process]) -> Process | None:
    return oldest(process for process in processes if process.tag == seq and not is_zombie(process))


def _seqs_of_fifos(folder: str) -> set[int]:
    return {int(seq) for name in os.listdir(folder) if (seq := name.partition(".")[0]).isdecimal()}


def _remove_fifos(folder: str, alive: set[int]) -> None:
    for name in os.listdir(folder):
        seq = name.partition(".")[0]
        if not (seq.isdecimal() and int(seq) in alive):
            os.unlink(f"{folder}/{name}")


def _who(instance: Instance) -> Json:
    return {"seq": instance.seq, "gen": instance.gen}


def _is(process: Process, instance: Instance) -> bool:
    return instance.start is not None and abs(process.start - instance.start) <= 2

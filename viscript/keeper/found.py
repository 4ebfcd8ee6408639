"""Apps that run though no journal knows them: it was destroyed, and the keeper that wrote it was killed.

Every process carries the id of its app as a tag, and the leader of an app leads its session: with both,
nothing is guessed. What the app was told at its start (its generation) stands in its environment. How to
start it again nobody here knows: it is not restarted, and its output waits in its pipe, until the daemon
says more (`update`). Hosts without tags find nothing.
"""

import os
from collections.abc import Iterable
from typing import Final

from viscript.keeper.host import Process
from viscript.keeper.instance import Instance
from viscript.keeper.spec import Policy, Spec
from viscript.keeper.table import Phase
from viscript.keeper.tree import is_zombie, oldest

_GENERATION: Final = b"VISCRIPT_GENERATION="
_TICKS: Final = os.sysconf("SC_CLK_TCK")  # of start times, where there are tags


def leaders(seqs: set[int], processes: Iterable[Process]) -> dict[int, Process]:
    """The oldest leader of a session among the living processes of each of these apps."""
    mine: dict[int, list[Process]] = {}
    for process in processes:
        if process.tag in seqs and process.sid == process.pid and not is_zombie(process):
            assert process.tag is not None
            mine.setdefault(process.tag, []).append(process)
    return {seq: first for seq, some in mine.items() if (first := oldest(some)) is not None}


def instance_of(seq: int, leader: Process, *, now: float, clock: int) -> Instance:
    """The app that this process leads, as far as it can be told. `clock`: now, in units of its start."""
    argv = _words(leader.pid, "cmdline")
    spec = Spec(argv=tuple(os.fsdecode(word) for word in argv) or (str(seq),))
    instance = Instance(seq, _generation(leader.pid), str(seq), spec, Policy(policy="never"))
    instance.phase = Phase.RUNNING
    instance.pid = instance.session = leader.pid
    instance.start = leader.start
    instance.began = begun(leader, now=now, clock=clock)
    instance.ours = False
    instance.restarting = True
    instance.found = True
    return instance


def begun(leader: Process, *, now: float, clock: int) -> float:
    """The wall's time of its start. `clock`: now, in units of its start."""
    return now - (clock - leader.start) / _TICKS


def later_run(gen: int, mine: Iterable[Process]) -> tuple[int, Process] | None:
    """The newest generation after `gen` among the processes of an app, and its leader.

    A journal that could not be written, as on a full disk, says less than what runs.
    """
    leading = [process for process in mine if process.sid == process.pid and not is_zombie(process)]
    later = [(generation, one) for one in leading if (generation := _generation(one.pid)) > gen]
    newest = max((generation for generation, _ in later), default=0)
    leader = oldest(process for generation, process in later if generation == newest)
    return None if leader is None else (newest, leader)


def _generation(pid: int) -> int:
    given = [
        word.removeprefix(_GENERATION) for word in _words(pid, "environ") if word.startswith(_GENERATION)
    ]
    return int(given[0]) if given and given[0].isdigit() else 1


def _words(pid: int, file: str) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/{file}", "rb") as words:
            return [word for word in words.read().split(b"\0") if word]
    except OSError:
        return []  # gone, or not ours to look at

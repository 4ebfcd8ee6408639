"""Why did it fail? The causes of a failure, asked in order from the surest to the vaguest. Pure.

What the supervisor knows for certain comes first, then who holds what the app wants, what the kernel says,
what its last lines say, and last how it ended.
"""

from collections.abc import Callable
from typing import Final

from viscript.diagnose.causes import CERTAIN, Cause, known
from viscript.diagnose.conflict import Conflict, PortConflict
from viscript.diagnose.facts import Facts
from viscript.diagnose.verdict import Verdict, by_signal, ending, held, program, reason, thing
from viscript.states import State
from viscript.supervisor.api import Instance

Rule = Callable[[Instance, Facts], Verdict | None]


# The keeper could not even start it.
_REFUSED: Final = (Cause.PATH_MISSING, Cause.NOT_EXECUTABLE, Cause.SPAWN_FAILED)


def failure(instance: Instance, facts: Facts) -> Verdict:
    """Why it failed, or fails again and again."""
    for rule in _FAILURES:
        verdict = rule(instance, facts)
        if verdict is not None:
            return verdict
    return _ended(instance)


def _interpreter(instance: Instance, facts: Facts) -> Verdict | None:
    if facts.bad_interpreter is None or known(instance.cause) not in _REFUSED:
        return None
    text = f"{program(instance)} asks for {facts.bad_interpreter}, which is not there"
    return Verdict(Cause.BAD_INTERPRETER, text)


def _unreadable(instance: Instance, facts: Facts) -> Verdict | None:
    if facts.unreadable is None or known(instance.cause) not in _REFUSED:
        return None
    return Verdict(Cause.PERMISSION, f"this user may not enter {facts.unreadable}: {reason(instance)}")


def _certain(instance: Instance, facts: Facts) -> Verdict | None:
    del facts
    cause = known(instance.cause)
    return Verdict(cause, reason(instance)) if cause is not None and cause in CERTAIN else None


def clash(conflict: Conflict, effect: str) -> Verdict:
    """Another holds what it wants, and this came of it."""
    cause = Cause.PORT_CONFLICT if isinstance(conflict, PortConflict) else Cause.FILE_CONFLICT
    return Verdict(cause, f"{held(conflict)}: {effect}", conflict)


def _taken(instance: Instance, facts: Facts) -> Verdict | None:
    conflict = facts.conflict
    if conflict is not None and conflict.id == instance.seq:
        text = f"{thing(conflict)} is still held by a process of its own earlier run (pid {conflict.pid})"
        return Verdict(Cause.LEFTOVERS, f"{text}: {ending(instance)}", conflict)
    if conflict is not None:
        return clash(conflict, ending(instance))
    if by_signal(instance):
        return None
    if facts.complaint == "address":
        text = f"an address it wants was taken, and nobody holds it any more: {ending(instance)}"
        return Verdict(Cause.PORT_CONFLICT, text)
    if facts.complaint == "lock":
        return Verdict(
            Cause.FILE_CONFLICT, f"a lock it wants was taken, by whom is not known: {ending(instance)}"
        )
    return None


def _memory(instance: Instance, facts: Facts) -> Verdict | None:
    if not facts.out_of_memory:
        return None
    return Verdict(Cause.OUT_OF_MEMORY, f"the kernel ended it for want of memory: {ending(instance)}")


def _strays(instance: Instance, facts: Facts) -> Verdict | None:
    if not facts.leftovers:
        return None
    pids = ", ".join(str(pid) for pid in facts.leftovers[:5])
    text = f"processes of its last run still live (pid {pids}): {ending(instance)}"
    return Verdict(Cause.LEFTOVERS, text)


def _deadline(instance: Instance, facts: Facts) -> Verdict | None:
    """The daemon ended it itself: how it ended then tells nothing."""
    del facts
    cause = known(instance.cause)
    if cause not in (Cause.START_TIMEOUT, Cause.UNHEALTHY, Cause.SILENT):
        return None
    return Verdict(cause, reason(instance))


def _denied(instance: Instance, facts: Facts) -> Verdict | None:
    if facts.complaint != "permission" or by_signal(instance):
        return None
    return Verdict(Cause.PERMISSION, f"it was refused a permission: {ending(instance)}")


def _gave_up(instance: Instance, facts: Facts) -> Verdict | None:
    """Fatal although the policy restarts: its patience is over."""
    del facts
    restart = instance.spec.restart
    gives_up = restart.give_up == "after burst" and restart.policy != "never" and instance.restarts > 0
    if instance.state is not State.FATAL or not gives_up:
        return None
    text = f"it ended {restart.burst} times within {restart.window:g} s; the last time: {ending(instance)}"
    return Verdict(Cause.GAVE_UP, text)


def _ended(instance: Instance) -> Verdict:
    end = instance.last_exit
    if end is not None and end.signal is not None:
        return Verdict(Cause.KILLED, ending(instance))
    if end is not None and end.code is not None:
        return Verdict(Cause.EXITED, ending(instance))
    cause = known(instance.cause)
    return Verdict(cause or Cause.UNKNOWN_EXIT, ending(instance))


_FAILURES: Final[tuple[Rule, ...]] = (
    _interpreter,
    _unreadable,
    _certain,
    _taken,
    _memory,
    _strays,
    _deadline,
    _denied,
    _gave_up,
)

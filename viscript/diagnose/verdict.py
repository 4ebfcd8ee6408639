"""A verdict, and the phrases that verdicts are made of. Pure."""

from typing import NamedTuple

from viscript.diagnose.causes import Cause
from viscript.diagnose.conflict import Conflict, PortConflict
from viscript.supervisor.api import Instance
from viscript.supervisor.exits import exit_words


class Verdict(NamedTuple):
    """A cause and its sentence."""

    cause: Cause
    text: str
    conflict: Conflict | None = None


def thing(conflict: Conflict) -> str:
    """What is held."""
    return f"port {conflict.port}" if isinstance(conflict, PortConflict) else conflict.path


def held(conflict: Conflict) -> str:
    """What is held, and by whom."""
    if conflict.pid is None:
        return f"{thing(conflict)} is taken, by a process that this user may not see"
    ours = f", which is [{conflict.id}] here" if conflict.id is not None else ""
    return f"{thing(conflict)} is taken by {conflict.process or 'a process'} (pid {conflict.pid}){ours}"


def ending(instance: Instance) -> str:
    """How it ended; in its own words where the supervisor has some."""
    if instance.last_exit is not None:
        return exit_words(instance.last_exit)
    return reason(instance)


def by_signal(instance: Instance) -> bool:
    """A complaint did not end it then."""
    return instance.last_exit is not None and instance.last_exit.signal is not None


def reason(instance: Instance) -> str:
    """The supervisor's own words, else how it ended."""
    return instance.reason or exit_words(instance.last_exit)


def program(instance: Instance) -> str:
    """What was to be run."""
    return instance.argv[0] if instance.argv else instance.app

"""The codes that say why an app is in its state: a public contract, explained in the reference."""

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """A code of docs/reference/causes.md."""

    # Nothing is wrong.
    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    COMPLETED = "completed"
    STOPPED = "stopped"
    NEVER_STARTED = "never-started"
    # It could not be started.
    PATH_MISSING = "path-missing"
    NOT_EXECUTABLE = "not-executable"
    BAD_INTERPRETER = "bad-interpreter"
    NO_CWD = "no-cwd"
    ENV_MISSING = "env-missing"
    PERMISSION = "permission"
    BAD_CONFIG = "bad-config"
    SPAWN_FAILED = "spawn-failed"
    # It ended.
    EXITED = "exited"
    KILLED = "killed"
    UNKNOWN_EXIT = "unknown-exit"
    OUT_OF_MEMORY = "out-of-memory"
    PORT_CONFLICT = "port-conflict"
    FILE_CONFLICT = "file-conflict"
    GAVE_UP = "gave-up"
    LEFTOVERS = "leftovers"
    # It waits, or was waited for too long.
    WAITING = "waiting"
    DEPENDENCY = "dependency"
    START_TIMEOUT = "start-timeout"
    # It runs, but not well.
    NOT_READY = "not-ready"
    UNHEALTHY = "unhealthy"
    SILENT = "silent"
    LIMIT = "limit"
    LEASE_LOST = "lease-lost"
    # Something happened around it.
    HOST_RESTARTED = "host-restarted"
    KEEPER_GONE = "keeper-gone"
    LOST = "lost"
    LEFT = "left"


# What the supervisor knows by itself: no other fact is looked at.
CERTAIN: Final = frozenset(
    {
        Cause.PATH_MISSING,
        Cause.NOT_EXECUTABLE,
        Cause.NO_CWD,
        Cause.SPAWN_FAILED,
        Cause.ENV_MISSING,
        Cause.BAD_CONFIG,
        Cause.DEPENDENCY,
        Cause.HOST_RESTARTED,
        Cause.KEEPER_GONE,
        Cause.LEFTOVERS,
        Cause.LIMIT,
        Cause.LEASE_LOST,
    }
)


def known(code: str) -> Cause | None:
    """The cause with that code; None for a word that is none."""
    try:
        return Cause(code)
    except ValueError:
        return None

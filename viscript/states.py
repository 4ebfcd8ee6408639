"""The words for the state of an app and for what happened to it; shared by every layer."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where an instance is in its life; the words users see."""

    STOPPED = "stopped"
    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    FATAL = "fatal"
    DONE = "done"


UP: Final = frozenset({State.RUNNING, State.READY})
ENDED: Final = frozenset({State.STOPPED, State.FATAL, State.DONE})

"""What becomes of a run that is due: a table of `overlap` x phase. Pure."""

from enum import StrEnum
from itertools import product
from typing import Final

from viscript.supervisor.lifecycle import Phase


class Overlap(StrEnum):
    """The words of `schedule.overlap`."""

    SKIP = "skip"
    QUEUE = "queue"
    KILL = "kill"


class Move(StrEnum):
    """What is done about it."""

    BEGIN = "begin"  # nothing runs: it begins; a pause before a restart ends with that
    LEAVE_OUT = "leave_out"
    WAIT = "wait"  # for the end of the run before
    REPLACE = "replace"  # the run before is stopped first


_FREE: Final = (Phase.STOPPED, Phase.DONE, Phase.FATAL, Phase.BACKOFF)
_COMING: Final = (Phase.WAITING, Phase.CYCLING)  # a run is asked for that has not begun: it is this one
_BUSY: Final = (Phase.STARTING, Phase.RUNNING, Phase.READY, Phase.STOPPING)

MOVES: Final[dict[tuple[Overlap, Phase], Move]] = {
    **dict.fromkeys(product(Overlap, _FREE), Move.BEGIN),
    **dict.fromkeys(product(Overlap, _COMING), Move.LEAVE_OUT),
    **dict.fromkeys(product((Overlap.SKIP,), _BUSY), Move.LEAVE_OUT),
    **dict.fromkeys(product((Overlap.QUEUE,), _BUSY), Move.WAIT),
    **dict.fromkeys(product((Overlap.KILL,), _BUSY), Move.REPLACE),
}

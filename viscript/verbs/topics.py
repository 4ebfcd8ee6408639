"""Help topics that are no verb: what holds for all of them."""

from typing import Final

from viscript.errors import ExitCode
from viscript.states import State

CODES: Final[dict[ExitCode, str]] = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "the operation failed",
    ExitCode.USAGE: "usage: unknown verb, bad arguments",
    ExitCode.NOT_HEALTHY: "the target exists but is not running or not healthy",
    ExitCode.UNREACHABLE: "daemon or host unreachable",
    ExitCode.NOT_FOUND: "no such id, app, host or peer",
    ExitCode.BAD_CONFIG: "configuration invalid",
    ExitCode.NOT_PERMITTED: "not permitted",
    ExitCode.TIMED_OUT: "timed out",
    ExitCode.INTERRUPTED: "interrupted",
}

STATES: Final[dict[State, str]] = {
    State.STOPPED: "does not run; stopped by someone, or not started yet",
    State.WAITING: "waits for an app it needs",
    State.STARTING: "was spawned, has not registered, become ready or settled yet",
    State.RUNNING: "runs",
    State.READY: "runs and passed its ready check",
    State.STOPPING: "was asked to stop and has not ended yet",
    State.BACKOFF: "ended and is started again soon",
    State.FATAL: "failed and is not started again",
    State.DONE: "ended with success",
}

_TARGETS: Final = """\
A TARGET names one or more instances:

  7               the sequence id; ids are never reused
  web             the name, when one live instance carries it
  web#2           the second instance of that name
  'web*'          all live ones whose name is like it
  @group          all live ones of a group or tag
  all             all live ones
  m2/7            the same on a host of the cluster; role=edge/web, @all/web on several

`why`, `log`, `status`, `enable`, `disable` and `clear_failed` mean ended ones too.
"""

_OUTPUT: Final = """\
-o table   for people; the default
-o wide    with every column, never cut
-o json    one document; seconds and bytes; its shape does not change within a major version
-o jsonl   one line of JSON a row; streams (`-f`) use it for `-o json` too
-o yaml    the same data as YAML
-o name    ids or names only, a line each

Colour appears on a terminal only, and never with NO_COLOR or `--color never`. In the data formats
an error is {error: {code, text, detail, suggestions}} on stdout and a sentence on stderr.
"""


def _lines(rows: dict[str, str]) -> str:
    room = max(map(len, rows))
    return "".join(f"{word.ljust(room)}  {text}\n" for word, text in rows.items())


TOPICS: Final[dict[str, str]] = {
    "targets": _TARGETS,
    "output": _OUTPUT,
    "exit-codes": _lines({str(int(code)): text for code, text in CODES.items()}),
    "states": _lines({state.value: text for state, text in STATES.items()}),
}

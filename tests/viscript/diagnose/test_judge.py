"""One fixture for each cause: a snapshot and facts in, the cause and the words that matter out."""

from typing import Any

import msgspec
import pytest

from tests.support.fake_world import NOW, entry, instance
from viscript.config.model import Restart
from viscript.diagnose.causes import Cause
from viscript.diagnose.conflict import FileConflict, PortConflict
from viscript.diagnose.facts import Facts
from viscript.diagnose.judge import judge
from viscript.states import State
from viscript.supervisor.api import Condition, Exit, Instance

CODE_1, CRASH, KILL = Exit(code=1), Exit(signal=11), Exit(signal=9)
NGINX = PortConflict(port=80, pid=55, process="nginx")
OURS = PortConflict(port=80, pid=56, process="python3", id=3)
LOCK = FileConflict(path="/run/x.lock", pid=57, process="sh")


def app(state: State, **given: Any) -> Instance:
    return instance(7, "web", state, **given)


def condition(type: str, status: bool, reason: str = "") -> tuple[Condition, ...]:
    return (Condition(type=type, status=status, reason=reason),)


def failed(end: Exit | None = CODE_1, state: State = State.BACKOFF, **given: Any) -> Instance:
    cause = "killed" if end and end.signal else "exited" if end and end.code else "unknown-exit"
    return app(state, **{"last_exit": end, "cause": cause, "retry_at": NOW + 3, "restarts": 2} | given)


def refused(cause: str, reason: str) -> Instance:
    return app(State.FATAL, cause=cause, reason=reason)


PATIENCE = entry("web", restart=Restart(give_up="after burst", burst=4, window=30.0))

CASES: list[tuple[Instance, dict[str, Any], Cause, str]] = [
    (app(State.RUNNING), {}, Cause.RUNNING, "nothing is wrong"),
    (app(State.READY), {}, Cause.RUNNING, "nothing is wrong"),
    (app(State.READY, restarts=2, last_exit=CRASH), {}, Cause.RUNNING, "signal 11 (SIGSEGV) (restarts: 2)"),
    (app(State.STARTING), {}, Cause.STARTING, "not ready yet"),
    (app(State.STARTING, conditions=condition("Ready", False, "refused")), {}, Cause.STARTING, ": refused"),
    (app(State.STARTING), {"conflict": NGINX}, Cause.PORT_CONFLICT, "nginx (pid 55)"),
    (app(State.STOPPING), {"stopped_by": "ann"}, Cause.STOPPING, "stop by ann"),
    (app(State.DONE, last_exit=Exit(code=0)), {}, Cause.COMPLETED, "exit status 0"),
    (app(State.STOPPED, last_exit=Exit(signal=15)), {"stopped_by": "ann"}, Cause.STOPPED, "stopped by ann"),
    (app(State.STOPPED), {}, Cause.STOPPED, "it was stopped"),
    (app(State.STOPPED, generation=0), {}, Cause.NEVER_STARTED, "not been started"),
    (
        app(State.STOPPED, cause="host-restarted", reason="the host restarted"),
        {},
        Cause.HOST_RESTARTED,
        "host",
    ),
    (app(State.STOPPED, cause="lost", reason="nobody saw it end"), {}, Cause.LOST, "nobody"),
    (app(State.STOPPED, cause="left", reason="it left the bus"), {}, Cause.LEFT, "left the bus"),
    (app(State.STOPPED, cause="lease-lost", reason="not kept"), {}, Cause.LEASE_LOST, "not kept"),
    (
        app(State.WAITING, waiting_for=("db to be ready (it is starting)",)),
        {},
        Cause.WAITING,
        "db to be ready",
    ),
    (failed(CRASH), {}, Cause.KILLED, "signal 11 (SIGSEGV)"),
    (failed(CODE_1), {}, Cause.EXITED, "exit status 1"),
    (failed(Exit(code=127)), {}, Cause.EXITED, "127 (the command was not found)"),
    (failed(Exit()), {}, Cause.UNKNOWN_EXIT, "unknown"),
    (failed(None, cause="nonsense"), {}, Cause.UNKNOWN_EXIT, "unknown"),
    (failed(KILL), {"out_of_memory": True}, Cause.OUT_OF_MEMORY, "want of memory"),
    (failed(KILL), {}, Cause.KILLED, "signal 9 (SIGKILL)"),
    (failed(), {"conflict": NGINX}, Cause.PORT_CONFLICT, "port 80 is taken by nginx (pid 55): exit status 1"),
    (failed(), {"conflict": OURS}, Cause.PORT_CONFLICT, "python3 (pid 56), which is [3] here"),
    (failed(), {"conflict": PortConflict(port=80)}, Cause.PORT_CONFLICT, "may not see"),
    (failed(), {"conflict": LOCK}, Cause.FILE_CONFLICT, "/run/x.lock is taken by sh (pid 57)"),
    (
        failed(),
        {"conflict": PortConflict(port=80, pid=9, process="web", id=7)},
        Cause.LEFTOVERS,
        "earlier run",
    ),
    (failed(), {"complaint": "address"}, Cause.PORT_CONFLICT, "nobody holds it any more"),
    (failed(), {"complaint": "lock"}, Cause.FILE_CONFLICT, "by whom is not known"),
    (failed(), {"complaint": "permission"}, Cause.PERMISSION, "refused a permission"),
    (failed(CRASH), {"complaint": "permission"}, Cause.KILLED, "SIGSEGV"),
    (failed(CRASH), {"complaint": "lock"}, Cause.KILLED, "SIGSEGV"),
    (failed(), {"leftovers": (91, 92)}, Cause.LEFTOVERS, "pid 91, 92"),
    (failed(state=State.FATAL, entry=PATIENCE), {}, Cause.GAVE_UP, "4 times within 30 s"),
    (failed(state=State.FATAL), {}, Cause.EXITED, "exit status 1"),
    (failed(cause="start-timeout", reason="not ready within 60 s"), {}, Cause.START_TIMEOUT, "within 60 s"),
    (failed(cause="unhealthy", reason="GET / gave 500"), {}, Cause.UNHEALTHY, "gave 500"),
    (refused("path-missing", "nosuch: no such program"), {}, Cause.PATH_MISSING, "nosuch"),
    (refused("not-executable", "x is not executable"), {}, Cause.NOT_EXECUTABLE, "not executable"),
    (refused("spawn-failed", "cannot"), {"bad_interpreter": "/no/sh"}, Cause.BAD_INTERPRETER, "/no/sh"),
    (refused("path-missing", "cannot"), {"unreadable": "/root"}, Cause.PERMISSION, "/root"),
    (refused("no-cwd", "no folder /x"), {}, Cause.NO_CWD, "/x"),
    (refused("env-missing", "no file .env"), {}, Cause.ENV_MISSING, ".env"),
    (refused("bad-config", "cycle"), {}, Cause.BAD_CONFIG, "cycle"),
    (refused("spawn-failed", "Cannot allocate memory"), {}, Cause.SPAWN_FAILED, "memory"),
    (refused("dependency", "db is fatal"), {}, Cause.DEPENDENCY, "db is fatal"),
    (refused("keeper-gone", "no keeper answers"), {}, Cause.KEEPER_GONE, "keeper"),
    (
        app(State.RUNNING, conditions=condition("Healthy", False, "GET / gave 500")),
        {},
        Cause.UNHEALTHY,
        "500",
    ),
    (
        app(State.RUNNING, conditions=condition("Healthy", False, "silent for 10 s")),
        {},
        Cause.SILENT,
        "silent",
    ),
    (app(State.RUNNING, conditions=condition("Limited", True, "over 64 MiB")), {}, Cause.LIMIT, "64 MiB"),
    (app(State.RUNNING, conditions=condition("Ready", False, "refused")), {}, Cause.NOT_READY, "refused"),
]


@pytest.mark.parametrize("snapshot, known, cause, words", CASES)
def test_each_fault_has_its_cause(
    snapshot: Instance, known: dict[str, Any], cause: Cause, words: str
) -> None:
    report = judge(snapshot, Facts(now=NOW, last_lines=("last",), **known))
    assert report.cause == cause
    assert words in report.text
    assert (report.id, report.state, report.last_lines) == (7, snapshot.state.value, ("last",))


def test_every_cause_is_reached_by_some_fault() -> None:
    assert {cause for _, _, cause, _ in CASES} == set(Cause)


def test_the_report_has_the_published_shape() -> None:
    data = msgspec.to_builtins(judge(failed(), Facts(now=NOW, conflict=OURS)))
    assert data.keys() == {"id", "state", "cause", "text", "next", "conflict", "last_lines"}
    assert data["conflict"] == {"kind": "port", "port": 80, "pid": 56, "process": "python3", "id": 3}
    file = msgspec.to_builtins(judge(failed(), Facts(now=NOW, conflict=LOCK)))["conflict"]
    assert file == {"kind": "file", "path": "/run/x.lock", "pid": 57, "process": "sh", "id": None}


def test_what_a_run_was_begun_for_is_named() -> None:
    assert (
        "ago (src/a.py changed) and runs"
        in judge(app(State.RUNNING, begun_for="src/a.py changed"), Facts(now=NOW)).text
    )


def test_one_whose_first_time_has_not_come_says_so() -> None:
    found = judge(app(State.STOPPED, generation=0, next_run=NOW + 60), Facts(now=NOW))
    assert found.text == "it has not been started yet; its schedule does that"
    assert "in 1m00s" in found.next


def test_a_run_is_as_old_as_its_process_however_young_its_state() -> None:
    report = judge(app(State.READY, since=NOW - 1, started_at=NOW - 42), Facts(now=NOW))
    assert "started 42s ago" in report.text

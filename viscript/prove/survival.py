"""Trials of survival: daemon, keeper and both are killed, a daemon is frozen. No app may notice."""

import time
from collections.abc import Callable
from statistics import median

import psutil

from viscript.keeper.client import KeeperClient
from viscript.keeper.protocol import KeeperError
from viscript.prove import strays
from viscript.prove.output import complete
from viscript.prove.programs import NUMBERED, nap, program
from viscript.prove.stage import Stage
from viscript.prove.verdict import BrokenPromise, Figures, Proof, expect

BACK_S = 2.0
GUARDED = 3  # the keeper's pause doubles: later kills are answered by hand, as a user would
SECOND_EPOCH = 2  # the first daemon of a home has 1


def kill_daemon(stage: Stage) -> Proof:
    """The daemon is killed again and again; the keeper starts it, all apps are as they were."""
    _cast(stage)
    away = _crash_while_away(stage)
    times = iter(range(stage.pace.kills))

    def revive() -> None:
        if next(times) >= GUARDED:
            stage.start_daemon()

    killed = _killing(stage, lambda: [stage.daemon()], revive)
    figures = {**killed, "crash_while_away_seconds": away}
    return Proof(
        f"the daemon was killed {stage.pace.kills} times; no pid, id, exit or line was lost", figures
    )


def kill_keeper(stage: Stage) -> Proof:
    """The keeper is killed again and again; the daemon starts the next one."""
    _cast(stage)
    figures = _killing(stage, lambda: [stage.keeper()])
    return Proof(f"the keeper was killed {stage.pace.kills} times; no pid, id or line was lost", figures)


def kill_both(stage: Stage) -> Proof:
    """Daemon and keeper are killed together; the next ones find what still runs, and start no second copy."""
    _cast(stage)
    figures = _killing(stage, lambda: [stage.daemon(), stage.keeper()], then=stage.start_daemon)
    return Proof(f"both were killed {stage.pace.kills} times; nothing was lost, nothing doubled", figures)


def _cast(stage: Stage) -> None:
    """One app that writes numbered lines, and many that only live."""
    root = str(stage.root)
    apps = {
        "writer": program(NUMBERED, root, 0, 0.0005, autostart=True),
        "nap": nap(root, instances=stage.pace.apps, autostart=True, restart={"delay": "100ms"}),
    }
    stage.open(apps)
    stage.until(lambda: _all_run(stage), "all apps run", 30)


def _all_run(stage: Stage) -> bool:
    rows = stage.rows().values()
    return len(rows) == stage.pace.apps + 1 and all(row["state"] == "running" for row in rows)


def _killing(
    stage: Stage, victims: Callable[[], list[psutil.Process]], then: Callable[[], None] | None = None
) -> Figures:
    before = stage.pids()
    back = []
    for _ in range(stage.pace.kills):
        _goes_on(stage)
        back.append(_kill(stage, victims(), then))
        after = stage.pids()
        expect(after == before, f"ids and pids were {_differ(before, after)} after a kill")
    _no_second(stage, len(before))
    stage.done("sd", "all", "--now")
    lines = complete(stage.output("writer"))
    figures = {
        "kills": len(back),
        "apps": len(before),
        "lines": lines,
        "median_seconds": median(back),
        "longest_seconds": max(back),
    }
    most = BACK_S * stage.pace.patience
    expect(max(back) <= most, f"it was back after {max(back):.1f} s, not {most:g}", **figures)
    return figures


def _goes_on(stage: Stage) -> None:
    have = len(stage.output("writer"))
    stage.until(lambda: len(stage.output("writer")) > have, "output goes on")


def _kill(stage: Stage, victims: list[psutil.Process], then: Callable[[], None] | None) -> float:
    """Seconds from the kill until all is as it was: another daemon or keeper, and verbs answered."""
    begin = time.monotonic()
    strays.end(victims)
    if then:
        then()
    stage.until(stage.answers, "the daemon answers again")
    stage.until(lambda: all(row["state"] != "starting" for row in stage.rows().values()), "all are back")
    seconds = time.monotonic() - begin
    stage.keeper()
    return seconds


def _differ(before: dict[int, int], after: dict[int, int]) -> str:
    wrong = sorted(seq for seq in before.keys() | after.keys() if before.get(seq) != after.get(seq))
    shown = [f"[{seq}] {before.get(seq)} -> {after.get(seq)}" for seq in wrong[:3]]
    return f"other than before: {', '.join(shown)}"


def _no_second(stage: Stage, apps: int) -> None:
    running = stage.app_processes()
    expect(len(running) == apps, f"{len(running)} processes of {apps} apps: {strays.described(running[-3:])}")


def freeze(stage: Stage) -> Proof:
    """A frozen daemon holds up no app; when it thaws after a newer one, the keeper refuses its orders."""
    _cast(stage)
    before = stage.pids()
    old = stage.daemon()
    old.suspend()
    try:
        silent = _silence(stage)
        _goes_on(stage)
        _supersede(stage)
    finally:
        old.resume()
    refused = _order_of_the_old(stage, before)
    strays.end([old])
    stage.until(stage.answers, "the next daemon answers")
    stage.until(lambda: stage.pids() == before, "all apps are as they were")
    _no_second(stage, len(before))
    figures = {"apps": len(before), "silent_seconds": silent, "refused_seconds": refused}
    return Proof("commands said so at once, apps went on, the thawed daemon's stop was refused", figures)


def _silence(stage: Stage) -> float:
    """Seconds until a command says that the daemon takes connections and does not answer."""
    begin = time.monotonic()
    said = stage.command("la")
    seconds = time.monotonic() - begin
    expect(said.code == 8, f"a command to a frozen daemon ended with {said.code}, not 8")
    expect(seconds < 2.5 * stage.pace.patience, f"a command to a frozen daemon took {seconds:.1f} s")
    return seconds


def _supersede(stage: Stage) -> None:
    """Take the keeper over as the next daemon of this home does, and leave it."""
    try:
        with KeeperClient(stage.home.keeper_socket) as newer:
            newer.hello(SECOND_EPOCH)
    except KeeperError as exc:
        raise BrokenPromise(f"the keeper refused a newer daemon: {exc}") from exc


def _order_of_the_old(stage: Stage, before: dict[int, int]) -> float:
    """Seconds until the thawed daemon says that its stop was refused; the app must live."""
    begin = time.monotonic()
    said = stage.command("sd", "nap#1", "--now")
    seconds = time.monotonic() - begin
    gone = [pid for pid in before.values() if not psutil.pid_exists(pid)]
    expect(said.code != 0, "the thawed daemon says that it stopped an app")
    expect(not gone, f"the thawed daemon's stop was obeyed: {len(gone)} processes are gone")
    return seconds


def _crash_while_away(stage: Stage) -> float:
    """An app is killed while the daemon is frozen: seconds until the keeper has started it again."""
    seq, row = max(stage.rows().items())
    daemon, victim = stage.daemon(), psutil.Process(row["pid"])
    there = {process.pid for process in stage.app_processes()}
    daemon.suspend()
    begin = time.monotonic()
    strays.end([victim])
    stage.until(lambda: {p.pid for p in stage.app_processes()} - there, "the keeper starts it again")
    seconds = time.monotonic() - begin
    strays.end([daemon])
    stage.until(stage.answers, "the next daemon answers")
    stage.until(lambda: stage.row(seq)["state"] in ("running", "ready"), "the app is taken back")
    after = stage.row(seq)
    known = (after["restarts"], after["last_exit"])
    expect(known == (1, {"code": None, "signal": 9}), f"of the exit meanwhile it knows {known}")
    return seconds

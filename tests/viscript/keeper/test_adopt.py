"""The next keeper takes over: nothing lost, nothing doubled, wherever the last one was killed."""

import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper, gone, is_running
from tests.support.wait import eventually
from viscript.keeper.client import KeeperGoneError
from viscript.keeper.protocol import Refusal

SLEEP = "import time; time.sleep(1000)"
QUICK = {"delay": 0.05, "max_delay": 0.1, "settle": 0.0}
LINES = """
import time
n = 0
while True:
    print(n, flush=True)
    n += 1
    time.sleep(0.001)
"""


def record_of(keeper: TestKeeper, seq: int) -> dict[str, object]:
    return next(record for record in keeper.hello["instances"] if record["seq"] == seq)


def copies(mark: str) -> list[int]:
    """Processes whose command line has a mark."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in words and int(entry) != os.getpid() and is_running(int(entry)):
            found.append(int(entry))
    return found


def test_a_running_app_is_taken_over_with_its_pid(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    any_keeper.kill()
    assert is_running(pid)
    any_keeper.start()
    record = record_of(any_keeper, 7)
    assert (record["pid"], record["phase"], record["gen"]) == (pid, "running", 1)


def test_an_adopted_app_that_crashes_is_told_and_restarted(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP, policy=QUICK)
    any_keeper.kill()
    client = any_keeper.start()
    os.kill(pid, signal.SIGKILL)
    exited = client.event("exited")
    assert exited["pid"] == pid
    assert exited["signal"] in (signal.SIGKILL, None)
    assert client.event("spawned")["gen"] == 2


def test_the_exit_code_of_an_adopted_app_is_known_where_the_kernel_tells(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.stdin.readline(); sys.exit(37)", stdin="pipe")
    keeper.kill()
    client = keeper.start()
    client.request("write", seq=7, data="Cg==")
    assert client.event("exited")["code"] == 37


def test_an_app_that_crashed_while_no_keeper_was_there_is_restarted(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP, policy=QUICK)
    any_keeper.kill()
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    any_keeper.start()
    eventually(lambda: any_keeper.record(7)["phase"] == "running")
    assert any_keeper.record(7)["gen"] == 2


def test_an_adopted_tree_is_stopped_with_what_left_its_session(keeper: TestKeeper) -> None:
    code = (
        "import subprocess,time; p=subprocess.Popen(['setsid','sleep','1000']); print(p.pid,flush=True);"
        "time.sleep(1000)"
    )
    pid = keeper.launch(7, code)
    child = int(eventually(lambda: keeper.logged(7)))
    keeper.kill()
    keeper.start()
    keeper.stop(7, grace=10)
    gone(pid)
    gone(child)


def test_an_adopted_crash_waits_for_what_it_left(keeper: TestKeeper) -> None:
    code = (
        "import subprocess,time; p=subprocess.Popen(['setsid','sleep','1000']); print(p.pid,flush=True);"
        "time.sleep(1000)"
    )
    pid = keeper.launch(7, code, policy={**QUICK, "leftover_grace": None})
    child = int(eventually(lambda: keeper.logged(7)))
    keeper.kill()
    client = keeper.start()
    os.kill(pid, signal.SIGKILL)
    client.event("exited")
    eventually(lambda: keeper.record(7)["phase"] == "clearing")
    os.kill(child, signal.SIGKILL)
    eventually(lambda: keeper.record(7)["phase"] == "running")


def test_a_stop_that_was_cut_short_goes_on(any_keeper: TestKeeper) -> None:
    ignore = "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(1000)"
    pid = any_keeper.launch(7, ignore)
    eventually(lambda: any_keeper.logged(7))
    any_keeper.client.request("stop", seq=7, grace=0.5)
    any_keeper.kill()
    any_keeper.start()
    gone(pid)
    eventually(lambda: any_keeper.record(7)["phase"] == "stopped")


def test_a_pause_that_was_cut_short_goes_on(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.exit(1)", policy={"delay": 1.0, "jitter": 0, "settle": 100})
    keeper.client.event("exited")
    keeper.kill()
    keeper.start()
    assert record_of(keeper, 7)["phase"] == "backoff"
    eventually(lambda: keeper.record(7)["restarts"] == 1)


def test_exits_are_kept_for_a_daemon_that_was_away(keeper: TestKeeper) -> None:
    keeper.launch(7, "import time,sys; time.sleep(0.2); sys.exit(5)", policy={"policy": "never"})
    keeper.hang_up()
    eventually(lambda: keeper.record(7)["phase"] == "ended")
    assert [end["code"] for end in keeper.record(7)["exits"]] == [5]
    keeper.kill()
    keeper.start()
    assert [end["code"] for end in keeper.record(7)["exits"]] == [5]


@pytest.mark.parametrize("point", ["intent", "ends", "spawned", "noted"])
def test_a_kill_between_two_steps_of_a_spawn_gives_one_copy(short_tmp: Path, point: str) -> None:
    mark = f"{SLEEP} # {short_tmp.name}"
    with TestKeeper(short_tmp, crash_at=point) as keeper:
        client = keeper.start()
        with pytest.raises(KeeperGoneError):
            client.request("launch", seq=7, gen=1, spec=keeper.python(7, mark))
        keeper.wait_for_death()
        keeper.start()
        eventually(lambda: keeper.record(7)["phase"] == "running")
        pid = keeper.record(7)["pid"]
        eventually(lambda: copies(mark) == [pid])
        assert keeper.record(7)["gen"] == 1


def test_another_boot_ends_all_and_says_so(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP)
    keeper.kill()
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    journal = Path(keeper.places.journal)
    journal.write_text(journal.read_text() + '{"world":"another boot"}\n')
    keeper.start()
    assert record_of(keeper, 7)["phase"] == "ended"
    assert keeper.hello["gap"] is False


def test_a_pid_that_is_another_process_by_now_is_left_alone(keeper: TestKeeper) -> None:
    """The journal names a pid; the process that has it began at another time."""
    pid = keeper.launch(7, SLEEP, policy={"policy": "never"})
    keeper.kill()
    journal = Path(keeper.places.journal)
    journal.write_text(journal.read_text() + '{"seq":7,"set":{"start":5}}\n')
    keeper.start()
    assert record_of(keeper, 7)["pid"] is None
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


def numbers(data: bytes) -> list[int]:
    return [int(line) for line in data.split(b"\n")[:-1]]


def has_grown(keeper: TestKeeper, seen: int) -> bool:
    return len(keeper.logged(1)) > seen


def survive(keeper: TestKeeper, kills: int) -> None:
    """Kill the keeper again and again while three apps write numbered lines; no line is lost or doubled."""
    pids = [keeper.launch(seq, LINES, log={"max_bytes": 4096, "backups": 10_000}) for seq in (1, 2, 3)]
    for _ in range(kills):
        seen = len(keeper.logged(1))
        keeper.kill()
        keeper.start()
        eventually(partial(has_grown, keeper, seen), interval_s=0.005)
    for seq, pid in enumerate(pids, 1):
        assert record_of(keeper, seq)["pid"] == pid
        keeper.stop(seq)
        lines = numbers(keeper.logged(seq))
        assert lines == list(range(len(lines)))
        assert len(lines) > 50


def test_eight_kills_lose_no_line(keeper: TestKeeper) -> None:
    survive(keeper, 8)


@pytest.mark.slow
def test_sixty_kills_lose_no_line(keeper: TestKeeper) -> None:
    survive(keeper, 60)


def test_a_blocked_writer_goes_on_with_the_next_keeper(keeper: TestKeeper) -> None:
    flood = "import sys,time\nfor n in range(200000): print(n)\nsys.stdout.flush()\ntime.sleep(1000)"
    keeper.launch(7, flood)
    keeper.kill()
    keeper.start()
    eventually(lambda: keeper.logged(7).endswith(b"199999\n"))
    assert numbers(keeper.logged(7)) == list(range(200_000))


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_pause_ends_though_the_clock_was_set_meanwhile(keeper: TestKeeper, jump: float) -> None:
    slow = {"delay": 600.0, "max_delay": 600.0, "jitter": 0.0, "settle": 600.0}
    keeper.launch(7, "raise SystemExit(1)", policy=slow)
    eventually(lambda: keeper.record(7)["phase"] == "backoff")
    keeper.kill()
    journal = Path(keeper.places.journal)
    as_if = {"retry_at": time.time() + jump, "policy": QUICK}
    journal.write_bytes(journal.read_bytes() + json.dumps({"seq": 7, "set": as_if}).encode() + b"\n")
    keeper.start()
    eventually(lambda: keeper.record(7)["gen"] > 1)


LOST = [b"", b"\x93\x00 no line of ours"]
RUNG = "import time\nprint('one', flush=True)\ntime.sleep(1000)"
ORPHAN = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(1000)'])
print(child.pid, flush=True)
child.wait()
"""


def lose_journal(keeper: TestKeeper, journal: bytes = b"") -> None:
    keeper.kill()
    Path(keeper.places.journal).write_bytes(journal)


@pytest.mark.parametrize("journal", LOST)
def test_what_a_lost_journal_does_not_know_is_found_by_its_mark(keeper: TestKeeper, journal: bytes) -> None:
    pid = keeper.launch(7, RUNG)
    eventually(lambda: keeper.logged(7) == b"one\n")
    lose_journal(keeper, journal)
    keeper.start()
    record = record_of(keeper, 7)
    assert (record["pid"], record["phase"], record["gen"], record["found"]) == (pid, "running", 1, True)
    assert keeper.hello["strays"] == []
    with pytest.raises(Refusal, match=r"7\.1 is running"):
        keeper.launch(7, SLEEP)
    keeper.stop(7)
    assert not is_running(pid)
    assert keeper.launch(7, SLEEP, gen=2) != pid


def test_no_line_of_a_found_app_is_lost_and_it_is_restarted_once_it_is_known_how(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, LINES)
    eventually(lambda: len(keeper.logged(7)) > 100)
    lose_journal(keeper)
    keeper.start()
    keeper.kill()  # a second keeper knows no more than the first
    keeper.start().request("update", seq=7, name="web", spec=keeper.python(7, LINES), policy=QUICK)
    size = len(keeper.logged(7))
    eventually(lambda: len(keeper.logged(7)) > size + 100)
    found = numbers(keeper.logged(7))  # read once: it grows on
    assert found == list(range(len(found)))
    assert (keeper.record(7)["found"], keeper.record(7)["name"]) == (False, "web")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: keeper.record(7)["pid"] not in (None, pid))


@pytest.mark.parametrize("policy", [QUICK, {"delay": 0.3, "settle": 99.0}])
def test_a_run_that_a_full_disk_kept_out_of_the_journal_is_taken_over(
    keeper: TestKeeper, policy: dict[str, float]
) -> None:
    """The one before had ended, or was in its pause, when the last line was written."""
    first = keeper.launch(7, LINES, policy=policy)
    if policy is not QUICK:
        os.kill(first, signal.SIGKILL)
        keeper.client.event("exited", seq=7)
    journal = Path(keeper.places.journal)
    old = journal.read_bytes()
    if policy is QUICK:
        os.kill(first, signal.SIGKILL)
    second = keeper.client.event("spawned", seq=7, gen=2)["pid"]
    keeper.kill()
    journal.write_bytes(old)
    keeper.start()
    record = record_of(keeper, 7)
    assert (record["pid"], record["gen"], record["phase"]) == (second, 2, "running")
    os.kill(second, signal.SIGKILL)
    assert keeper.client.event("spawned", seq=7, gen=3)


def test_what_has_lost_its_leader_is_told_and_not_started_a_second_time(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, ORPHAN, policy={"policy": "never"})
    left = int(eventually(lambda: keeper.logged(7).partition(b"\n")[0]))
    lose_journal(keeper)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_running(pid))
    keeper.start()
    assert keeper.hello["strays"] == [{"seq": 7, "pids": [left]}]
    with pytest.raises(Refusal, match=f"its process {left} is from before"):
        keeper.launch(7, SLEEP)
    os.kill(left, signal.SIGKILL)
    eventually(lambda: not is_running(left))
    assert keeper.launch(7, SLEEP) != pid

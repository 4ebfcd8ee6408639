"""The life of apps, carried out on real processes."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper, gone, is_running, silence
from tests.support.wait import eventually
from viscript.keeper.protocol import Refusal

SLEEP = "import time; time.sleep(1000)"
QUICK = {"delay": 0.05, "max_delay": 0.1, "settle": 0.0}


def test_a_launch_is_told_and_lives_in_a_session_of_its_own(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    event = any_keeper.client.event("spawned")
    assert (event["seq"], event["gen"], event["pid"], event["restart"]) == (7, 1, pid, False)
    assert os.getsid(pid) == pid


def test_a_crash_is_told_and_a_successor_comes(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP, policy=QUICK)
    os.kill(pid, signal.SIGKILL)
    exited = any_keeper.client.event("exited")
    assert (exited["pid"], exited["code"], exited["signal"], exited["next"]) == (pid, None, 9, "restart")
    assert not exited["planned"]
    spawned = any_keeper.client.event("spawned")
    assert (spawned["gen"], spawned["restart"]) == (2, True)


def test_an_exit_code_is_told_as_it_was(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.exit(37)", policy={"policy": "never"})
    exited = keeper.client.event("exited")
    assert (exited["code"], exited["signal"], exited["next"]) == (37, None, "fatal")
    assert keeper.record(7)["phase"] == "ended"


def test_work_that_is_done_is_not_done_again(keeper: TestKeeper) -> None:
    keeper.launch(7, "print('done')")
    assert keeper.client.event("exited")["next"] == "ended"
    assert silence(keeper.client, "spawned", 0.2)
    assert keeper.logged(7) == b"done\n"


def test_a_run_that_settled_is_restarted_at_once_then_later_and_later(keeper: TestKeeper) -> None:
    policy = {"delay": 0.05, "jitter": 0.0, "settle": 0.0}
    keeper.launch(7, "import sys; sys.exit(1)", policy=policy)
    delays = [keeper.client.event("exited")["delay"] for _ in range(4)]
    assert delays == [0.0, 0.05, 0.1, 0.2]


def test_a_run_that_was_told_to_have_come_up_is_restarted_at_once(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP, policy={"settle": 1000})
    keeper.client.request("reached", seq=7, gen=1)
    os.kill(pid, signal.SIGKILL)
    assert keeper.client.event("exited")["delay"] == 0.0


def test_it_gives_up_after_a_burst_when_told(keeper: TestKeeper) -> None:
    policy = {**QUICK, "give_up": "after burst", "burst": 3}
    keeper.launch(7, "import sys; sys.exit(1)", policy=policy)
    assert [keeper.client.event("exited")["next"] for _ in range(3)] == ["restart", "restart", "fatal"]


def test_a_pause_can_be_ended(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.exit(1)", policy={"delay": 1000})
    keeper.client.event("exited")
    assert keeper.client.request("retry", seq=7)["gen"] == 2
    with pytest.raises(Refusal, match="7 is running"):
        keeper.client.request("retry", seq=7)


def test_a_pause_can_be_stopped(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.exit(5)", policy={"delay": 1000, "max_delay": 1000})
    keeper.client.event("exited")
    stopped = keeper.stop(7)
    assert (stopped["rung"], stopped["code"]) == ("none", 5)


def test_a_stop_signals_and_is_told_when_the_tree_is_empty(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    stopped = any_keeper.stop(7, grace=10)
    assert (stopped["rung"], stopped["signal"]) == ("term", signal.SIGTERM)
    assert not is_running(pid)


def test_a_stop_of_a_stopped_app_is_told_so(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.stop(7)
    assert keeper.client.request("stop", seq=7) == {"accepted": False, "phase": "stopped"}


def test_an_app_that_ignores_the_signal_is_killed_after_its_grace(any_keeper: TestKeeper) -> None:
    ignore = (
        "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
    )
    any_keeper.launch(7, ignore)
    eventually(lambda: any_keeper.logged(7))
    stopped = any_keeper.stop(7, grace=0.2)
    assert (stopped["rung"], stopped["signal"]) == ("kill", signal.SIGKILL)
    assert 0.2 <= stopped["seconds"] < 5


def test_the_signal_of_a_stop_can_be_another(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP)
    eventually(lambda: b"python" in Path(f"/proc/{pid}/cmdline").read_bytes())
    assert keeper.stop(7, signal="INT", grace=10)["signal"] in (signal.SIGINT, None)


def test_an_app_that_goes_when_asked_is_not_signalled(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.stdin.readline(); sys.exit(3)", stdin="pipe")
    keeper.client.request("stop", seq=7, ask=10)
    keeper.client.request("write", seq=7, data="Cg==")
    stopped = keeper.client.event("stopped")
    assert (stopped["rung"], stopped["code"]) == ("bus", 3)


def test_what_the_asked_leader_left_is_signalled(keeper: TestKeeper) -> None:
    code = (
        "import subprocess,sys; p=subprocess.Popen(['sleep','1000']); print(p.pid, flush=True);"
        "sys.stdin.readline()"
    )
    keeper.launch(7, code, stdin="pipe")
    child = int(eventually(lambda: keeper.logged(7)))
    keeper.client.request("stop", seq=7, ask=10)
    keeper.client.request("write", seq=7, data="Cg==")
    assert keeper.client.event("stopped")["rung"] == "term"
    gone(child)


def test_an_app_that_does_not_go_when_asked_is_signalled(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    assert keeper.stop(7, ask=0.1, grace=10)["rung"] == "term"


def test_a_second_order_makes_a_stop_faster(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.client.request("stop", seq=7, ask=1000)
    assert keeper.stop(7, grace=10)["rung"] == "term"


def test_a_kill_asks_nobody(any_keeper: TestKeeper) -> None:
    any_keeper.launch(7, SLEEP)
    any_keeper.client.request("kill", seq=7)
    stopped = any_keeper.client.event("stopped")
    assert (stopped["rung"], stopped["signal"]) == ("kill", signal.SIGKILL)


def test_a_restart_stops_and_starts_with_the_generation_asked_for(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    any_keeper.client.request("restart", seq=7, gen=9, grace=10)
    assert any_keeper.client.event("stopped")["next"] == "restart"
    spawned = any_keeper.client.event("spawned")
    assert spawned["gen"] == 9
    assert not is_running(pid)
    assert is_running(spawned["pid"])


def test_a_stopped_app_can_be_started_by_a_restart(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    keeper.stop(7)
    keeper.client.request("restart", seq=7)
    assert keeper.client.event("spawned")["gen"] == 2


def test_a_successor_waits_until_nothing_of_the_crashed_tree_is_left(any_keeper: TestKeeper) -> None:
    code = (
        "import subprocess,sys,os,time; p=subprocess.Popen(['sleep','1000']); print(p.pid, flush=True);"
        "time.sleep(0.2); os.kill(os.getpid(), 9)"
    )
    any_keeper.launch(7, code, policy={**QUICK, "leftover_grace": None})
    child = int(eventually(lambda: any_keeper.logged(7)))
    exited = any_keeper.client.event("exited")
    assert exited["next"] == "restart"
    assert silence(any_keeper.client, "spawned", 0.3)
    assert is_running(child)
    os.kill(child, signal.SIGKILL)
    any_keeper.client.event("tree_empty")
    any_keeper.client.event("spawned")


def test_what_a_crashed_leader_left_is_asked_to_go(any_keeper: TestKeeper) -> None:
    code = (
        "import subprocess,sys,os,time; p=subprocess.Popen(['sleep','1000']); print(p.pid, flush=True);"
        "time.sleep(0.2) if p.pid else 0; os.kill(os.getpid(), 9)"
    )
    any_keeper.launch(7, code, policy=QUICK)
    child = int(eventually(lambda: any_keeper.logged(7).split(b"\n")[0]))
    any_keeper.client.event("tree_empty")
    gone(child)
    any_keeper.client.event("spawned")


def test_a_finished_app_that_left_something_is_lingering_and_can_be_stopped(keeper: TestKeeper) -> None:
    code = "import subprocess; p=subprocess.Popen(['sleep','1000'], start_new_session=True); print(p.pid)"
    keeper.launch(7, code)
    exited = keeper.client.event("exited")
    assert (exited["next"], exited["leftovers"]) == ("ended", 1)
    assert keeper.record(7)["phase"] == "lingering"
    child = int(keeper.logged(7))
    assert keeper.stop(7)["code"] == 0
    gone(child)


def test_a_forking_app_is_led_by_its_child(keeper: TestKeeper) -> None:
    code = (
        "import os,sys,time\n"
        "if os.fork(): sys.exit(0)\n"
        "os.setsid(); print(os.getpid(), flush=True); time.sleep(0.5); sys.exit(9)"
    )
    keeper.launch(7, code, forking=True, policy={"policy": "never"})
    forked = keeper.client.event("forked")
    assert forked["pid"] == int(eventually(lambda: keeper.logged(7)))
    exited = keeper.client.event("exited")
    assert (exited["pid"], exited["code"]) == (forked["pid"], 9)


def test_a_launch_that_cannot_be_is_refused_and_forgotten(keeper: TestKeeper) -> None:
    for argv, code in (
        (["/no/such/program"], "not-found"),
        (["no-such-program"], "not-found"),
        (["/etc/passwd"], "not-executable"),
        (["/etc"], "not-executable"),
    ):
        with pytest.raises(Refusal) as caught:
            keeper.client.request("launch", seq=7, gen=1, spec={"argv": argv})
        assert caught.value.code == code, argv
        assert argv[0] in caught.value.text
    with pytest.raises(Refusal, match="/no/such") as caught:
        keeper.client.request("launch", seq=7, gen=1, spec={"argv": ["ls"], "cwd": "/no/such"})
    assert caught.value.code == "no-cwd"
    with pytest.raises(Refusal, match="no app 7"):
        keeper.client.request("stop", seq=7)


def test_a_restart_whose_program_is_gone_waits_for_it(keeper: TestKeeper, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    keeper.client.request(
        "launch", seq=7, gen=1, spec=keeper.spec(7, str(program)), policy={"delay": 0.3, "settle": 1000}
    )
    keeper.client.event("exited")
    program.unlink()  # an upgrade puts another in its place
    failed = keeper.client.event("spawn_failed")
    assert failed["code"] == "not-found"
    assert failed["delay"] > 0
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    assert keeper.client.event("spawned")["restart"]


def test_a_launch_that_comes_twice_is_one_run_also_when_that_has_ended(keeper: TestKeeper) -> None:
    keeper.launch(7, "pass", policy={"policy": "never"})
    eventually(lambda: keeper.record(7)["phase"] == "ended")
    with pytest.raises(Refusal, match=r"7\.1 is ended") as caught:
        keeper.launch(7, "pass")
    assert caught.value.code == "exists"


def test_an_app_that_runs_is_not_launched_again(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP)
    with pytest.raises(Refusal, match=r"7\.1 is running"):
        keeper.launch(7, SLEEP)


def test_an_ended_app_is_launched_again_and_keeps_its_exits(keeper: TestKeeper) -> None:
    keeper.launch(7, "import sys; sys.exit(4)", policy={"policy": "never"})
    keeper.client.event("exited")
    keeper.client.request("launch", seq=7, gen=5, name="x", spec=keeper.python(7, SLEEP))
    record = keeper.record(7)
    assert (record["gen"], [end["code"] for end in record["exits"]]) == (5, [4])


def test_each_run_knows_who_it_is(keeper: TestKeeper) -> None:
    code = (
        "import os; print(os.environ['VISCRIPT_SEQ'], os.environ['VISCRIPT_GENERATION']); raise SystemExit(1)"
    )
    keeper.launch(7, code, policy={**QUICK, "give_up": "after burst", "burst": 2})
    keeper.client.event("exited", next="fatal")
    assert keeper.logged(7) == b"7 1\n7 2\n"


def test_stopping_one_of_two_leaves_the_other_alone(keeper: TestKeeper) -> None:
    first, second = keeper.launch(7, SLEEP), keeper.launch(8, SLEEP)
    keeper.stop(7)
    assert not is_running(first)
    assert is_running(second)


def test_a_stop_without_its_tree_leaves_the_rest(keeper: TestKeeper) -> None:
    code = "import subprocess,time; print(subprocess.Popen(['sleep','99']).pid,flush=True); time.sleep(99)"
    keeper.launch(7, code)
    child = int(eventually(lambda: keeper.logged(7)))
    assert keeper.stop(7, tree=False)["rung"] == "term"
    assert is_running(child)
    os.kill(child, signal.SIGKILL)


def test_many_short_apps_leave_no_zombie(keeper: TestKeeper) -> None:
    for seq in range(1, 201):
        keeper.client.send("launch", seq=seq, gen=1, spec={"argv": ["/bin/true"]})
    ends = [keeper.client.event("exited", timeout=20) for _ in range(200)]
    assert {end["code"] for end in ends} == {0}
    children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text()
    assert children == ""


def test_a_crash_is_answered_while_a_thousand_launches_wait(keeper: TestKeeper) -> None:
    pid = keeper.launch(1, SLEEP, policy=QUICK)
    for seq in range(2, 302):
        keeper.client.send("launch", seq=seq, gen=1, spec={"argv": ["/bin/true"]})
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    keeper.client.event("exited", seq=1, timeout=10)
    assert time.monotonic() - began < 1.0

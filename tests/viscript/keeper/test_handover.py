"""A keeper becomes a newer version of itself: same pids, same events, nothing lost."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper, is_running
from tests.support.wait import eventually
from viscript.keeper import handover
from viscript.keeper.handover import Handover
from viscript.keeper.protocol import Refusal

SLEEP = "import time; time.sleep(1000)"
LINES = "import time\nn = 0\nwhile True:\n    print(n, flush=True); n += 1; time.sleep(0.0005)"


def upgraded(keeper: TestKeeper, cursor: int | None = None) -> None:
    keeper.client.request("upgrade")
    keeper.connect(cursor)


def test_pids_codes_and_lines_survive(keeper: TestKeeper) -> None:
    before = keeper.pid
    writer = keeper.launch(1, LINES, log={"max_bytes": 65536, "backups": 1000})
    coder = keeper.launch(
        2, "import sys; sys.stdin.readline(); sys.exit(37)", stdin="pipe", policy={"policy": "never"}
    )
    terminal = keeper.launch(3, "print(input()); import time; time.sleep(1000)", tty=True)
    for _ in range(3):
        upgraded(keeper)
    assert keeper.hello["keeper_pid"] == before
    assert {record["pid"] for record in keeper.hello["instances"]} == {writer, coder, terminal}
    keeper.client.request("write", seq=2, data="Cg==")
    assert keeper.client.event("exited", seq=2)["code"] == 37
    keeper.client.request("write", seq=3, data="aGkK")
    eventually(lambda: keeper.logged(3).count(b"hi") == 2)
    keeper.stop(1)
    lines = [int(line) for line in keeper.logged(1).split()]
    assert lines == list(range(len(lines)))


def test_events_go_on_without_a_gap(keeper: TestKeeper) -> None:
    keeper.launch(1, SLEEP)
    cursor = keeper.client.event("spawned")["cursor"]
    keeper.launch(2, SLEEP)
    upgraded(keeper, cursor)
    assert keeper.hello["gap"] is False
    assert keeper.client.event("spawned")["seq"] == 2


def test_an_end_during_the_upgrade_is_told_with_its_code(keeper: TestKeeper) -> None:
    for seq in range(1, 11):
        code = f"import sys,time; time.sleep({seq / 30}); sys.exit({seq})"
        keeper.launch(seq, code, policy={"policy": "never"})
    for _ in range(4):
        upgraded(keeper)
    eventually(lambda: all(end["phase"] == "ended" for end in (keeper.record(seq) for seq in range(1, 11))))
    assert [keeper.record(seq)["exits"][-1]["code"] for seq in range(1, 11)] == list(range(1, 11))


def test_orphans_of_before_are_still_found(keeper: TestKeeper) -> None:
    code = (
        "import subprocess as s,time; print(s.Popen(['setsid','sleep','99']).pid,flush=True); time.sleep(99)"
    )
    keeper.launch(7, code)
    child = int(eventually(lambda: keeper.logged(7)))
    upgraded(keeper)
    keeper.stop(7)
    assert not is_running(child)


def test_a_version_that_does_not_load_is_not_become(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP)
    for argv in (["/bin/false"], ["/no/such/program"], [sys.executable, "-c", "raise SystemExit(1)"]):
        with pytest.raises(Refusal):
            keeper.client.request("upgrade", argv=argv)
    assert keeper.record(7)["pid"] == pid
    os.kill(keeper.pid, 0)


def left(folder: Path) -> Handover:
    fd = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    return Handover(fd, 1024, 5, [{"ev": "out"}], {7: os.dup(fd)}, ["x"], 9)


def test_what_is_left_is_found_once_by_the_same_process(tmp_path: Path) -> None:
    before = left(tmp_path)
    handover.leave(str(tmp_path), before)
    assert os.get_inheritable(before.lock)
    assert handover.find(str(tmp_path)) == before
    assert not os.get_inheritable(before.lock)
    assert handover.find(str(tmp_path)) is None
    os.close(before.lock)
    os.close(before.masters[7])


def test_what_a_newer_version_left_beside_is_passed_over(tmp_path: Path) -> None:
    before = left(tmp_path)
    handover.leave(str(tmp_path), before)
    file = tmp_path / handover.NAME
    file.write_text(file.read_text().replace("{", '{"more": [1], ', 1))
    assert handover.find(str(tmp_path)) == before
    os.close(before.lock)
    os.close(before.masters[7])


def test_what_another_process_left_is_nothing(tmp_path: Path) -> None:
    before = left(tmp_path)
    handover.leave(str(tmp_path), before)
    file = tmp_path / handover.NAME
    file.write_text(file.read_text().replace(f'"pid": {os.getpid()}', '"pid": 1'))
    assert handover.find(str(tmp_path)) is None
    file.write_text("torn {")
    assert handover.find(str(tmp_path)) is None
    handover.leave(str(tmp_path), before)
    handover.take_back(str(tmp_path), before)
    assert not file.exists()
    assert not os.get_inheritable(before.lock)
    os.close(before.lock)
    os.close(before.masters[7])


def test_a_signal_meanwhile_is_not_lost(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP, policy={"policy": "never"})
    keeper.client.send("upgrade")
    os.kill(pid, signal.SIGKILL)
    keeper.connect()
    eventually(lambda: keeper.record(7)["exits"])
    assert keeper.record(7)["exits"][-1]["signal"] == 9

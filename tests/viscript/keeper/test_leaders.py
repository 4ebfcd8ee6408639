"""The end of a leader is noticed, however it is watched."""

import os
import resource
import signal

from tests.support.keeper import TestKeeper
from tests.support.wait import eventually

SLEEP = "import time; time.sleep(1000)"
QUICK = {"delay": 0.01, "settle": 0.0}


def test_ends_of_many_at_once_are_told_each_once(any_keeper: TestKeeper) -> None:
    pids = {seq: any_keeper.launch(seq, SLEEP, policy={"policy": "never"}) for seq in range(1, 21)}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    ends = [any_keeper.client.event("exited") for _ in pids]
    assert sorted(end["seq"] for end in ends) == list(pids)
    assert {end["signal"] for end in ends} == {9}


def test_many_adopted_ends_are_told_each_once(keeper: TestKeeper) -> None:
    pids = {seq: keeper.launch(seq, SLEEP, policy={"policy": "never"}) for seq in range(1, 21)}
    keeper.kill()
    keeper.start()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    ends = [keeper.client.event("exited") for _ in pids]
    assert sorted(end["seq"] for end in ends) == list(pids)


def test_an_app_that_crashes_again_and_again_leaks_no_descriptor(keeper: TestKeeper) -> None:
    keeper.launch(7, "raise SystemExit(1)", policy={**QUICK, "max_delay": 0.01})
    keeper.client.event("exited", gen=3)
    before = keeper.client.request("stats")["fds"]
    keeper.client.event("exited", gen=23)
    assert abs(keeper.client.request("stats")["fds"] - before) <= 1


def test_without_descriptors_to_spare_ends_are_still_told(keeper: TestKeeper) -> None:
    pid = keeper.launch(1, SLEEP, policy={"policy": "never"})
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (20, 20))
    os.kill(pid, signal.SIGKILL)
    assert keeper.client.event("exited")["signal"] == 9
    eventually(lambda: "epoch" in keeper.client.request("ping"))

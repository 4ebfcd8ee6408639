"""A keeper frozen for longer than anybody waits: what it carries out when it thaws is what `la` says."""

import time

import psutil
import pytest

from tests.support.caller import Caller
from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, pids, row
from tests.support.wait import eventually

FROZEN_S = 11.0  # longer than the link waits for an ordinary answer


def slept(home: ScratchHome) -> set[int]:
    return set(home.named("sleep"))


@pytest.mark.slow
def test_orders_to_a_frozen_keeper_are_carried_out_once_and_told_as_they_are(
    scratch_home: ScratchHome,
) -> None:
    scratch_home.start_daemon(config({"s": SLEEP}))
    for _ in range(2):
        scratch_home.viscript("s", "s", "--no-wait").ok()
    keeper, caller = psutil.Process(scratch_home.keeper_pid()), Caller(scratch_home)
    keeper.suspend()
    asked = [caller.begin(*argv, timeout=60) for argv in (("s", "s"), ("sd", "1"), ("rs", "2"))]
    begun = row(scratch_home, 1)["since"]
    eventually(lambda: time.time() > begun + FROZEN_S, deadline_s=2 * FROZEN_S)
    keeper.resume()
    for one in asked:
        one.answer().ok()
    assert row(scratch_home, 1)["state"] == "stopped"
    assert set(pids(scratch_home)) == {2, 3}
    assert set(pids(scratch_home).values()) == slept(scratch_home)

"""Apps whose lease is not kept are ended, whoever is dead or frozen."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.keeper import TestKeeper, gone, is_running, silence
from tests.support.wait import eventually
from viscript.keeper.fence import ASK_S, KILL_S, Fence, boottime, create, keep, kept_at
from viscript.keeper.fences import Fences
from viscript.keeper.instance import Instance, StopPlan
from viscript.keeper.loop import Loop
from viscript.keeper.protocol import Json, Refusal
from viscript.keeper.spec import Policy, Spec
from viscript.keeper.table import Phase

SLEEP = "import os, time; print(os.getpid(), os.environ['VISCRIPT_FENCE'], flush=True); time.sleep(1000)"
DEAF = "import signal\nsignal.signal(15, signal.SIG_IGN)\n" + SLEEP
ALWAYS = {"policy": "always", "delay": 0.1}


class Lives:
    """Apps, and what was ordered for them."""

    def __init__(self, *apps: Instance) -> None:
        self.apps = {app.seq: app for app in apps}
        self.orders: list[tuple[int, float, bool]] = []
        self.trees = self
        self.sent: list[tuple[str, int]] = []

    def stop(self, instance: Instance, plan: StopPlan, *, kill: bool = False) -> None:
        self.orders.append((instance.seq, round(plan.grace, 3), kill))

    def signal(self, instance: Instance) -> None:
        self.sent.append(("term", instance.seq))

    def kill(self, instance: Instance) -> None:
        self.sent.append(("kill", instance.seq))


class Bench:
    """Fences with a clock and a lease of the test's own."""

    def __init__(self, folder: Path, *phases: Phase) -> None:
        self.file = str(folder / "lease")
        create(self.file)
        keep(self.file, 1000.0)
        self.fence = Fence("lease", "run/web/1", 12, self.file)
        self.now = 1000.0
        self.told: list[tuple[str, Json]] = []
        self.apps = [self.app(seq, phase) for seq, phase in enumerate(phases, 1)]
        self.lives = Lives(*self.apps)
        self.loop = Loop(lambda exc: None)
        self.fences = Fences(self.loop, self.lives, lambda *event: self.told.append(event), lambda: self.now)

    def app(self, seq: int, phase: Phase) -> Instance:
        app = Instance(seq, 1, "web", Spec(argv=("x",), fence=self.fence), Policy())
        app.phase, app.pid = phase, 100 + seq
        return app

    def look(self, now: float) -> list[tuple[int, float, bool]]:
        """What is ordered at that time."""
        self.now = now
        self.lives.orders.clear()
        self.fences._look()
        return list(self.lives.orders)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


def test_an_app_without_a_fence_is_always_admitted(tmp_path: Path) -> None:
    Bench(tmp_path).fences.admit(None)


def test_a_kept_lease_admits_and_another_does_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.now = 1000.0 + ASK_S - 0.1
    bench.fences.admit(bench.fence)
    bench.now = 1000.0 + ASK_S
    with pytest.raises(Refusal, match="run/web/1") as refused:
        bench.fences.admit(bench.fence)
    assert refused.value.code == "lease-lost"


def test_an_app_is_asked_at_six_seconds_and_has_two_to_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.RUNNING)
    assert bench.look(1005.9) == []
    assert bench.look(1006.0) == [(1, 2.0, False)]
    assert bench.apps[0].ousted
    assert bench.told == [
        ("lease_lost", {"seq": 1, "gen": 1, "pid": 101, "key": "run/web/1", "lease": "lease", "age": 6.0})
    ]


def test_all_apps_of_a_lease_end_together_and_others_do_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.RUNNING, Phase.BACKOFF, Phase.STOPPED, Phase.ENDED)
    bench.lives.apps[9] = Instance(9, 1, "free", Spec(argv=("x",)), Policy())
    bench.lives.apps[9].phase = Phase.RUNNING
    assert [seq for seq, _, _ in bench.look(1006.0)] == [1, 2]


def test_a_lease_that_is_kept_again_lives_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.RUNNING)
    assert bench.look(1005.0) == []
    keep(bench.file, 1005.0)
    assert bench.look(1009.0) == []


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.TERMING, Phase.ASKING, Phase.CLEARING])
def test_at_eight_seconds_no_grace_is_left(tmp_path: Path, phase: Phase) -> None:
    bench = Bench(tmp_path, phase)
    bench.apps[0].relaunch = 2
    assert bench.look(1000.0 + KILL_S) == [(1, 0.0, True)]
    assert bench.apps[0].relaunch is None


@pytest.mark.parametrize("phase,orders", [(Phase.TERMING, 0), (Phase.ASKING, 1), (Phase.KILLING, 0)])
def test_a_stop_under_way_is_only_hurried(tmp_path: Path, phase: Phase, orders: int) -> None:
    bench = Bench(tmp_path, phase)
    assert len(bench.look(1006.5)) == orders
    assert bench.kinds() == []


def test_a_stop_keeps_the_signal_it_began_with(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.ASKING)
    bench.apps[0].plan = StopPlan(ask=9, signum=signal.SIGINT, grace=9, tree=True, began=0)
    assert bench.fences._plan(bench.apps[0], grace=1.0).signum == signal.SIGINT


def test_a_file_that_is_gone_counts_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.RUNNING)
    bench.look(1001.0)
    Path(bench.file).unlink()
    assert bench.look(1005.0) == []
    assert bench.look(1006.0) == [(1, 2.0, False)]


def test_it_looks_again_only_while_there_is_something_to_look_at(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Phase.RUNNING)
    bench.look(1001.0)
    assert bench.fences._timer is not None
    bench.apps[0].phase = Phase.ENDED
    bench.look(1002.0)
    assert bench.fences._timer is None


def test_a_run_with_a_lock_fails_with_its_lease_and_its_policy_decides(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    holder = Instance(3, 1, "job", Spec(argv=("x",)), Policy())
    holder.phase, holder.pid, holder.held = Phase.RUNNING, 103, bench.fence
    bench.lives.apps[3] = holder
    assert bench.look(1005.0) == []
    bench.look(1006.0)
    bench.look(1006.5)
    assert bench.lives.sent == [("term", 3)]
    assert (holder.condemned, bench.kinds()) == ("failed", ["lock_lost"])
    bench.look(1008.0)
    assert bench.lives.sent == [("term", 3), ("kill", 3)]
    holder.pid = None
    bench.look(1008.5)
    assert bench.lives.orders == []


# With a real keeper.


def fence_of(keeper: TestKeeper, *, age: float = 0.0) -> Json:
    path = str(keeper.folder / "lease")
    create(path)
    keep(path, boottime() - age)
    return {"lease": "5", "key": "run/web/1", "revision": 12, "file": path}


def launched(keeper: TestKeeper, code: str, **more: Any) -> tuple[str, int, int]:
    """The file of its lease, its warden's pid and its own."""
    fence = fence_of(keeper)
    warden = keeper.launch(7, code, fence=fence, policy=ALWAYS, **more)
    return fence["file"], warden, app_of(keeper)


def app_of(keeper: TestKeeper) -> int:
    """The pid that the app wrote, which was told its fence."""
    eventually(lambda: keeper.logged(7).endswith(b" 12\n"))
    return int(keeper.logged(7).splitlines()[-1].split()[0])


def test_an_exclusive_app_is_told_its_fence_and_led_by_a_warden(any_keeper: TestKeeper) -> None:
    _, warden, app = launched(any_keeper, SLEEP)
    assert warden != app
    assert any_keeper.record(7)["fence"]["lease"] == "5"
    any_keeper.stop(7)
    assert not is_running(app)


def test_without_a_kept_lease_nothing_is_launched(keeper: TestKeeper) -> None:
    with pytest.raises(Refusal, match="not kept"):
        keeper.launch(7, SLEEP, fence=fence_of(keeper, age=ASK_S))


def test_it_is_ended_and_not_started_again(any_keeper: TestKeeper) -> None:
    file, _, app = launched(any_keeper, SLEEP)
    keep(file, boottime() - ASK_S)
    assert any_keeper.client.event("lease_lost", seq=7)["key"] == "run/web/1"
    assert any_keeper.client.event("stopped", seq=7)["rung"] == "term"
    assert any_keeper.record(7)["ousted"]
    assert any_keeper.record(7)["phase"] == "stopped"
    assert not is_running(app)


def test_who_does_not_go_is_killed_in_time(keeper: TestKeeper) -> None:
    file, _, app = launched(keeper, DEAF)
    keep(file, late := boottime() - ASK_S)
    assert keeper.client.event("stopped", seq=7)["rung"] == "kill"
    assert boottime() - late >= KILL_S
    assert not is_running(app)


def test_the_grace_of_an_ordered_stop_ends_with_the_lease(keeper: TestKeeper) -> None:
    file, _, _ = launched(keeper, DEAF)
    keeper.client.request("stop", seq=7, grace=600)
    keep(file, boottime() - KILL_S)
    assert keeper.client.event("stopped", seq=7)["rung"] == "kill"


def test_a_crash_is_answered_under_the_same_fence(keeper: TestKeeper) -> None:
    _, _, app = launched(keeper, SLEEP)
    os.kill(app, signal.SIGKILL)
    assert keeper.client.event("exited", seq=7)["signal"] == signal.SIGKILL
    assert keeper.client.event("spawned", seq=7)["gen"] == 2
    eventually(lambda: keeper.logged(7).count(b"\n") == 2)
    app_of(keeper)


def test_a_killed_warden_takes_the_app_along(keeper: TestKeeper) -> None:
    _, warden, app = launched(keeper, SLEEP)
    os.kill(warden, signal.SIGKILL)
    keeper.client.event("spawned", seq=7)
    gone(app)


def test_the_daemon_is_not_needed(keeper: TestKeeper) -> None:
    file, _, app = launched(keeper, SLEEP)
    keeper.hang_up()
    keep(file, boottime() - ASK_S)
    gone(app)
    keeper.connect()
    assert keeper.record(7)["ousted"]


def test_the_keeper_is_not_needed(keeper: TestKeeper) -> None:
    file, warden, app = launched(keeper, SLEEP)
    keeper.kill()
    assert is_running(app)
    keep(file, boottime() - ASK_S)
    gone(app)
    gone(warden)


def test_a_frozen_keeper_is_not_needed(keeper: TestKeeper) -> None:
    file, _, app = launched(keeper, DEAF)
    os.kill(keeper.pid, signal.SIGSTOP)
    keep(file, late := boottime() - ASK_S)
    gone(app)
    assert boottime() - late >= KILL_S
    os.kill(keeper.pid, signal.SIGCONT)
    keeper.client.event("exited", seq=7)
    assert not is_running(app)


def test_the_next_keeper_takes_the_fence_over(keeper: TestKeeper) -> None:
    file, _, app = launched(keeper, SLEEP)
    keeper.kill()
    keep(file, boottime())
    keeper.start()
    assert is_running(app)
    assert kept_at(file) > 0
    keep(file, boottime() - ASK_S)
    keeper.client.event("lease_lost", seq=7)
    keeper.client.event("stopped", seq=7)
    assert not is_running(app)


def test_a_frozen_warden_does_not_save_the_app(keeper: TestKeeper) -> None:
    file, warden, app = launched(keeper, DEAF)
    os.kill(warden, signal.SIGSTOP)
    keep(file, boottime() - KILL_S)
    keeper.client.event("stopped", seq=7)
    assert not is_running(app)


def test_after_a_freeze_of_everything_it_is_killed_and_never_started(keeper: TestKeeper) -> None:
    """Host frozen and thawed: the clock went on, nobody else did."""
    file, warden, app = launched(keeper, DEAF)
    frozen = (keeper.pid, warden, app)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    keep(file, boottime() - 100.0)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    gone(app)
    keeper.client.event("stopped", seq=7)
    assert keeper.record(7)["phase"] == "stopped"


def test_a_signal_for_the_app_reaches_it_once(keeper: TestKeeper) -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGUSR1, lambda *a: os.write(1, b'usr 12\\n'))\n"
        "signal.signal(signal.SIGTERM, lambda *a: os.write(1, b'term 12\\n'))\n" + SLEEP
    )
    launched(keeper, code.replace("time.sleep(1000)", "\nwhile True: time.sleep(1000)"))
    assert keeper.client.request("signal", seq=7, signum=int(signal.SIGUSR1))["sent"] == 1
    eventually(lambda: b"usr" in keeper.logged(7))
    assert keeper.client.request("signal", seq=7, signum=int(signal.SIGUSR1), tree=True)["sent"] == 1
    eventually(lambda: keeper.logged(7).count(b"usr") == 2)
    keeper.stop(7, grace=0.5)
    assert keeper.logged(7).count(b"usr") == 2
    assert keeper.logged(7).count(b"term") == 1


@pytest.mark.parametrize(
    "fence",
    [
        "no object",
        {"lease": "5", "key": "k", "revision": 1},
        {"lease": "5", "key": "k", "revision": -1, "file": "/x"},
        {"lease": "5", "key": "k", "revision": 1, "file": "x"},
    ],
)
def test_a_bad_fence_is_refused(keeper: TestKeeper, fence: object) -> None:
    with pytest.raises(Refusal, match=r"spec\.fence"):
        keeper.launch(7, SLEEP, fence=fence)


def test_who_leaves_its_place_to_a_child_cannot_be_fenced(keeper: TestKeeper) -> None:
    with pytest.raises(Refusal, match="cannot be fenced"):
        keeper.launch(7, SLEEP, fence=fence_of(keeper), forking=True)


def test_a_run_with_a_lock_is_ended_and_starts_anew_without_it(keeper: TestKeeper) -> None:
    fence = fence_of(keeper)
    code = "import os, time; print(os.getpid(), 12, flush=True); time.sleep(1000)"
    keeper.launch(7, code, policy=ALWAYS)
    app = app_of(keeper)
    keeper.client.request("hold", seq=7, gen=1, fence=fence)
    keeper.kill()
    keeper.start()
    keep(fence["file"], boottime() - ASK_S)
    keeper.client.event("lock_lost", seq=7)
    assert keeper.client.event("exited", seq=7)["next"] == "restart"
    assert keeper.client.event("spawned", seq=7)["gen"] == 2
    gone(app)
    eventually(lambda: keeper.logged(7).count(b" 12\n") == 2)
    keeper.stop(7)


def test_a_lock_that_was_given_back_ends_nothing(keeper: TestKeeper) -> None:
    fence = fence_of(keeper)
    keeper.launch(7, SLEEP.replace("os.environ['VISCRIPT_FENCE']", "12"))
    app = app_of(keeper)
    keeper.client.request("hold", seq=7, gen=1, fence=fence)
    keeper.client.request("hold", seq=7, gen=1, fence=None)
    keep(fence["file"], boottime() - KILL_S)
    assert silence(keeper.client, "lock_lost", 1.0)
    assert is_running(app)


@pytest.mark.parametrize("gen,age,code", [(2, 0.0, "not-running"), (1, ASK_S, "lease-lost")])
def test_a_lock_is_not_taken_by_a_run_that_is_over_or_without_a_lease(
    keeper: TestKeeper, gen: int, age: float, code: str
) -> None:
    keeper.launch(7, SLEEP.replace("os.environ['VISCRIPT_FENCE']", "12"))
    with pytest.raises(Refusal) as refused:
        keeper.client.request("hold", seq=7, gen=gen, fence=fence_of(keeper, age=age))
    assert refused.value.code == code
    with pytest.raises(Refusal, match="fence"):
        keeper.client.request("hold", seq=7, gen=1, fence={"lease": "5"})

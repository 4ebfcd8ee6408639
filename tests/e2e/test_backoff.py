"""Promise: the pauses between restarts grow to a cap, jitter, shrink after a good run, and never end."""

from collections.abc import Callable

from tests.support.home import ScratchHome
from tests.support.programs import config, events, program, row
from tests.support.wait import eventually


def pauses(home: ScratchHome, seq: int = 1) -> list[float]:
    """Seconds between each end of an app and the next process of it."""
    ends: list[float] = []
    found: list[float] = []
    for event in events(home):
        if event["object"] != f"app/{seq}":
            continue
        if event["type"] == "app.exited":
            ends.append(event["time"])
        elif event["type"] == "app.starting" and len(found) < len(ends):
            found.append(event["time"] - ends[-1])
    return found


def restarted(home: ScratchHome, times: int) -> Callable[[], bool]:
    return lambda: row(home)["restarts"] >= times


def test_pauses_double_up_to_the_cap_and_never_end(scratch_home: ScratchHome) -> None:
    policy = {"delay": "100ms", "max_delay": "800ms", "jitter": 0, "burst": 2}
    scratch_home.start_daemon(config({"bad": program("crash_loop", restart=policy)}))
    scratch_home.viscript("s", "bad", "--no-wait").ok()
    eventually(restarted(scratch_home, 7), deadline_s=20)
    took = pauses(scratch_home)
    for pause, least in zip(took, [0.1, 0.2, 0.4, 0.8, 0.8, 0.8], strict=False):
        assert least * 0.9 <= pause <= least + 0.4  # a busy machine may be late, never early


def test_pauses_differ_by_the_jitter(scratch_home: ScratchHome) -> None:
    policy = {"delay": "200ms", "max_delay": "200ms", "jitter": 0.5}
    apps = {f"bad{n}": program("crash_loop", restart=policy, autostart=True) for n in range(8)}
    scratch_home.start_daemon(config(apps))
    eventually(lambda: all(row(scratch_home, seq)["restarts"] >= 1 for seq in range(1, 9)))
    first = [pauses(scratch_home, seq)[0] for seq in range(1, 9)]
    assert min(first) >= 0.1 * 0.9
    assert max(first) - min(first) > 0.02


def test_a_run_that_came_up_starts_at_once_again_and_from_the_shortest_pause(
    scratch_home: ScratchHome,
) -> None:
    policy = {"delay": "400ms", "max_delay": "30s", "jitter": 0, "window": "1s"}
    scratch_home.start_daemon(config({"nap": {"command": ["sleep", "2"], "daemon": True, "restart": policy}}))
    scratch_home.viscript("s", "nap").ok()
    eventually(restarted(scratch_home, 3), deadline_s=20)
    assert max(pauses(scratch_home)) < 0.3  # each run was good for longer than the window: at once


def test_stop_in_backoff_is_at_once_and_final(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"bad": program("crash_loop", restart={"delay": "60s"})}))
    assert scratch_home.viscript("s", "bad").code == 1
    assert row(scratch_home)["state"] == "backoff"
    (ended,) = scratch_home.viscript("sd", "1", "-o", "json").ok().json()
    assert ended["seconds"] < 1
    assert row(scratch_home)["state"] == "stopped"


def test_a_pause_goes_on_over_a_killed_daemon(scratch_home: ScratchHome) -> None:
    policy = {"delay": "3s", "jitter": 0}
    scratch_home.start_daemon(config({"bad": program("crash_loop", restart=policy)}))
    assert scratch_home.viscript("s", "bad").code == 1
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert row(scratch_home)["state"] == "backoff"
    eventually(restarted(scratch_home, 1))
    assert 2.7 <= pauses(scratch_home)[0] <= 5

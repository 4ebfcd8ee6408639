"""The keeper as a whole: small, quiet, alone in its home, leaving as it should."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.keeper import ROOT, TestKeeper, gone, is_running
from tests.support.wait import eventually
from viscript.keeper.places import ALREADY_RUNNING

SLEEP = "import time; time.sleep(1000)"
# Of the standard library, but too heavy for a process that should stay below 12 MiB for years; and not of it.
HEAVY = {
    "subprocess",
    "threading",
    "logging",
    "asyncio",
    "multiprocessing",
    "argparse",
    "dataclasses",
    "inspect",
    "ast",
    "hashlib",
    "random",
    "ssl",
    "pathlib",
    "shutil",
    "tempfile",
    "http",
    "urllib",
    "email",
    "decimal",
    "datetime",
}


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def pss_kib(pid: int) -> int:
    found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_it_loads_nothing_heavy_and_nothing_that_is_not_python() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import viscript.keeper.__main__, viscript.keeper.linux\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert not loaded & HEAVY
    assert loaded - sys.stdlib_module_names == {"viscript"}


def test_it_is_small_and_costs_nothing_while_nothing_happens(keeper: TestKeeper) -> None:
    for seq in range(1, 11):
        keeper.client.request("launch", seq=seq, gen=1, spec={"argv": ["/bin/sleep", "1000"]})
    assert pss_kib(keeper.pid) <= 16 * 1024  # 12 MiB where its pages are shared with nobody else's Python
    before = cpu_ticks(keeper.pid)
    keeper.client.events(1.0)
    assert cpu_ticks(keeper.pid) - before <= 1


def test_a_home_has_one_keeper(keeper: TestKeeper) -> None:
    command = [sys.executable, "-P", "-m", "viscript.keeper"]
    options = ["--home-root", keeper.places.root, "--run", keeper.places.run, "--state", keeper.places.state]
    second = subprocess.run(
        [*command, *options], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert second.returncode == ALREADY_RUNNING
    assert "another keeper" in second.stderr
    keeper.client.request("ping")


def test_it_leaves_the_apps_when_told_to_go(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    any_keeper.client.request("shutdown")
    any_keeper.wait_for_death()
    assert is_running(pid)
    assert not Path(any_keeper.places.socket).exists()
    any_keeper.start()
    assert any_keeper.record(7)["pid"] == pid


def test_it_leaves_only_when_a_stop_that_has_begun_is_done(any_keeper: TestKeeper) -> None:
    deaf = "import signal, time; signal.signal(15, 1); print(flush=True); time.sleep(1000)"
    stopped, other = any_keeper.launch(1, deaf), any_keeper.launch(2, "import time; time.sleep(1000)")
    eventually(lambda: any_keeper.logged(1))
    any_keeper.client.send("stop", seq=1, grace=0.05)
    any_keeper.client.send("shutdown")
    any_keeper.wait_for_death()
    assert not is_running(stopped)
    assert is_running(other)


def test_it_takes_the_apps_along_when_told_to(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, SLEEP)
    any_keeper.client.request("shutdown", stop_all=True)
    any_keeper.wait_for_death()
    assert not is_running(pid)


def test_a_plain_sigterm_leaves_the_apps(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP)
    os.kill(keeper.pid, signal.SIGTERM)
    keeper.wait_for_death()
    assert is_running(pid)


def test_a_hangup_and_an_interrupt_are_ignored(keeper: TestKeeper) -> None:
    os.kill(keeper.pid, signal.SIGHUP)
    os.kill(keeper.pid, signal.SIGINT)
    keeper.client.request("ping")


def test_under_a_service_manager_a_sigterm_stops_all(short_tmp: Path) -> None:
    with TestKeeper(short_tmp) as keeper:
        options = [
            "--home-root",
            keeper.places.root,
            "--run",
            keeper.places.run,
            "--state",
            keeper.places.state,
        ]
        shell = f"SYSTEMD_EXEC_PID=$$ exec {sys.executable} -P -m viscript.keeper {' '.join(options)}"
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "VISCRIPT_HOME": str(short_tmp)}
        with subprocess.Popen(["/bin/sh", "-c", shell], env=environ) as process:
            keeper.attend(process)
            pid = keeper.launch(7, SLEEP)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        gone(pid)


def test_its_journal_does_not_grow_with_restarts(keeper: TestKeeper) -> None:
    keeper.launch(7, "raise SystemExit(1)", policy={"delay": 0.0, "max_delay": 0.0})
    keeper.client.event("exited", gen=20, timeout=20)
    keeper.client.request("kill", seq=7)
    assert Path(keeper.places.journal).stat().st_size < 200_000


def test_counters_tell_what_it_did(keeper: TestKeeper) -> None:
    keeper.launch(7, "print('x' * 99)", policy={"policy": "always", "delay": 0.05})
    keeper.client.event("spawned", gen=3)
    stats = keeper.client.request("stats")
    assert stats["restarts"] >= 2
    assert stats["drained_bytes"] >= 200
    assert (stats["instances"], stats["lost_bytes"], stats["journal_error"]) == (1, 0, None)


@pytest.mark.parametrize("argv", [["--home-root"], ["--what", "x"], ["--run", "x", "--state", "y"]])
def test_wrong_options_are_usage(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "viscript.keeper", *argv],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")


def test_without_options_it_is_the_home_of_the_environment(short_tmp: Path) -> None:
    with TestKeeper(short_tmp / "h") as keeper:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "VISCRIPT_HOME": str(short_tmp / "h")}
        with subprocess.Popen([sys.executable, "-P", "-m", "viscript.keeper"], env=environ) as process:
            keeper.attend(process)
            keeper.client.request("shutdown")
            assert process.wait(timeout=10) == 0


def test_a_burst_of_launches_is_carried_out_in_slices(keeper: TestKeeper) -> None:
    """What comes from another connection meanwhile is answered long before the burst is done."""
    numbers = [
        keeper.client.send("launch", seq=seq, gen=1, spec={"argv": ["/bin/true"]}) for seq in range(1, 201)
    ]
    began = time.monotonic()
    for number in numbers:
        keeper.client.answer_to(number)
    assert time.monotonic() - began < 20
    eventually(lambda: keeper.client.request("stats")["running"] == 0)

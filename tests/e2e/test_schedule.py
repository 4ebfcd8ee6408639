"""Promise: a schedule runs its app at its times, once, also over the death of the daemon."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.home import ScratchHome
from tests.support.programs import config, events, program, row
from tests.support.wait import eventually


class Job:
    """An app that notes each of its runs."""

    def __init__(self, home: ScratchHome) -> None:
        self.home = home
        self.file = home.root / "ticks"

    def block(self, schedule: dict[str, Any], lives: float = 0.0, **keys: Any) -> str:
        """A configuration with it."""
        app = program("tick", self.file, lives, settle="50ms", schedule=schedule, **keys)
        return config({"job": app})

    def runs(self) -> list[tuple[int, int, float]]:
        """Pid, generation and time of each run."""
        if not self.file.exists():
            return []
        words = [line.split() for line in self.file.read_text().splitlines()]
        return [(int(pid), int(generation), float(at)) for pid, generation, at in words]

    def ran(self, count: int) -> list[tuple[int, int, float]]:
        """So many runs, when there are."""
        eventually(lambda: len(self.runs()) >= count)
        return self.runs()


@pytest.fixture
def job(scratch_home: ScratchHome) -> Job:
    return Job(scratch_home)


def test_it_runs_at_its_times_under_one_id_and_the_next_run_is_told(job: Job) -> None:
    job.home.start_daemon(job.block({"cron": "* * * * * *"}, autostart=True))
    runs = job.ran(3)
    assert [generation for _, generation, _ in runs[:3]] == [1, 2, 3]
    assert all(at % 1 < 0.9 and 0.5 < later - at < 1.9 for (_, _, at), (_, _, later) in pairwise(runs))
    eventually(lambda: row(job.home)["state"] == "done")
    one = row(job.home)
    assert one["id"] == 1
    assert one["next_run"] > time.time() - 1
    assert "next run 20" in job.home.viscript("why", "1").ok().out
    told = events(job.home, "app.scheduled")
    assert told[0]["actor"] == "schedule"
    assert told[0]["reason"].startswith("due 20")


def test_at_start_is_once_for_a_daemon_that_is_started(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1h", "at_start": True}))
    job.ran(1)
    job.home.kill_daemon()
    eventually(lambda: job.home.viscript("la").code == 0)
    assert len(job.runs()) == 1
    assert 3500 < row(job.home)["next_run_seconds"] <= 3600
    job.home.viscript("daemon", "stop").ok()
    job.home.start_daemon(Path(job.home.root / "config.yaml"))
    assert [generation for _, generation, _ in job.ran(2)] == [1, 2]


def test_killing_the_daemon_between_runs_doubles_none_and_forgets_none(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "2s"}))
    for count in (1, 2, 3):
        job.ran(count)
        job.home.kill_daemon()
        eventually(lambda: job.home.viscript("la").code == 0)
    runs = job.ran(4)
    assert [generation for _, generation, _ in runs] == list(range(1, len(runs) + 1))
    assert all(1.5 < later - at < 3.5 for (_, _, at), (_, _, later) in pairwise(runs))


def test_what_is_due_while_one_runs_is_left_out_and_told(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1s"}, lives=1000))
    (first,) = job.ran(1)
    eventually(lambda: len(events(job.home, "app.skipped")) >= 2)
    assert events(job.home, "app.skipped")[0]["reason"].startswith("the run before is still")
    assert job.runs() == [first]


def test_what_is_due_while_one_runs_waits_for_its_end(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1s", "overlap": "queue"}, lives=1.5))
    runs = job.ran(3)
    assert all(1.5 <= later - at < 2.5 for (_, _, at), (_, _, later) in pairwise(runs))
    assert any(event["data"]["waits"] for event in events(job.home, "app.scheduled"))


def test_what_is_due_ends_the_run_before(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1s", "overlap": "kill"}, lives=1000))
    runs = job.ran(3)
    eventually(lambda: not psutil.pid_exists(runs[1][0]))
    assert [generation for _, generation, _ in runs[:3]] == [1, 2, 3]


def test_disable_ends_a_schedule_over_daemons_and_sd_only_a_run(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1s"}, lives=0.5))
    job.ran(1)
    assert "its schedule goes on" in job.home.viscript("sd", "job").ok().out
    before = len(job.runs())
    job.ran(before + 1)
    assert "does not run by its schedule" in job.home.viscript("disable", "job").ok().out
    job.home.kill_daemon()
    eventually(lambda: job.home.viscript("la").code == 0)
    assert row(job.home)["next_run"] is None
    eventually(lambda: row(job.home)["state"] in ("done", "stopped"))
    before = len(job.runs())
    job.home.viscript("enable", "job").ok()
    assert row(job.home)["next_run"] is not None
    assert len(job.runs()) == before
    job.ran(before + 1)


def test_a_changed_schedule_holds_without_a_restart_and_a_removed_one_ends(job: Job) -> None:
    job.home.start_daemon(job.block({"every": "1h", "at_start": True}, lives=1000))
    (first,) = job.ran(1)
    job.home.write_config(job.block({"every": "1s", "overlap": "queue"}, lives=1000))
    (step,) = [one for one in job.home.viscript("apply", "-o", "json").ok().json() if one["app"] == "job"]
    assert (step["action"], step["reason"]) == ("update", "changed: schedule")
    assert row(job.home)["pid"] == first[0]
    eventually(lambda: events(job.home, "app.skipped"))
    job.home.write_config(config({"job": program("tick", job.file, 1000, settle="50ms")}))
    job.home.viscript("apply").ok()
    assert row(job.home)["next_run"] is None
    assert row(job.home)["pid"] == first[0]

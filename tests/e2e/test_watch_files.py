"""Promise: a changed file restarts the app that watches it, once, and its name is told."""

from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, events, row
from tests.support.wait import eventually


@pytest.fixture
def source(scratch_home: ScratchHome) -> Path:
    """A folder that a running app watches, beside the configuration file."""
    folder = scratch_home.root / "src"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.py").write_text("1")
    app = {**SLEEP, "settle": "50ms", "autostart": True, "watch": ["src", "*.conf"]}
    scratch_home.start_daemon(config({"web": app}))
    eventually(lambda: row(scratch_home)["state"] == "running")
    return folder


def generation(home: ScratchHome, number: int) -> None:
    eventually(lambda: (row(home)["generation"], row(home)["state"]) == (number, "running"))


def test_each_change_is_one_restart_and_named(scratch_home: ScratchHome, source: Path) -> None:
    for number in range(30):
        (source / f"deep/b{number}.py").write_text("x")
    generation(scratch_home, 2)
    (source / "a.py").unlink()
    generation(scratch_home, 3)
    (scratch_home.root / "web.conf").write_text("x")
    generation(scratch_home, 4)
    assert "(web.conf changed)" in scratch_home.viscript("why", "web").ok().out
    told = events(scratch_home, "app.changed")
    assert [event["data"]["count"] for event in told] == [30, 1, 1]
    assert told[1]["reason"] == "src/a.py changed"
    assert [event["actor"] for event in events(scratch_home, "app.stopping")] == ["watch"] * 3


def test_a_file_that_never_stops_changing_makes_no_restart_loop(
    scratch_home: ScratchHome, source: Path
) -> None:
    writes = 0

    def write() -> bool:
        nonlocal writes
        writes += 1
        (source / "log").write_text("x" * writes)
        return writes >= 100  # each 20 ms

    eventually(write)
    generation(scratch_home, 2)
    assert len(events(scratch_home, "app.changed")) == 1


def test_what_was_stopped_stays_down_and_what_editors_leave_is_nothing(
    scratch_home: ScratchHome, source: Path
) -> None:
    (source / ".a.py.swp").write_text("x")
    (source / "a.py~").write_text("x")
    scratch_home.viscript("sd", "web").ok()
    (source / "a.py").write_text("22")
    scratch_home.viscript("rs", "1").ok()
    (source / "a.py").write_text("333")
    generation(scratch_home, 3)
    assert [event["data"]["count"] for event in events(scratch_home, "app.changed")] == [1]


def test_a_changed_list_is_watched_without_a_restart(scratch_home: ScratchHome, source: Path) -> None:
    pid = row(scratch_home)["pid"]
    app = {**SLEEP, "settle": "50ms", "autostart": True, "watch": ["other"]}
    scratch_home.write_config(config({"web": app}))
    scratch_home.viscript("apply").ok()
    assert row(scratch_home)["pid"] == pid
    (source / "a.py").write_text("4444")
    (scratch_home.root / "other").write_text("x")
    generation(scratch_home, 2)
    assert [event["reason"] for event in events(scratch_home, "app.changed")] == ["other changed"]

"""What a daemon remembers is deleted or destroyed while apps run: all are taken back, none comes twice."""

import os
from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from tests.support.programs import SLEEP, config, events, pids, rows
from tests.support.wait import eventually


def delete(home: Path) -> None:
    for file in home.glob("state.db*"):
        file.unlink()


def destroy(home: Path) -> None:
    (home / "state.db").write_bytes(os.urandom(9_000))


@pytest.mark.parametrize("lose", [delete, destroy])
def test_apps_are_taken_back_without_a_store(scratch_home: ScratchHome, lose: object) -> None:
    assert callable(lose)
    scratch_home.start_daemon(config({"web": {**SLEEP, "autostart": True}, "job": SLEEP}))
    for _ in range(3):
        scratch_home.viscript("s", "job", "--no-wait").ok()
    scratch_home.viscript("sd", "4").ok()
    before = pids(scratch_home)
    scratch_home.viscript("daemon", "stop").ok()
    lose(scratch_home.root)
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    assert pids(scratch_home) == before
    assert {seq: one["app"] for seq, one in rows(scratch_home).items()} == {
        1: "web",
        **dict.fromkeys((2, 3, 4), "job"),
    }
    assert scratch_home.viscript("s", "job", "--no-wait", "-o", "json").ok().json()["id"] == 5
    assert len(events(scratch_home, "store.damaged")) == (lose is destroy)
    scratch_home.viscript("rs", "2").ok()
    eventually(lambda: pids(scratch_home)[2] != before[2])
    scratch_home.kill_daemon()
    eventually(lambda: scratch_home.viscript("la").code == 0)
    assert sorted(pids(scratch_home)) == [1, 2, 3, 5]


def test_apps_are_taken_back_without_the_keepers_records(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"web": {**SLEEP, "autostart": True}, "job": SLEEP}))
    scratch_home.viscript("s", "job", "--no-wait").ok()
    before = pids(scratch_home)
    scratch_home.viscript("daemon", "stop").ok()
    scratch_home.kill_keeper()
    (scratch_home.root / "keeper" / "journal").write_bytes(os.urandom(900))
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    assert pids(scratch_home) == before
    assert {one["object"] for one in events(scratch_home, "app.found")} == {"app/1", "app/2"}
    scratch_home.viscript("rs", "2").ok()
    eventually(lambda: pids(scratch_home)[2] != before[2])

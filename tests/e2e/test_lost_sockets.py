"""A clean-up takes the folders of the sockets away: nobody is doubled, and all are reached again."""

import shutil

import psutil

from tests.support.home import ScratchHome
from tests.support.processes import described
from tests.support.programs import SLEEP, config, pids, row
from tests.support.wait import eventually


def answers(home: ScratchHome) -> bool:
    return home.viscript("la").code == 0


def test_removed_socket_folders_come_back_and_nothing_is_doubled(scratch_home: ScratchHome) -> None:
    daemon = scratch_home.start_daemon(config({"web": {**SLEEP, "autostart": True}}))
    keeper, before = scratch_home.keeper_pid(), pids(scratch_home)
    for folder in ("run", "apps"):
        shutil.rmtree(scratch_home.root / folder)
    second = scratch_home.viscript("daemon", "--detach", "--config", str(scratch_home.root / "config.yaml"))
    assert second.code == 1
    assert f"pid {daemon}" in second.err or "is locked" in second.err
    eventually(lambda: answers(scratch_home), deadline_s=20)
    assert (scratch_home.daemon_pid(), scratch_home.keeper_pid()) == (daemon, keeper)
    assert pids(scratch_home) == before
    psutil.Process(before[1]).kill()
    eventually(lambda: row(scratch_home)["restarts"] == 1 and row(scratch_home)["pid"])
    names = " ".join(described(scratch_home.processes()))
    assert [names.count(word) for word in ("viscript.daemon", "viscript.keeper ", "sleep 1000")] == [1, 1, 1]


def test_a_keeper_whose_door_was_removed_is_found_by_the_next_daemon(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(config({"web": {**SLEEP, "autostart": True}}))
    keeper, before = scratch_home.keeper_pid(), pids(scratch_home)
    scratch_home.viscript("daemon", "stop").ok()
    shutil.rmtree(scratch_home.root / "run")
    scratch_home.start_daemon(scratch_home.root / "config.yaml")
    assert scratch_home.keeper_pid() == keeper
    assert pids(scratch_home) == before

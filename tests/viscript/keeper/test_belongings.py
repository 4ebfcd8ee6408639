"""What an app has besides its processes."""

from pathlib import Path

from tests.support.groups import groups_of
from tests.support.keeper import TestKeeper

SLEEP = "import time; time.sleep(1000)"
CEILINGS = {"memory": 1 << 30, "cpu": 80, "threads": 50}


def test_an_app_with_ceilings_has_a_group_while_it_is_known(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP, ceilings=CEILINGS)
    found = groups_of(keeper.folder)
    assert list(found.known()) == ([7] if found.base else [])
    keeper.client.request("update", seq=7, spec=keeper.python(7, SLEEP, ceilings={"memory": 1 << 31}))
    keeper.stop(7)
    keeper.client.request("forget", seq=7)
    assert found.known() == {}


def test_a_keeper_that_leaves_takes_the_empty_folder_with_it(keeper: TestKeeper) -> None:
    keeper.launch(7, SLEEP, cgroup=True)
    base = groups_of(keeper.folder).base
    keeper.stop(7)
    keeper.client.send("shutdown", stop_all=True)
    keeper.wait_for_death()
    assert not base or not Path(base).exists()


def test_a_group_outlives_the_keeper_with_its_app(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, SLEEP, cgroup=True)
    keeper.kill()
    keeper.start()
    found = groups_of(keeper.folder)
    assert found.pids(found.known().get(7)) == ([pid] if found.base else [])
    keeper.stop(7)
    assert found.known() == {}

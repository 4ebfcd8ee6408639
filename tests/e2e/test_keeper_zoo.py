"""A stop leaves nothing behind: eight programs that try to stay."""

import base64
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.groups import groups_of
from tests.support.keeper import TestKeeper, is_running
from tests.support.wait import eventually
from viscript.keeper.host import home_number
from viscript.keeper.linux import Linux

ZOO = Path(__file__).parent / "zoo"
ANIMALS = sorted(path.stem for path in ZOO.glob("*.py"))


@pytest.fixture
def keeper(short_tmp: Path) -> Iterator[TestKeeper]:
    with TestKeeper(short_tmp) as keeper:
        keeper.start()
        yield keeper


def tagged(keeper: TestKeeper) -> list[int]:
    """All living processes that carry the tag of this home, whoever they became."""
    host = Linux(home_number(str(keeper.folder)))
    return [process.pid for process in host.scan() if process.tag is not None and process.state not in "ZX"]


def let_out(keeper: TestKeeper, animal: str, *, cgroup: bool = False) -> None:
    spec = keeper.spec(7, sys.executable, "-S", str(ZOO / f"{animal}.py"), cgroup=cgroup)
    keeper.client.request("launch", seq=7, gen=1, spec=spec)
    eventually(lambda: keeper.logged(7))


def test_the_zoo_is_complete() -> None:
    assert len(ANIMALS) >= 8


@pytest.fixture(params=[False, True], ids=["plain", "cgroup"])
def cgroup(request: pytest.FixtureRequest) -> bool:
    """Without a group, and with one where the machine lets us have it."""
    return bool(request.param)


@pytest.mark.parametrize("animal", ANIMALS)
def test_a_stop_leaves_nothing_of(animal: str, keeper: TestKeeper, cgroup: bool) -> None:
    let_out(keeper, animal, cgroup=cgroup)
    assert tagged(keeper)
    stopped = keeper.stop(7, grace=0.5)
    assert stopped["seconds"] < 10
    assert tagged(keeper) == []
    assert groups_of(keeper.folder).known() == {}


@pytest.mark.parametrize("animal", ANIMALS)
def test_the_next_keeper_stops_and_leaves_nothing_of(animal: str, keeper: TestKeeper, cgroup: bool) -> None:
    let_out(keeper, animal, cgroup=cgroup)
    keeper.kill()
    keeper.start()
    assert keeper.stop(7, grace=0.5)["seconds"] < 10
    assert tagged(keeper) == []
    assert groups_of(keeper.folder).known() == {}


def test_a_group_catches_what_throws_its_tag_away(keeper: TestKeeper) -> None:
    """It left session, parent and tag: where there is no group to catch it, it is nobody's."""
    program = ZOO.parent / "programs" / "throws_tag_away.py"
    spec = keeper.spec(7, sys.executable, "-S", str(program), cgroup=True, stdin="pipe")
    keeper.client.request("launch", seq=7, gen=1, spec=spec)
    keeper.client.request("write", seq=7, data=base64.b64encode(b"go\n").decode())
    runaway = int(eventually(lambda: keeper.logged(7)))
    assert runaway not in tagged(keeper)
    has_groups = bool(groups_of(keeper.folder).base)
    keeper.stop(7, grace=0.2)
    assert is_running(runaway) is not has_groups
    if not has_groups:
        os.kill(runaway, signal.SIGKILL)


def test_a_killed_leader_takes_nothing_with_it_unseen(keeper: TestKeeper) -> None:
    """What outlives a leader that was killed is counted, and a stop ends it."""
    let_out(keeper, "double_fork")
    leader = keeper.record(7)["pid"]
    grandchild = int(keeper.logged(7))
    keeper.client.request("update", seq=7, policy={"policy": "never"})
    os.kill(leader, 9)
    assert keeper.client.event("exited")["leftovers"] == 1
    assert is_running(grandchild)
    keeper.stop(7)
    assert not is_running(grandchild)

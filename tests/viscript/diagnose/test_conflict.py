from collections.abc import Sequence

from viscript.diagnose.bound import Bound
from viscript.diagnose.conflict import Holder, PortConflict, choose, enough, port_conflict
from viscript.diagnose.wanted import Wanted, Weight

WEB = Bound("tcp", "0.0.0.0", 8000, 1)
DB = Bound("tcp", "127.0.0.1", 5432, 2)
HELD = {
    1: [Holder(pid=20, process="nginx"), Holder(pid=21, process="nginx")],
    2: [Holder(pid=30, process="pg", id=3)],
}


def holders(bound: Bound) -> Sequence[Holder]:
    return HELD.get(bound.inode, [])


def want(port: int, weight: Weight = Weight.NAMED) -> Wanted:
    return Wanted(port, None, weight)


def test_the_first_candidate_that_is_held_is_named() -> None:
    found = port_conflict([want(1), want(8000), want(5432)], [WEB, DB], own=7, holders=holders)
    assert found == PortConflict(port=8000, pid=20, process="nginx")


def test_our_own_app_is_named_by_its_id() -> None:
    found = port_conflict([want(5432)], [WEB, DB], own=7, holders=holders)
    assert found == PortConflict(port=5432, pid=30, process="pg", id=3)


def test_the_own_tree_is_no_stranger() -> None:
    assert port_conflict([want(5432)], [DB], own=3, holders=holders) is None
    assert port_conflict([want(5432)], [DB], own=None, holders=holders) is not None


def test_a_holder_that_may_not_be_seen_leaves_the_port() -> None:
    hidden = Bound("tcp", "::", 8000, 99)
    assert port_conflict([want(8000)], [hidden], own=7, holders=holders) == PortConflict(port=8000)


def test_nobody_holds_it() -> None:
    assert port_conflict([want(9)], [WEB, DB], own=7, holders=holders) is None


def test_an_app_of_ours_goes_before_an_older_process() -> None:
    assert choose([Holder(pid=1, process="a"), Holder(pid=9, process="b", id=4)]) == Holder(
        pid=9, process="b", id=4
    )
    assert choose([]) is None


def test_a_light_candidate_needs_a_complaint() -> None:
    every = [want(1, Weight.OWN), want(2, Weight.NAMED), want(3, Weight.LOOSE)]
    assert [one.port for one in enough(every, complained=True, silent=False)] == [1, 2, 3]
    assert [one.port for one in enough(every, complained=False, silent=True)] == [1, 2]
    assert [one.port for one in enough(every, complained=False, silent=False)] == [1]

"""The keeper is told whose output somebody follows, and no more than that."""

from tests.support.fake_keeper import FakeKeeper
from tests.support.supervision import Bench
from viscript.supervisor.watching import Watching


def watches(keeper: FakeKeeper) -> list[tuple[int, bool]]:
    return [(order["seq"], order["on"]) for order in keeper.asked("watch")]


def test_the_first_listener_switches_it_on_and_the_last_one_off() -> None:
    keeper, heard = FakeKeeper(), list[str]()
    watching = Watching(keeper)
    first = watching.listen(7, lambda: heard.append("first"))
    second = watching.listen(7, lambda: heard.append("second"))
    watching.wrote(7)
    assert sorted(heard) == ["first", "second"]
    first()
    first()
    assert watches(keeper) == [(7, True)]
    second()
    assert watches(keeper) == [(7, True), (7, False)]
    watching.wrote(7)
    assert len(heard) == 2


def test_an_end_that_is_called_twice_does_not_end_a_later_listener() -> None:
    keeper = FakeKeeper()
    watching = Watching(keeper)
    end = watching.listen(7, lambda: None)
    end()
    watching.listen(7, lambda: None)
    end()
    assert watches(keeper) == [(7, True), (7, False), (7, True)]


def test_a_new_keeper_is_told_again() -> None:
    keeper = FakeKeeper()
    watching = Watching(keeper)
    watching.listen(7, lambda: None)
    watching.listen(9, lambda: None)()
    keeper.orders.clear()
    watching.again()
    assert watches(keeper) == [(7, True)]


async def test_an_app_that_is_started_again_is_still_followed(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.supervisor.output_changed(1, lambda: None)
    bench.keeper.exited(1, 1)
    bench.keeper.orders.clear()
    bench.keeper.spawned(1, 2, restart=True)
    assert watches(bench.keeper) == [(1, True)]

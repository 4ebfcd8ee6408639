"""The context of an app: who waits is left to finish, who does not can be cancelled."""

import pytest

from viscript.pluginhost.appcontext import AppContext


async def test_stop_wakes_who_waits() -> None:
    context = AppContext("a", settings={"x": 1})
    seen = [context.heeds, context.stopping, context.heeds]
    context.stop()
    await context.stopped()
    assert [*seen, context.stopping] == [False, False, True, True]
    assert context.settings == {"x": 1}


async def test_the_runner_waits_without_heeding() -> None:
    context = AppContext("a")
    context.stop()
    await context.asked()
    assert not context.heeds


def test_started_by_hand_there_is_no_bus() -> None:
    context = AppContext("a")
    assert not context.supervised
    with pytest.raises(RuntimeError, match="a was started by hand"):
        _ = context.bus

"""Runs begun for a reason of their own use the app as it is configured now, and say why."""

from tests.support.supervision import Bench
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.orders import CannotStart


async def test_a_run_begins_with_the_app_as_it_is_now(bench: Bench) -> None:
    managed = bench.supervisor.roll.create(bench.app("web", default_args=("old",)), ("old",), configured=True)
    bench.app("web", default_args=("new",))
    bench.renewing.begin(managed, "for a test", "tester")
    order = (await bench.asked("launch"))[0]
    assert order["spec"]["argv"][-1] == "new"
    assert managed.begun_for == "for a test"
    assert bench.told("app.starting")[-1].reason == "for a test"


async def test_arguments_of_its_own_are_kept(bench: Bench) -> None:
    managed = bench.supervisor.roll.create(bench.app("web", default_args=("old",)), ("mine",))
    bench.app("web", default_args=("new",))
    bench.renewing.refresh(managed)
    assert managed.args == ("mine",)
    bench.apps.clear()
    bench.renewing.refresh(managed)
    assert managed.entry.spec.default_args == ("new",)


async def test_what_runs_is_stopped_and_started_for_a_reason(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.renewing.again(bench.held(), "a file changed", "watch")
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)
    assert bench.held().begun_for == "a file changed"
    stopping = bench.told("app.stopping")[-1]
    assert (stopping.reason, stopping.actor) == ("a file changed", "watch")


async def test_a_restart_by_the_policy_or_a_user_has_no_such_reason(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.renewing.again(bench.held(), "a file changed", "watch")
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)
    bench.keeper.exited(1, 2)
    bench.keeper.spawned(1, 3, restart=True)
    assert bench.held().begun_for == ""
    bench.held().begun_for = "earlier"
    await bench.supervisor.restart(1)
    assert bench.held().begun_for == ""


async def test_an_obstacle_is_told_before_anything_is_stopped(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    assert await bench.renewing.obstacle(bench.held()) == ""
    bench.env_fault = CannotStart("env-missing", "the secret is gone")
    assert await bench.renewing.obstacle(bench.held()) == "the secret is gone"

"""A plan carried out: what changed is touched, what did not is left alone, what fails is said."""

from pathlib import Path

import pytest

from tests.support.supervision import Bench
from viscript.config.loader import Loaded, load
from viscript.errors import ExitCode, VerbError
from viscript.states import State
from viscript.supervisor.api import PlanStep
from viscript.supervisor.applying import refuse_emptied
from viscript.supervisor.catalogue import catalogue
from viscript.supervisor.keeper_port import KeeperError
from viscript.supervisor.orders import CannotStart

WEB = "{command: [/bin/true], settle: 0.01, autostart: true}"


def loaded(bench: Bench, apps: str) -> Loaded:
    """The configuration with these apps; it is what can be started from now on."""
    path = Path(bench.folder, "config.yaml")
    path.write_text(f"apps: {apps}\n")
    found = load(path, {})
    bench.apps.clear()
    bench.apps.update(catalogue(found, bench.plugins))
    return found


async def applied(bench: Bench, old: str, new: str) -> list[PlanStep]:
    before = loaded(bench, old)
    for entry in tuple(bench.apps.values()):
        for _ in range(entry.spec.instances if not bench.conductor.managed else 0):
            bench.applying.start_configured(entry)
    await bench.until(lambda: all(m.state is State.RUNNING for m in bench.conductor.managed.values()))
    after = loaded(bench, new)
    return await bench.applying.carry_out(bench.applying.steps(before, after), "tester")


def words(steps: list[PlanStep]) -> list[tuple[str, str]]:
    return [(step.action, step.app) for step in steps]


async def test_nothing_changed_nothing_touched(bench: Bench) -> None:
    orders = f"{{web: {WEB}}}"
    steps = await applied(bench, orders, orders)
    assert words(steps) == [("unchanged", "web")]
    assert bench.held(1).generation == 1
    assert bench.keeper.asked("stop") == []


async def test_a_new_app_comes_up(bench: Bench) -> None:
    steps = await applied(bench, "{}", f"{{web: {WEB[:-1]}, instances: 2}}}}")
    assert words(steps) == [("add", "web")]
    await bench.until(lambda: len(bench.keeper.asked("launch")) == 2)
    assert {managed.name for managed in bench.conductor.managed.values()} == {"web", "web#2"}


async def test_a_new_app_without_autostart_can_be_started_and_is_not(bench: Bench) -> None:
    await applied(bench, "{}", "{web: {command: [/bin/true]}}")
    assert bench.conductor.managed == {}
    assert bench.supervisor.find_app("web").name == "web"


async def test_an_app_that_left_the_file_is_stopped_dependents_first(bench: Bench) -> None:
    both = f"{{db: {WEB}, web: {WEB[:-1]}, needs: [db]}}}}"
    steps = await applied(bench, both, "{}")
    assert sorted(words(steps)) == [("stop", "db"), ("stop", "web")]
    assert {managed.state for managed in bench.conductor.managed.values()} == {State.STOPPED}


async def test_a_changed_command_restarts_with_the_new_one(bench: Bench) -> None:
    steps = await applied(bench, f"{{web: {WEB}}}", f"{{web: {WEB.replace('/bin/true', '/bin/false')}}}")
    assert words(steps) == [("restart", "web")]
    assert [order["spec"]["argv"] for order in bench.keeper.asked("launch")] == [
        ["/bin/true"],
        ["/bin/false"],
    ]
    assert bench.held(1).generation == 2


async def test_new_arguments_reach_what_was_started_with_the_old_ones(bench: Bench) -> None:
    old, new = (f"{{web: {WEB[:-1]}, default_args: ['{word}']}}}}" for word in ("-a", "-b"))
    await applied(bench, old, new)
    assert bench.keeper.asked("launch")[-1]["spec"]["argv"] == ["/bin/true", "-b"]


async def test_a_changed_policy_is_told_to_the_keeper_and_nothing_restarts(bench: Bench) -> None:
    steps = await applied(bench, f"{{web: {WEB}}}", f"{{web: {WEB[:-1]}, restart: {{delay: 7}}}}}}")
    assert words(steps) == [("update", "web")]
    (update,) = bench.keeper.asked("update")
    assert update["seq"] == 1
    assert update["policy"]["delay"] == 7
    assert bench.held(1).generation == 1


async def test_an_update_of_what_cannot_start_any_more_waits_for_its_next_start(bench: Bench) -> None:
    before = loaded(bench, f"{{web: {WEB}}}")
    bench.applying.start_configured(bench.apps["web"])
    await bench.until(lambda: bench.held(1).state is State.RUNNING)
    after = loaded(bench, f"{{web: {WEB[:-1]}, restart: {{delay: 7}}}}}}")
    bench.env_fault = CannotStart("env-missing", "gone")
    (step,) = await bench.applying.carry_out(bench.applying.steps(before, after), "tester")
    assert step.action == "update"
    assert bench.keeper.asked("update") == []
    assert bench.held(1).entry.spec.restart.delay == 7


async def test_a_step_about_an_id_that_is_gone_is_nothing(bench: Bench) -> None:
    loaded(bench, "{}")
    (step,) = await bench.applying.carry_out([PlanStep(action="update", app="web", ids=(99,))], "tester")
    assert step.reason == ""


async def test_a_restart_that_fails_is_told_in_its_step(bench: Bench) -> None:
    steps = await applied(
        bench, f"{{web: {WEB}}}", f"{{web: {WEB.replace('/bin/true', '/nonexistent/program')}}}"
    )
    (step,) = steps
    assert step.reason.startswith(
        "failed: 1: it runs on, since it could not come up again: there is no file /nonexistent/program"
    )
    assert bench.held(1).state is State.RUNNING


async def test_a_restart_that_was_refused_is_planned_again_until_it_is_done(bench: Bench) -> None:
    broken = f"{{web: {WEB.replace('/bin/true', '/nonexistent/program')}}}"
    mended = f"{{web: {WEB.replace('/bin/true', '/bin/false')}}}"
    await applied(bench, f"{{web: {WEB}}}", broken)
    for _ in range(2):
        same = loaded(bench, broken)
        (step,) = bench.applying.steps(same, same)
        assert (step.action, step.reason) == ("restart", "changed: command")
        await bench.applying.carry_out([step], "tester")
        assert bench.held(1).generation == 1
    steps = bench.applying.steps(loaded(bench, broken), loaded(bench, mended))
    assert words(await bench.applying.carry_out(steps, "tester")) == [("restart", "web")]
    assert bench.held(1).generation == 2
    assert words(bench.applying.steps(loaded(bench, mended), loaded(bench, mended))) == [("unchanged", "web")]


async def test_new_arguments_that_were_refused_are_planned_again(bench: Bench) -> None:
    def orders(command: str, argument: str) -> str:
        return f"{{web: {WEB.replace('/bin/true', command)[:-1]}, default_args: [{argument}]}}}}"

    await applied(bench, orders("/bin/true", "a"), orders("/nonexistent/program", "b"))
    assert bench.held(1).args == ("a",)
    mended = loaded(bench, orders("/bin/true", "b"))
    (step,) = await bench.applying.carry_out(bench.applying.steps(mended, mended), "tester")
    assert (step.action, step.reason) == ("restart", "changed: default_args")
    assert bench.held(1).args == ("b",)


async def test_what_could_not_be_stopped_is_planned_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(seq: int, **options: object) -> None:
        raise VerbError(ExitCode.TIMED_OUT, f"{seq} is still there")

    with monkeypatch.context() as inner:
        inner.setattr(bench.supervisor, "stop", stuck)
        await applied(bench, f"{{web: {WEB}}}", "{}")
    empty = loaded(bench, "{}")
    (step,) = await bench.applying.carry_out(bench.applying.steps(empty, empty), "tester")
    assert (step.action, step.ids, step.reason) == ("stop", (1,), "removed from the file")
    assert bench.held(1).state is State.STOPPED
    assert bench.applying.steps(empty, empty) == []


async def test_what_was_not_even_made_is_planned_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object, **options: object) -> None:
        raise VerbError(ExitCode.FAILED, "the disk is full")

    orders = f"{{web: {WEB[:-1]}, instances: 2}}}}"
    with monkeypatch.context() as inner:
        inner.setattr(bench.supervisor.roll, "create", full)
        (step,) = await applied(bench, "{}", orders)
        assert step.reason == "failed: the disk is full"
    same = loaded(bench, orders)
    (step,) = await bench.applying.carry_out(bench.applying.steps(same, same), "tester")
    assert (step.action, step.reason) == ("add", "starts 2 more")
    await bench.asked("launch", 2)
    await bench.until(lambda: all(m.state is State.RUNNING for m in bench.conductor.managed.values()))
    await bench.supervisor.stop(2)
    assert words(bench.applying.steps(same, same)) == [("unchanged", "web")]  # a user wants it so


async def test_a_step_that_fails_does_not_end_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(seq: int, **options: object) -> None:
        raise VerbError(ExitCode.TIMED_OUT, f"{seq} is still there")

    before = loaded(bench, f"{{db: {WEB}}}")
    bench.applying.start_configured(bench.apps["db"])
    await bench.until(lambda: bench.held(1).state is State.RUNNING)
    after = loaded(bench, f"{{web: {WEB}}}")
    monkeypatch.setattr(bench.supervisor, "stop", stuck)
    steps = await bench.applying.carry_out(bench.applying.steps(before, after), "tester")
    assert (steps[0].action, steps[0].reason) == ("stop", "failed: 1: 1 is still there")
    await bench.asked("launch", 2)


async def test_one_restart_that_cannot_be_done_does_not_hide_the_others(bench: Bench) -> None:
    loaded(bench, f"{{web: {WEB}}}")
    bench.applying.start_configured(bench.apps["web"])
    await bench.until(lambda: bench.held(1).state is State.RUNNING)
    (step,) = await bench.applying.carry_out([PlanStep(action="restart", app="web", ids=(99, 1))], "tester")
    assert step.reason == "failed: 99: no app has the id 99 (la -a lists all)"
    assert bench.held(1).generation == 2
    assert bench.held(1).state is State.RUNNING


async def test_what_was_run_by_hand_keeps_what_it_was_started_from(bench: Bench) -> None:
    entry = bench.app("tool", source="run")
    await bench.supervisor.start(entry)
    loaded(bench, "{tool: {command: [/bin/false]}}")
    await bench.applying.carry_out([], "tester")
    assert bench.held(1).entry == entry


async def test_a_keeper_that_refuses_a_stop_is_told(bench: Bench) -> None:
    before = loaded(bench, f"{{web: {WEB}}}")
    bench.applying.start_configured(bench.apps["web"])
    await bench.until(lambda: bench.held(1).state is State.RUNNING)
    bench.keeper.refuse["stop"] = KeeperError("unknown", "there is no app 1")
    (step,) = await bench.applying.carry_out(bench.applying.steps(before, loaded(bench, "{}")), "tester")
    assert step.reason == "removed from the file"
    assert bench.held(1).state is State.STOPPED


@pytest.mark.parametrize("less", ["{}", f"{{web: {WEB}}}"])
async def test_what_was_taken_out_and_put_back_runs_again_under_its_ids(bench: Bench, less: str) -> None:
    more = f"{{web: {WEB[:-1]}, instances: 3}}}}"
    await applied(bench, more, less)
    left = {managed.seq for managed in bench.conductor.managed.values() if managed.pid is not None}
    assert left == ({1} if less != "{}" else set())
    before, after = loaded(bench, less), loaded(bench, more)
    await bench.applying.carry_out(bench.applying.steps(before, after), "tester")
    await bench.until(lambda: all(m.state is State.RUNNING for m in bench.conductor.managed.values()))
    assert bench.conductor.managed.keys() == {1, 2, 3}


@pytest.mark.parametrize("count, names", [(1, "app0"), (3, "app0, app1, app2"), (4, "app0, app1, app2, ...")])
def test_an_emptied_file_is_refused_with_what_runs_from_it(count: int, names: str) -> None:
    steps = [PlanStep(action="stop", app=f"app{number}", ids=(number + 1,)) for number in range(count)]
    with pytest.raises(VerbError) as caught:
        refuse_emptied("/etc/config.yaml", steps)
    assert caught.value.code is ExitCode.BAD_CONFIG
    assert f"it has no `apps`, and {count} run from it ({names}); nothing was changed" in caught.value.text
    assert "`apply --force`" in caught.value.text


def test_an_emptied_file_from_which_nothing_runs_is_taken() -> None:
    refuse_emptied("f", [PlanStep(action="stop", app="web"), PlanStep(action="update", app="db", ids=(1,))])


async def test_a_new_app_with_a_schedule_is_not_started_by_apply(bench: Bench) -> None:
    block = "{command: [/bin/true], autostart: true, schedule: {every: 60s}}"
    assert words(await applied(bench, "{}", f"{{job: {block}}}")) == [("add", "job")]
    assert bench.conductor.managed == {}

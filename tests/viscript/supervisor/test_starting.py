"""Bringing an app up: what it needs first, then the order to the keeper."""

import asyncio
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.config.model import After, Check, Socket
from viscript.states import State
from viscript.supervisor.api import Started
from viscript.supervisor.instance import Managed
from viscript.supervisor.keeper_port import KeeperError
from viscript.supervisor.lifecycle import Phase, Trigger
from viscript.supervisor.orders import CannotStart


def starting(bench: Bench, name: str) -> asyncio.Task[Started]:
    return asyncio.get_running_loop().create_task(bench.supervisor.start(name))


async def test_a_need_that_runs_is_not_started_again(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", needs=("db",))
    await bench.supervisor.start("db")
    assert (await bench.supervisor.start("web")).ok
    assert [managed.app for managed in bench.conductor.managed.values()] == ["db", "web"]


async def test_two_that_need_the_same_share_it(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", needs=("db",))
    bench.app("api", needs=("db",))
    assert all(one.ok for one in await asyncio.gather(starting(bench, "web"), starting(bench, "api")))
    assert sorted(managed.app for managed in bench.conductor.managed.values()) == ["api", "db", "web"]


async def test_a_need_that_was_stopped_is_started_under_its_id(bench: Bench) -> None:
    bench.app("db", autostart=True)
    bench.app("web", needs=("db",))
    bench.applying.start_configured(bench.apps["db"])
    await bench.supervisor.stop(1)
    assert (await bench.supervisor.start("web")).ok
    assert bench.held(1).state is State.RUNNING
    assert len(bench.conductor.managed) == 2


async def test_a_need_that_is_being_restarted_is_waited_for(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", needs=("db",))
    await bench.supervisor.start("db")
    bench.keeper.auto_stop = False
    restart = asyncio.get_running_loop().create_task(bench.supervisor.restart(1))
    await bench.asked("stop")
    web = starting(bench, "web")
    await bench.until(lambda: 2 in bench.conductor.managed and bench.held(2).waiting_for)
    assert len(bench.conductor.managed) == 2
    bench.keeper.stopped(1, gen=1)
    assert (await restart).ok
    assert (await web).ok


async def test_a_need_that_nobody_knows_fails_the_start(bench: Bench) -> None:
    bench.app("dbase")
    bench.app("web", needs=("dbass",))
    started = await bench.supervisor.start("web")
    assert started.instance.state is State.FATAL
    assert started.instance.cause == "dependency"
    assert "did you mean dbase?" in started.reason


async def test_a_need_of_a_need_that_fails_fails_both(bench: Bench) -> None:
    bench.app("disk", ready=Check(signal=True))
    bench.app("db", needs=("disk",))
    bench.app("web", needs=("db",))
    web = starting(bench, "web")
    await bench.asked("launch")
    disk = next(m for m in bench.conductor.managed.values() if m.app == "disk")
    bench.keeper.exited(disk.seq, 1, next="fatal", delay=None)
    assert "db to be ready (it is fatal)" in (await web).reason
    assert {m.phase for m in bench.conductor.managed.values()} == {Phase.FATAL}


async def test_the_best_of_several_instances_counts(bench: Bench) -> None:
    bench.app("db")
    await bench.supervisor.start("db")
    await bench.supervisor.start("db")
    bench.keeper.exited(1, 1, next="fatal", delay=None)
    provider = bench.starting.provider("db")
    assert provider is not None
    assert provider.phase is Phase.RUNNING
    assert bench.starting.provider("nobody") is None


async def test_an_app_that_was_only_ordered_after_another_does_not_start_it(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", after=(After(app="db"),))
    assert (await bench.supervisor.start("web")).ok
    assert len(bench.conductor.managed) == 1


async def test_a_start_that_is_given_up_while_it_waits_is_not_launched(bench: Bench) -> None:
    bench.app("db", ready=Check(signal=True))
    bench.app("web", needs=("db",))
    web = starting(bench, "web")
    await bench.asked("launch")
    await bench.supervisor.stop(1)
    assert not (await web).ok
    bench.checking.reported_ready(bench.held(2))
    assert bench.held(1).state is State.STOPPED
    assert len(bench.keeper.asked("launch")) == 1


async def test_every_launch_has_the_next_generation(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.restart(1)
    assert [order["gen"] for order in bench.keeper.asked("launch")] == [1, 2]


@pytest.mark.parametrize(
    "code,cause",
    [
        ("not-found", "path-missing"),
        ("not-executable", "not-executable"),
        ("no-cwd", "no-cwd"),
        ("gone", "keeper-gone"),
        ("spawn", "spawn-failed"),
        ("timeout", "spawn-failed"),
    ],
)
async def test_a_refusal_of_the_keeper_has_its_cause(bench: Bench, code: str, cause: str) -> None:
    bench.app("web")
    bench.keeper.refuse["launch"] = KeeperError(code, "it will not do it")
    started = await bench.supervisor.start("web")
    assert started.instance.state is State.FATAL
    assert started.instance.cause == cause
    assert started.reason == "it will not do it"


async def test_what_an_earlier_keeper_carried_out_is_no_refusal(bench: Bench) -> None:
    bench.app("web")
    bench.keeper.refuse["launch"] = KeeperError("exists", "1 is running")
    start = starting(bench, "web")
    await bench.asked("launch")
    bench.keeper.spawned(1, 1)
    assert (await start).ok


async def test_a_missing_secret_is_named_and_nothing_is_launched(bench: Bench) -> None:
    bench.app("web")
    bench.env_fault = CannotStart("env-missing", "web.env: there is no such file")
    started = await bench.supervisor.start("web")
    assert started.instance.cause == "env-missing"
    assert started.reason == "web.env: there is no such file"
    assert bench.keeper.asked("launch") == []


async def test_the_keeper_hears_which_run_had_come_up(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    bench.starting.came_up(bench.held())
    assert bench.keeper.asked("reached") == [{"seq": 1, "gen": 1}]


async def test_one_that_waits_and_is_forgotten_harms_nobody(bench: Bench) -> None:
    bench.app("db")
    bench.app("web", after=(After(app="db", condition="completed"),))
    await bench.supervisor.start("db")
    start = asyncio.get_running_loop().create_task(bench.supervisor.start("web", wait="waiting"))
    assert (await start).ok
    del bench.conductor.managed[2]
    bench.keeper.exited(1, 1, code=0, next="ended", delay=None)
    assert bench.held(1).state is State.DONE
    assert not bench.conductor.fire(bench.held(1), Trigger.GONE)


TAKEN = {"address": "127.0.0.1:80", "kind": "stream", "code": "address-taken", "text": "socket web: in use"}


async def serving(bench: Bench, **answer: Any) -> str:
    bench.app("web", sockets={"web": Socket(listen="127.0.0.1:80")})
    await bench.supervisor.start("web")
    bench.keeper.answers["try"] = answer
    return await bench.starting.obstacle(bench.held())


async def test_an_address_that_nobody_has_is_no_obstacle(bench: Bench) -> None:
    assert await serving(bench, refused=[]) == ""
    (asked,) = bench.keeper.asked("try")
    assert (asked["seq"], asked["spec"]["sockets"][0]["address"]) == (1, "127.0.0.1:80")


async def test_an_address_that_cannot_be_had_is_an_obstacle(bench: Bench) -> None:
    assert await serving(bench, refused=[TAKEN]) == "socket web: in use; 127.0.0.1:80 is taken"
    bench.keeper.answers["try"] = {"refused": [{**TAKEN, "code": "no-address", "text": "no such folder"}]}
    assert await bench.starting.obstacle(bench.held()) == "no such folder"


async def test_an_address_that_the_app_has_itself_is_no_obstacle(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def itself(managed: Managed, address: str, kind: str) -> str:
        return ""

    monkeypatch.setattr(bench.starting, "_holds", itself)
    assert await serving(bench, refused=[TAKEN]) == ""


async def test_a_keeper_that_cannot_try_is_no_obstacle(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.keeper.refuse["try"] = KeeperError("unknown-op", "this keeper has no operation 'try'")
    assert await serving(bench) == ""
    assert "seq=1: its sockets were not tried: this keeper has no operation" in caplog.text

"""Programs that joined by themselves: taken in, shown, asked to end, never launched."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.supervision import Bench
from viscript.config.model import Stop
from viscript.errors import VerbError
from viscript.states import State
from viscript.supervisor import external
from viscript.supervisor.external import Externals, is_external
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Action, Phase
from viscript.supervisor.stopping import StopOrder

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
OBEDIENT = "print(flush=True); input()"


@pytest.fixture
def externals(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Externals:
    """Taken in by a bench whose stops are theirs."""
    monkeypatch.setattr(external, "POLL_SECONDS", 0.005)
    found = Externals(bench.supervisor, bench.conductor, bench.bus.ask_shutdown)

    def ladder(managed: Managed) -> None:
        found.ladder(managed, bench.stopping.orders.pop(managed.seq, StopOrder()))

    bench.conductor.carry[Action.LADDER] = ladder
    return found


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs; OBEDIENT unless the test says otherwise."""
    code = getattr(request, "param", OBEDIENT)
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


async def test_a_stranger_gets_an_id_and_is_shown(bench: Bench, externals: Externals) -> None:
    managed = externals.admit("tool", os.getpid())
    assert managed is not None
    assert is_external(managed)
    shown = bench.supervisor.instance(1)
    assert (shown.name, shown.state, shown.pid, shown.generation) == ("tool", State.RUNNING, os.getpid(), 1)
    assert bench.keeper.orders == []


async def test_one_without_a_name_is_called_something(bench: Bench, externals: Externals) -> None:
    first, second = externals.admit("", None), externals.admit("", None)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("external", "external#2")


async def test_too_many_are_refused(
    bench: Bench, externals: Externals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external, "MOST", 1)
    assert externals.admit("one", None) is not None
    assert externals.admit("two", None) is None
    externals.left(bench.held(1))
    assert externals.admit("three", None) is not None


async def test_one_that_left_is_stopped_and_may_come_back(bench: Bench, externals: Externals) -> None:
    managed = externals.admit("tool", 4711)
    assert managed is not None
    externals.left(managed)
    assert (managed.state, managed.reason, managed.pid) == (State.STOPPED, "it left the bus", None)
    externals.welcome_back(managed, 4712)
    assert (managed.state, managed.pid) == (State.RUNNING, 4712)


async def test_it_is_never_launched(bench: Bench, externals: Externals) -> None:
    """Its name is its own choice: it could be that of any program."""
    externals.admit("rm", 4711)
    bench.app("rm", "/bin/true")
    with pytest.raises(VerbError, match="joined by itself"):
        await bench.supervisor.restart(1)
    externals.left(bench.held(1))
    with pytest.raises(VerbError, match="joined by itself"):
        await bench.supervisor.start_again(1)
    assert bench.keeper.orders == []


async def test_asked_on_the_bus_it_goes(
    bench: Bench, externals: Externals, stranger: subprocess.Popen[bytes]
) -> None:
    externals.admit("tool", stranger.pid)
    stop = asyncio.get_running_loop().create_task(bench.supervisor.stop(1))
    await bench.until(lambda: bench.bus.asked)
    stranger.communicate(b"\n")
    assert (await stop).rung == "bus"
    assert bench.held().state is State.STOPPED


async def test_one_that_does_not_listen_is_signalled(
    bench: Bench, externals: Externals, stranger: subprocess.Popen[bytes]
) -> None:
    externals.admit("tool", stranger.pid)
    assert (await bench.supervisor.stop(1, grace=0.3)).rung == "term"
    assert stranger.wait(10) == -15


@pytest.mark.parametrize("stranger", [STUBBORN], indirect=True)
async def test_one_that_does_not_obey_is_killed(
    bench: Bench, externals: Externals, stranger: subprocess.Popen[bytes]
) -> None:
    externals.admit("tool", stranger.pid)
    assert (await bench.supervisor.stop(1, grace=0.1)).rung == "kill"
    assert stranger.wait(10) == -9


async def test_now_means_now(bench: Bench, externals: Externals, stranger: subprocess.Popen[bytes]) -> None:
    externals.admit("tool", stranger.pid)
    assert (await bench.supervisor.stop(1, now=True)).rung == "kill"
    assert bench.bus.asked == []
    assert stranger.wait(10) == -9


async def test_one_on_another_host_is_gone_when_it_left_the_bus(bench: Bench, externals: Externals) -> None:
    managed = externals.admit("far", None)
    assert managed is not None
    managed.registered = True
    stop = asyncio.get_running_loop().create_task(bench.supervisor.stop(1))
    await bench.until(lambda: bench.bus.asked)
    managed.registered = False
    assert (await stop).rung == "bus"


async def test_one_of_another_user_is_left_to_itself(
    bench: Bench, externals: Externals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pid: int, signum: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    managed = externals.admit("theirs", os.getpid())
    assert managed is not None
    managed.entry = type(managed.entry)(
        name="theirs",
        source="external",
        spec=type(managed.entry.spec)(stop=Stop(grace=0.01)),
        argv=("theirs",),
    )
    await bench.supervisor.stop(1)
    assert managed.phase is Phase.STOPPED

"""The parts wired together as the daemon wires them, over a keeper without processes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from signal_bus.identity import Identity
from tests.support.fake_keeper import FakeKeeper
from tests.support.supervision import Bench, FakeBus
from viscript.config.loader import Loaded, load
from viscript.daemon.parts import Given, Parts, leaders, membership, owner, wire
from viscript.daemon.surroundings import Surroundings
from viscript.daemon.tokens import Tokens
from viscript.errors import VerbError
from viscript.events import EventLog
from viscript.home import find_home
from viscript.states import State
from viscript.store.memory import Memory
from viscript.supervisor.api import AppEntry
from viscript.supervisor.catalogue import catalogue
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.reports import read


@dataclass
class Wired:
    """The parts, and what they were wired to."""

    parts: Parts
    keeper: FakeKeeper
    bus: FakeBus
    apps: dict[str, AppEntry]
    folder: Path

    def load(self, text: str) -> Loaded:
        """A configuration that is not active yet."""
        path = self.folder / "config.yaml"
        path.write_text(text)
        return load(path, {})


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[Wired]:
    memory, keeper, bus = Memory(tmp_path / "s.db"), FakeKeeper(), FakeBus()
    memory.open()
    apps: dict[str, AppEntry] = {}
    home = find_home({"VISCRIPT_HOME": str(tmp_path)})
    (tmp_path / "config.yaml").write_text("apps: {}\n")
    loaded = load(tmp_path / "config.yaml", {})

    async def activate(new: Loaded) -> None:
        apps.clear()
        apps.update(catalogue(new, {}))

    async with asyncio.TaskGroup() as tasks:
        given = Given(
            home=home,
            loaded=loaded,
            memory=memory,
            events=EventLog("h"),
            run=tasks.create_task,
            keeper=keeper,
            bus=bus,
            ask_shutdown=bus.ask_shutdown,
            surroundings=Surroundings(home, "abc", {"PATH": "/usr/bin:/bin"}, Tokens(Identity(bytes(32)))),
            apps=lambda: apps,
            plugin_apps=dict,
            activate=activate,
        )
        parts = wire(given)

        def report(event: dict[str, object]) -> None:
            found = read(event)
            assert found is not None
            parts.conductor.report(found)

        keeper.report = report
        yield Wired(parts, keeper, bus, apps, tmp_path)
        for managed in parts.conductor.managed.values():
            parts.conductor.disarm(managed)
    memory.close()


async def reached(wired: Wired, seq: int, state: State) -> None:
    async with asyncio.timeout(20):
        while seq not in wired.parts.conductor.managed:
            await asyncio.sleep(0)
        managed = wired.parts.conductor.managed[seq]
        await managed.until(lambda: managed.state is state)


WEB = "apps: {web: {command: [/bin/true], settle: 0.01, autostart: true}}\n"


async def test_applying_brings_up_what_is_new(wired: Wired) -> None:
    new = wired.load(WEB)
    (planned,) = await wired.parts.supervisor.apply(new, dry_run=True)
    assert wired.apps == {}
    (done,) = await wired.parts.supervisor.apply(new, dry_run=False)
    assert (planned.action, done.action) == ("add", "add")
    await reached(wired, 1, State.RUNNING)
    assert wired.keeper.asked("launch")[0]["spec"]["env"]["VISCRIPT_SEQ"] == "1"
    assert wired.parts.supervisor.active is new


async def test_the_keeper_hears_that_a_run_came_up(wired: Wired) -> None:
    await wired.parts.supervisor.apply(wired.load(WEB), dry_run=False)
    await reached(wired, 1, State.RUNNING)
    assert wired.keeper.asked("reached") == [{"seq": 1, "gen": 1}]


async def test_needs_are_started_with_who_needs_them(wired: Wired) -> None:
    needing = WEB.replace("autostart: true", "needs: [db]")
    both = needing.replace("apps: {", "apps: {db: {command: [/bin/true], settle: 0.01}, ")
    await wired.parts.supervisor.apply(wired.load(both), dry_run=False)
    assert (await wired.parts.supervisor.start("web")).ok
    assert sorted(m.app for m in wired.parts.conductor.managed.values()) == ["db", "web"]


async def test_a_stranger_is_stopped_by_asking_and_an_app_by_the_keeper(wired: Wired) -> None:
    stranger = wired.parts.externals.admit("tool", None)
    assert stranger is not None
    assert (await wired.parts.supervisor.stop(stranger.seq)).rung in ("bus", "term")
    assert wired.bus.asked
    assert wired.keeper.asked("stop") == []
    await wired.parts.supervisor.apply(wired.load(WEB), dry_run=False)
    await reached(wired, 2, State.RUNNING)
    assert (await wired.parts.supervisor.stop(2)).rung == "term"
    assert len(wired.keeper.asked("stop")) == 1


async def test_only_what_has_a_process_leads(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.start("web")
    await bench.supervisor.stop(2)
    assert leaders(bench.conductor) == {1: bench.held(1).pid}


async def test_a_process_belongs_by_its_mark_or_by_its_family(bench: Bench) -> None:
    bench.app("web")
    await bench.supervisor.start("web")
    managed = bench.held(1)
    marks = {5: 1, 6: 2}
    belongs = membership(marks.get)
    assert managed.pid is not None
    assert belongs(managed.pid, managed)
    assert belongs(5, managed)
    assert not belongs(6, managed)
    managed.pid = os.getpid()
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert belongs(child.pid, managed)
        assert owner(bench.conductor, marks.get)(child.pid) is managed
        managed.phase, managed.pid = Phase.STOPPED, None
        assert not belongs(child.pid, managed)
        assert owner(bench.conductor, marks.get)(child.pid) is None


async def test_the_owner_is_the_nearest_leader(bench: Bench) -> None:
    """A daemon under a daemon: an app of ours that runs another's leader."""
    bench.app("web")
    await bench.supervisor.start("web")
    await bench.supervisor.start("web")
    bench.held(1).pid, bench.held(2).pid = os.getppid(), os.getpid()
    find = owner(bench.conductor, {5: 1, 6: 99}.get)
    assert find(os.getpid()) is bench.held(2)
    assert find(5) is bench.held(1)
    assert find(0) is None


@pytest.mark.parametrize("text", ["", "# all gone\n", "apps:\n", "settings: {runHeadless: true}\n"])
async def test_an_emptied_file_stops_nothing_unless_it_is_forced(wired: Wired, text: str) -> None:
    supervisor = wired.parts.supervisor
    await supervisor.apply(wired.load(WEB), dry_run=False)
    await reached(wired, 1, State.RUNNING)
    before = supervisor.active
    for dry_run in (True, False):
        with pytest.raises(VerbError, match="no `apps`"):
            await supervisor.apply(wired.load(text), dry_run=dry_run)
    assert supervisor.active is before
    assert [*wired.apps] == ["web"]
    await supervisor.apply(wired.load(text), dry_run=False, force=True)
    await reached(wired, 1, State.STOPPED)


async def test_a_file_that_says_there_are_no_apps_is_taken_at_its_word(wired: Wired) -> None:
    await wired.parts.supervisor.apply(wired.load(WEB), dry_run=False)
    await reached(wired, 1, State.RUNNING)
    await wired.parts.supervisor.apply(wired.load("apps: {}\n"), dry_run=False)
    await reached(wired, 1, State.STOPPED)


JOB = "apps: {job: {command: [/bin/true], settle: 0.01, schedule: {every: 1h, at_start: true}}}\n"


async def test_schedules_are_followed_through_apply_enable_and_disable(wired: Wired) -> None:
    supervisor, tasks = wired.parts.supervisor, []

    def run(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.get_running_loop().create_task(work))
        return tasks[-1]

    await wired.parts.follow(run)
    await supervisor.apply(wired.load(JOB), dry_run=False)
    await reached(wired, 1, State.RUNNING)
    assert supervisor.instance(1).next_run is not None
    await supervisor.set_enabled(1, False)
    assert supervisor.instance(1).next_run is None
    await supervisor.set_enabled(1, True)
    assert supervisor.instance(1).next_run is not None
    await supervisor.apply(wired.load("apps: {job: {command: [/bin/true], settle: 0.01}}\n"), dry_run=False)
    assert supervisor.instance(1).next_run is None
    assert supervisor.instance(1).state is State.RUNNING
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""A signal applies the file again; a storm of them is two times, and no fault ends anything."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from viscript.config.loader import Loaded, load_text
from viscript.daemon.reloading import Reloading
from viscript.errors import ExitCode, VerbError
from viscript.supervisor.api import PlanStep


class Daemon:
    """What a reload is told to work on; `fault` is what applying raises."""

    def __init__(self, file: str = "config.yaml") -> None:
        self.file = file
        self.fault: Exception | None = None
        self.applied: list[tuple[str, str]] = []
        self.refused: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def apply(self, loaded: Loaded, *, dry_run: bool, actor: str) -> list[PlanStep]:
        assert not dry_run
        self.applied.append((loaded.file, actor))
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return []

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    def reloading(self) -> Reloading:
        return Reloading(
            self,
            run=self.run,
            file=lambda: self.file,
            read=lambda file: load_text("apps: {}", file),
            refused=self.refused.append,
        )


async def test_the_file_in_use_is_applied() -> None:
    daemon = Daemon()
    daemon.reloading().soon()
    await asyncio.gather(*daemon.tasks)
    assert daemon.applied == [("config.yaml", "SIGHUP")]


async def test_without_a_file_there_is_nothing_to_apply() -> None:
    daemon = Daemon(file="")
    daemon.reloading().soon()
    await asyncio.gather(*daemon.tasks)
    assert daemon.applied == []


async def test_a_storm_is_one_under_way_and_one_that_waits() -> None:
    daemon = Daemon()
    reloading = daemon.reloading()
    daemon.go.clear()
    reloading.soon()
    async with asyncio.timeout(2):
        while not daemon.applied:
            await asyncio.sleep(0)
    for _ in range(50):
        reloading.soon()
    daemon.go.set()
    await asyncio.gather(*daemon.tasks)
    assert len(daemon.applied) == 2


async def test_a_refused_file_is_told_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon()
    daemon.fault = VerbError(ExitCode.BAD_CONFIG, "it has no `apps`")
    daemon.reloading().soon()
    await asyncio.gather(*daemon.tasks)
    assert daemon.refused == ["it has no `apps`"]
    assert "not applied: it has no `apps`" in caplog.text


async def test_a_bug_in_applying_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon()
    daemon.fault = RuntimeError("boom")
    reloading = daemon.reloading()
    for _ in range(2):
        reloading.soon()
        await asyncio.gather(*daemon.tasks)
    assert len(daemon.applied) == 2
    assert daemon.refused == []
    assert "not applied: config.yaml" in caplog.text

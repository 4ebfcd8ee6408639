"""A file that changes restarts the apps that watch it: once, and with its name."""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.supervision import Bench
from viscript.filewatch.calm import QUIET
from viscript.filewatch.scan import TooMuch
from viscript.filewatch.scan import scan as scan_files
from viscript.supervisor import watches as watching
from viscript.supervisor.lifecycle import Phase
from viscript.supervisor.orders import CannotStart


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    file = tmp_path / "src/a.py"
    file.write_text("1")
    return file


def seconds(step: float = QUIET) -> Callable[[], float]:
    """A clock that goes on with each look."""
    ticks = count(100.0, step)
    return lambda: next(ticks)


async def up(bench: Bench, **fields: Any) -> None:
    bench.app("web", watch=("src",), **fields)
    await bench.supervisor.start("web")
    await bench.watches.look(seconds())


async def looked(bench: Bench) -> None:
    """So many looks that what changed has settled."""
    clock = seconds()
    for _ in range(3):
        await bench.watches.look(clock)


async def test_a_change_restarts_what_runs_and_is_named(bench: Bench, source: Path) -> None:
    await up(bench)
    source.write_text("22")
    await looked(bench)
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)
    assert bench.held().begun_for == "src/a.py changed"
    told = bench.told("app.changed")
    assert [(one.reason, one.actor, one.data["path"], one.data["count"]) for one in told] == [
        ("src/a.py changed", "watch", str(source), 1)
    ]


async def test_a_storm_restarts_once(bench: Bench, source: Path) -> None:
    await up(bench)
    for number in range(20):
        (source.parent / f"b{number}.py").write_text("x")
    await looked(bench)
    await looked(bench)
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)
    assert bench.held().begun_for == "src/b9.py and 19 more changed"
    assert len(bench.told("app.changed")) == 1


async def test_a_file_whose_name_is_no_text_is_a_change(bench: Bench, source: Path) -> None:
    await up(bench)
    Path(os.fsdecode(os.fsencode(source.parent) + b"/\xff.py")).write_text("x")
    await looked(bench)
    await bench.until(lambda: bench.held().generation == 2 and bench.held().phase is Phase.RUNNING)
    assert bench.held().begun_for == "src/\\udcff.py changed"


async def test_a_removed_file_is_a_change(bench: Bench, source: Path) -> None:
    await up(bench)
    source.unlink()
    await looked(bench)
    await bench.until(lambda: bench.held().generation == 2)


async def test_nothing_changed_nothing_restarts(bench: Bench, source: Path) -> None:
    await up(bench)
    await looked(bench)
    assert bench.held().generation == 1


async def test_every_instance_of_the_app_is_restarted(bench: Bench, source: Path) -> None:
    await up(bench)
    await bench.supervisor.start("web")
    source.write_text("22")
    await looked(bench)
    await bench.until(lambda: bench.held(1).generation == bench.held(2).generation == 2)


async def test_one_that_failed_is_tried_again(bench: Bench, source: Path) -> None:
    await up(bench)
    bench.keeper.exited(1, 1, next="fatal", delay=None)
    source.write_text("22")
    await looked(bench)
    await bench.until(lambda: bench.held().phase is Phase.RUNNING)
    bench.keeper.exited(1, 2)
    source.write_text("333")
    await looked(bench)
    assert bench.keeper.asked("retry") == [{"seq": 1}]


async def test_one_that_ended_or_was_stopped_is_left_alone(bench: Bench, source: Path) -> None:
    await up(bench)
    await bench.supervisor.stop(1)
    source.write_text("22")
    await looked(bench)
    assert (bench.held().phase, bench.told("app.changed")) == (Phase.STOPPED, [])


async def test_one_that_is_being_stopped_reads_the_files_when_it_comes_up(bench: Bench, source: Path) -> None:
    await up(bench)
    bench.held().phase = Phase.CYCLING
    source.write_text("22")
    await looked(bench)
    assert bench.told("app.changed") == []


async def test_what_could_not_come_up_again_runs_on(bench: Bench, source: Path) -> None:
    await up(bench)
    bench.env_fault = CannotStart("env-missing", "the secret is gone")
    source.write_text("22")
    await looked(bench)
    assert bench.held().phase is Phase.RUNNING
    assert bench.told("app.changed")[0].reason == (
        "src/a.py changed; it runs on, as it could not come up again: the secret is gone"
    )


async def test_too_many_files_are_said_and_not_looked_at_until_applied_again(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def scan(*_given: object) -> dict[str, tuple[int, int, int]]:
        nonlocal looks
        looks += 1
        raise TooMuch("more than 3 files")

    monkeypatch.setattr(watching, "scan", scan)
    await up(bench)
    await looked(bench)
    assert looks == 1
    assert [one.reason for one in bench.told("watch.refused")] == ["more than 3 files"]
    condition = bench.held().conditions["Watched"]
    assert (condition.status, condition.reason) == (False, "more than 3 files")
    bench.watches.refresh()
    await looked(bench)
    assert looks == 2


async def test_what_was_refused_and_can_be_watched_again_is_said(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("viscript.filewatch.scan.MOST_ENTRIES", 0)
        await up(bench)
    assert not bench.held().conditions["Watched"].status
    bench.watches.refresh()
    await looked(bench)
    assert bench.held().conditions["Watched"].status


async def test_a_look_that_hangs_is_given_up_and_the_others_are_made(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, real = threading.Event(), scan_files

    def scan(folder: str, patterns: Any) -> Any:
        if patterns[0].base == "dead":
            hangs.wait()
        return real(folder, patterns)

    monkeypatch.setattr(watching, "scan", scan)
    monkeypatch.setattr(watching, "PATIENCE", 0.05)
    bench.app("dead", watch=("dead",))
    await bench.supervisor.start("dead")
    await up(bench)
    hangs.set()
    (told,) = bench.told("watch.refused")
    assert told.reason == "a look at the files it watches did not end within 0.05 s"
    source.write_text("22")
    await looked(bench)
    await bench.until(lambda: bench.held(2).generation == 2)


async def test_one_with_many_files_rests_and_holds_up_no_other(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    now = 100.0

    def scan(folder: str, patterns: Any) -> dict[str, tuple[int, int, int]]:
        nonlocal now
        looks.append(patterns[0].base)
        now += 1.0 if patterns[0].base == "big" else 0.001
        return {}

    monkeypatch.setattr(watching, "scan", scan)
    for name in ("big", "small"):
        await bench.supervisor.start(bench.app(name, watch=(name,)))

    def clock() -> float:
        return now

    for _ in range(5):
        await bench.watches.look(clock, at=now)
        now += 1.0
    assert Counter(looks) == {"big": 1, "small": 5}
    now += 2 * watching.SHARE
    await bench.watches.look(clock, at=now)
    assert Counter(looks) == {"big": 2, "small": 6}


async def test_a_bug_in_a_look_stays_with_its_app(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def scan(*_given: object) -> dict[str, tuple[int, int, int]]:
        raise RuntimeError("boom")

    monkeypatch.setattr(watching, "scan", scan)
    await up(bench)
    assert bench.told("watch.refused")[0].reason == "its files cannot be looked at: boom"
    assert "boom" in caplog.text


async def test_a_bug_in_one_restart_leaves_the_others(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await up(bench)
    await bench.supervisor.start("web")
    again = bench.renewing.again

    def faulty(managed: Any, reason: str, actor: str) -> None:
        if managed.seq == 1:
            raise RuntimeError("boom")
        again(managed, reason, actor)

    monkeypatch.setattr(bench.renewing, "again", faulty)
    source.write_text("22")
    await looked(bench)
    await bench.until(lambda: bench.held(2).generation == 2)
    assert "seq=1: not restarted" in caplog.text


async def test_the_task_sleeps_until_something_is_to_be_watched(
    bench: Bench, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    looks = 0
    look = bench.watches.look

    async def counted(clock: Callable[[], float], *, at: float) -> None:
        nonlocal looks
        looks += 1
        await look(clock, at=at)

    monkeypatch.setattr(bench.watches, "look", counted)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.watches.run())
        await bench.until(lambda: looks == 1)
        await bench.supervisor.start(bench.app("plain"))
        assert looks == 1
        await bench.supervisor.start(bench.app("web", watch=("src",)))
        await bench.until(lambda: looks > 3)
        task.cancel()


async def test_a_changed_list_is_watched_from_the_next_look_on(bench: Bench, source: Path) -> None:
    await up(bench)
    bench.held().entry = bench.app("web", watch=("*.yaml",))
    await looked(bench)
    source.write_text("22")
    await looked(bench)
    assert bench.held().generation == 1
    (source.parent.parent / "new.yaml").write_text("x")
    await looked(bench)
    await bench.until(lambda: bench.held().begun_for == "new.yaml changed")

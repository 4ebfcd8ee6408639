"""One instance: what is shown of it, what is kept, and who waits for it."""

import asyncio

import pytest

from viscript.config.model import App, Check
from viscript.states import State
from viscript.supervisor.api import AppEntry, Exit
from viscript.supervisor.instance import Managed
from viscript.supervisor.lifecycle import Phase


def managed(**fields: object) -> Managed:
    spec = App(command=("/bin/web",), tty=True, ready=Check(tcp="127.0.0.1:80"))
    entry = AppEntry(name="web", source="test", spec=spec, argv=("/bin/web",))
    given = {"args": ("-p", "80"), "env": {"A": "1"}, "enabled": False, "configured": True, **fields}
    return Managed(seq=7, name="web#2", entry=entry, since=5.0, **given)  # type: ignore[arg-type]  # by name


def test_a_snapshot_shows_the_word_and_the_whole_command() -> None:
    seen = managed(phase=Phase.CYCLING).snapshot()
    assert seen.state is State.STOPPING
    assert seen.app == "web"
    assert seen.argv == ("/bin/web", "-p", "80")
    assert seen.tty


@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_kept_comes_back_the_same(phase: Phase) -> None:
    before = managed(phase=phase, generation=3, restarts=2, reason="r", cause="c", last_exit=Exit(code=3))
    before.next_run, before.owed, before.begun_for = 99.0, 4, "src/a.py changed"
    after = Managed.from_record(before.record(), "/logs/7-web")
    before.log_dir = "/logs/7-web"
    assert after.snapshot() == before.snapshot()
    assert (after.env, after.configured, after.owed) == (before.env, before.configured, before.owed)


@pytest.mark.parametrize("phase,ended", [(Phase.DONE, 5.0), (Phase.FATAL, 5.0), (Phase.RUNNING, None)])
def test_only_what_ended_has_an_end(phase: Phase, ended: float | None) -> None:
    assert managed(phase=phase).record().ended == ended


def test_a_condition_changes_only_with_its_status() -> None:
    one = managed()
    assert one.condition("Ready", False, "refused", 1.0)
    assert not one.condition("Ready", False, "timed out", 2.0)
    assert one.condition("Ready", True, "", 3.0)
    assert one.conditions["Ready"].since == 3.0


async def test_who_waits_is_asked_again_after_every_change() -> None:
    one, asked = managed(), list[int]()

    def good() -> bool:
        asked.append(1)
        return len(asked) == 3

    waiting = asyncio.get_running_loop().create_task(one.until(good))
    while len(asked) < 1:
        await asyncio.sleep(0)
    one.tell_watchers()
    one.tell_watchers()  # twice before it had a turn: once is enough
    while len(asked) < 2:
        await asyncio.sleep(0)
    one.tell_watchers()
    await waiting
    assert one.watchers == []


async def test_who_gives_up_waiting_is_forgotten() -> None:
    one = managed()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.until(lambda: False), 0.01)
    assert one.watchers == []

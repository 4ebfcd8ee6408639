"""How calls of a plugin are tallied, and what a built-in plugin may not do to the daemon."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.plugins import source, write
from viscript.errors import VerbError
from viscript.events import Event
from viscript.pluginhost.errors import PluginError
from viscript.pluginhost.holder import STRIKES, Local, Tally
from viscript.pluginhost.wire import CallData

EVENT = Event(cursor=1, time=0.0, host="h", object="daemon", type="tick")

RAISER = """
    from viscript.plugin import Answer, VerbSpec, hookimpl

    async def bug(call):
        raise KeyError("x")

    async def good(call):
        return 7

    @hookimpl
    def viscript_register_verbs(register):
        register(VerbSpec(name="bug", summary="s"), bug)
        register(VerbSpec(name="good", summary="s"), good)

    @hookimpl
    def viscript_event(event):
        raise SystemExit(1)
"""


class NoPort:
    async def ask(self, what: str, value: object) -> Any:
        raise AssertionError


def test_the_fifth_raise_in_a_row_is_the_last() -> None:
    tally = Tally()
    for _ in range(STRIKES - 1):
        tally.went_wrong("h", PluginError("x"))
    tally.went_well("h")
    for _ in range(STRIKES - 1):
        tally.went_wrong("h", PluginError("x"))
    tally.check("p")
    tally.went_wrong("h", PluginError("y"))
    with pytest.raises(PluginError, match="plugin p was stopped: h raised 5 times in a row, last y"):
        tally.check("p")
    assert (tally.calls, tally.raised) == (10, 9)


def test_the_first_reason_to_give_up_stays() -> None:
    tally = Tally()
    tally.give_up("first")
    tally.give_up("second")
    assert tally.failed == "first"


async def test_a_built_in_that_raises_harms_nobody(tmp_path: Path) -> None:
    holder = Local(source(write(tmp_path, "raiser", RAISER)), {})
    with pytest.raises(PluginError, match="not loaded"):
        await holder.hook("viscript_doctor")
    await holder.load(1.0)
    for _ in range(STRIKES + 2):
        holder.tell(EVENT)
    assert holder.tally.calls == STRIKES
    with pytest.raises(VerbError, match="was stopped"):
        await holder.verb("good", CallData(args={}), NoPort())
    await holder.close()


async def test_a_built_in_verb_answers_or_fails_alone(tmp_path: Path) -> None:
    holder = Local(source(write(tmp_path, "raiser2", RAISER)), {})
    await holder.load(1.0)
    assert (await holder.verb("good", CallData(args={}), NoPort())).data == 7
    with pytest.raises(VerbError, match="verb bug of plugin raiser2 failed: 'x'"):
        await holder.verb("bug", CallData(args={}), NoPort())

"""What apps tell of themselves, in `status`."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_world import FakeWorld, instance
from tests.support.verbs import SCREEN, say
from viscript.errors import ExitCode, VerbError
from viscript.verbs import figures

TOLD = {
    "open": 1,
    "sent_bytes": 2048,
    "visor": True,
    "exits": ["a", "b"],
    "deeper": {"x": 1},
    "connections": [{"peer": "mike", "latency_seconds": 0.0021, "seconds": 75, "bytes_per_second": 1024}],
}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


def world(answer: Any, *, offers: bool = True) -> FakeWorld:
    """One app, whose `status` answers so."""
    made = FakeWorld(instance(7, "web"))

    async def call(seq: int, method: str, params: object, timeout: float) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return await answer if asyncio.iscoroutine(answer) else answer

    async def describe(seq: int) -> dict[str, Any]:
        return {"status": {}} if offers else {"find": {}}

    made.fake.call, made.fake.describe = call, describe  # type: ignore[method-assign]
    return made


async def test_an_app_that_is_named_tells_its_figures() -> None:
    said = await say(world(TOLD), "status 7")
    assert "sent" in said.out
    assert "2.0 KiB" in said.out
    assert "a, b" in said.out
    connection = said.out.splitlines()[-1].split()
    assert connection == ["mike", "2.10", "ms", "1m15s", "1.0", "KiB/s"]
    (row,) = (await say(world(TOLD), "status 7 -o json")).json()
    assert row["figures"] == TOLD


async def test_nobody_is_asked_for_a_list_of_all() -> None:
    (row,) = (await say(world(RuntimeError("asked")), "status -o json")).json()
    assert row["figures"] == {}


async def test_who_offers_no_figures_is_not_asked_for_them() -> None:
    (row,) = (await say(world(RuntimeError("asked"), offers=False), "status 7 -o json")).json()
    assert row["figures"] == {}


async def test_an_app_that_answers_late_or_wrong_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PATIENCE_S", 0.05)
    late = await say(world(asyncio.sleep(60)), "status 7")
    assert "it did not answer within 0.05 s" in late.out
    wrong = await say(world(VerbError(ExitCode.FAILED, "no such method")), "status 7")
    assert "no such method" in wrong.out
    for said in (late, wrong):
        assert "running" in said.out
        assert said.code == 0
    assert "status" in (await say(world("a word"), "status 7")).out


@given(st.dictionaries(st.text(), PLAIN))
def test_whatever_an_app_answers_is_shown_without_its_control_characters(told: dict[str, Any]) -> None:
    text = figures.figures_text(told, SCREEN)
    assert not any(char < " " for char in text.replace("\n", ""))


def test_a_list_that_holds_no_words_is_shown_as_it_can_be() -> None:
    assert "None" in figures.figures_text({"a": [{"b": None}, {"b": [None]}]}, SCREEN)

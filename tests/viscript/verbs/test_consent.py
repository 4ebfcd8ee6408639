"""What stands on the screen before a yes; the rest is tested with the verbs that ask."""

import pytest

from tests.support.fake_world import FakeWorld
from viscript.verbs.consent import can_ask, say
from viscript.verbs.table import Call, Format, Terminal, Verb

TALKS = Terminal(out=True, err=True, into=True)


class Written:
    def __init__(self) -> None:
        self.outs: list[str] = []
        self.errs: list[str] = []

    async def out(self, text: str) -> None:
        self.outs.append(text)

    async def err(self, text: str) -> None:
        self.errs.append(text)

    async def row(self, data: object) -> None:
        self.outs.append(str(data))


def call(writer: Written, form: Format = "table", terminal: Terminal = TALKS, actor: str = "local") -> Call:
    return Call(
        verb=Verb(name="x", summary="x"),
        args={},
        world=FakeWorld(),
        writer=writer,
        terminal=terminal,
        format=form,
        actor=actor,
    )


async def test_what_the_other_side_says_writes_nothing_but_text() -> None:
    written = Written()
    await say(call(written), "a\x1b[2Jb\nc")
    assert written.outs == ["a\\x1b[2Jb\nc\n"]


async def test_beside_data_people_are_told_on_the_other_stream() -> None:
    written = Written()
    await say(call(written, "json"), "a")
    assert (written.outs, written.errs) == ([], ["a\n"])


@pytest.mark.parametrize(
    "terminal, actor, asks",
    [
        (TALKS, "local", True),
        (TALKS, "3f" * 32, False),
        (Terminal(out=True, err=True), "local", False),
        (Terminal(out=True, into=True), "local", False),
    ],
)
def test_a_person_of_this_home_is_asked_at_a_terminal(terminal: Terminal, actor: str, asks: bool) -> None:
    assert can_ask(call(Written(), terminal=terminal, actor=actor)) is asks

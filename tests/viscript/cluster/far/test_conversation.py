import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.far_hosts import state
from viscript.cluster.far import conversation
from viscript.cluster.far.conversation import Conversation, hang_up, tty
from viscript.door.protocol import Tty, request
from viscript.errors import ExitCode, VerbError
from viscript.verbs.table import Terminal


class Script:
    """A stream whose other end says this."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = deque(chunks)
        self.written = b""
        self.closed: list[str] = []
        self.deaf = False

    @property
    def meta(self) -> Mapping[str, str]:
        return {}

    async def read(self) -> bytes:
        return self._chunks.popleft() if self._chunks else b""

    async def write(self, data: bytes) -> None:
        self.written += data

    def end(self) -> None:
        raise AssertionError("a conversation closes its stream, and never ends one half")

    async def close(self, code: str = "", text: str = "") -> None:
        self.closed.append(code)
        if self.deaf and not code:
            await asyncio.Event().wait()


def talk(*chunks: bytes) -> Conversation:
    return Conversation(Script(*chunks), state("m2"))


async def answers(*chunks: bytes) -> list[dict[str, Any]]:
    found, one = [], talk(*chunks)
    while (answer := await one.answer()) is not None:
        found.append(answer)
    return found


async def test_many_short_lines_and_a_long_one_in_small_pieces_cost_as_much_as_their_bytes() -> None:
    one, count, begun = talk(b"{}\n" * 300_000), 0, time.process_time()
    while await one.answer() is not None:
        count += 1
    assert count == 300_000
    pieces = [b'{"o":"'] + [b"xxxxxxxx"] * 100_000 + [b'"}\n']
    (answer,) = await answers(*pieces)
    assert len(answer["o"]) == 800_000
    assert time.process_time() - begun < 10, "it would be minutes"


@given(st.lists(st.integers(0, 60)))
async def test_answers_survive_any_split(cuts: list[int]) -> None:
    text = b'{"k":1}\n{"o":"a b"}\n{"e":"c"}\n{"x":3}\n'
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    chunks = [text[a:b] for a, b in itertools.pairwise(edges) if a < b]
    assert await answers(*chunks) == [{"k": 1}, {"o": "a b"}, {"e": "c"}, {"x": 3}]


async def test_half_an_answer_is_none() -> None:
    assert await answers(b'{"x":0}\n{"x"') == [{"x": 0}]


async def test_what_follows_the_last_line_is_left_for_others() -> None:
    one = talk(b'{"a":{"id":7}}\n\x01\x00frame')
    assert await one.answer() == {"a": {"id": 7}}
    assert one.rest == b"\x01\x00frame"


@pytest.mark.parametrize(
    "text", [b"nonsense\n", b"[1]\n", b'{"x":"0"}\n', b'{"x":256}\n', b'{"x":true}\n', b"\xff\n"]
)
async def test_nonsense_is_refused(text: bytes) -> None:
    with pytest.raises(VerbError, match="m2 does not answer as a daemon does") as wrong:
        await answers(text)
    assert wrong.value.code == ExitCode.FAILED


@given(st.binary(max_size=200))
async def test_no_bytes_do_harm(data: bytes) -> None:
    try:
        await answers(data)
    except VerbError as wrong:
        assert "m2" in wrong.text  # noqa: PT017 (either is right)


async def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LONGEST_LINE", 10)
    with pytest.raises(VerbError, match="m2"):
        await answers(b"x" * 11, b"x" * 11)


async def test_a_request_is_one_the_door_understands() -> None:
    script = Script()
    one = Conversation(script, state("m2"))
    screen = Terminal(out=True, err=False, into=True, columns=99, colour=True, ascii=False)
    await one.ask({"argv": ("la",), "tty": tty(screen)})
    asked = request(script.written)
    assert (asked.argv, asked.called) == (("la",), "m2")
    assert asked.tty == Tty(out=True, err=False, into=True, columns=99, colour=True, ascii=False)
    script.written = b""
    await one.interrupt()
    assert json.loads(script.written) == {"i": 1}


async def test_who_hangs_up_does_not_wait_for_a_host_that_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HANG_UP_S", 0.01)
    script = Script()
    await hang_up(script)
    assert script.closed == [""]
    script.deaf = True
    await hang_up(script)
    assert script.closed == ["", "", "left"]

"""Candidates and Tab; the keys and the hint are tried at a terminal, in test_app."""

import asyncio
import json
import time
from pathlib import Path

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from tests.support.fake_door import FakeDoor, Line
from viscript.repl.link import Completer
from viscript.repl.typing import LiveCompleter, complete_now


async def candidates(completer: LiveCompleter, text: str) -> list[tuple[str, int, str]]:
    found = completer.get_completions_async(Document(text, len(text)), CompleteEvent())
    return [(one.text, one.start_position, one.display_meta_text) async for one in found]


def door_with(path: Path, *words: str, start: int = 5) -> FakeDoor:
    door = FakeDoor(f"{path}/d")
    items: list[Line] = [
        {"text": word, "display": word, "meta": "web running", "start": start} for word in words
    ]
    door.completions = lambda text: {"items": items, "hint": ""}
    return door


async def test_candidates_replace_the_word_before_the_cursor(short_tmp: Path) -> None:
    with door_with(short_tmp, "17", "18"):
        source = Completer(f"{short_tmp}/d")
        completer = LiveCompleter(source, lambda: ["pings"])
        assert await candidates(completer, "ping 1") == [("17", -1, "web running"), ("18", -1, "web running")]
        assert [*completer.get_completions(Document("ping 1"), CompleteEvent())] == []
        source.close()


async def test_aliases_are_candidates_for_the_first_word(short_tmp: Path) -> None:
    completer = LiveCompleter(Completer(f"{short_tmp}/absent"), lambda: ["pings", "up"])
    assert await candidates(completer, "pi") == [("pings", -2, "alias")]
    assert await candidates(completer, "pi ") == []
    assert await candidates(completer, "") == []


async def test_tab_inserts_what_all_candidates_share(short_tmp: Path) -> None:
    for words, expected in ((["worker#1"], "ping worker#1"), (["worker#1", "worker#2"], "ping worker#")):
        with door_with(short_tmp, *words):
            source = Completer(f"{short_tmp}/d")
            buffer = Buffer(document=Document("ping w", 6))
            complete_now(buffer, source)
            assert buffer.text == expected
            source.close()


async def test_tab_changes_nothing_where_nothing_fits(short_tmp: Path) -> None:
    with door_with(short_tmp, "web", "WEB"):
        source = Completer(f"{short_tmp}/d")
        buffer = Buffer(document=Document("ping x", 6))
        complete_now(buffer, source)
        assert buffer.text == "ping x"
        source.close()


async def test_a_thousand_candidates_cost_less_than_fifty_milliseconds(short_tmp: Path) -> None:
    with door_with(short_tmp, *map(str, range(1000))) as door:
        answer = door.completions("")
        assert len(json.dumps(answer)) > 50_000
        source = Completer(f"{short_tmp}/d")
        completer = LiveCompleter(source, list)
        took = []
        for _ in range(5):
            source.forget()
            await asyncio.sleep(0)
            began = time.process_time()
            assert len(await candidates(completer, "ping ")) == 1000
            took.append(time.process_time() - began)
        source.close()
    assert sorted(took)[2] < 0.05

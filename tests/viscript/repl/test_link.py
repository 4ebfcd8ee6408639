"""The prompt's standing connections."""

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.support.fake_door import FakeDoor
from viscript.repl import link
from viscript.repl.link import NOTHING, Completer, Completion, Events


async def test_candidates_come_with_meaning_and_hint(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/d") as door:
        door.completions = lambda text: {
            "items": [{"text": "7", "meta": "web", "start": 5}],
            "hint": "[-c N]",
        }
        completer = Completer(f"{short_tmp}/d")
        found = await completer.ask("ping ", 5)
        assert found.items == (Completion("7", "7", "web", 5),)
        assert found.hint == "[-c N]"
        assert await completer.ask("ping ", 5) is found
        completer.forget()
        assert await completer.ask("ping ", 5) == found
        completer.close()


async def test_without_a_daemon_there_are_none(short_tmp: Path) -> None:
    assert await Completer(f"{short_tmp}/d").ask("ping ", 5) is NOTHING


async def test_a_slow_daemon_costs_a_moment_and_its_late_answer_is_not_mistaken(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/d") as door:
        loop, slow = asyncio.get_running_loop(), [True]

        def answer(text: str) -> dict[str, Any]:
            if slow.pop() if slow else False:
                end = time.monotonic() + link.COMPLETION_S + 0.2
                while time.monotonic() < end:
                    pass
            return {"items": [{"text": text}], "hint": ""}

        door.completions = answer
        completer = Completer(f"{short_tmp}/d")
        began = loop.time()
        assert await completer.ask("first", 5) is NOTHING
        assert loop.time() - began < link.COMPLETION_S + 0.4
        assert (await completer.ask("second", 6)).items[0].text == "second"
        completer.close()


async def test_events_resume_at_their_cursor_after_a_lost_connection(short_tmp: Path) -> None:
    told: list[dict[str, Any]] = []
    states: list[bool] = []
    woken = asyncio.Event()

    def tell(line: dict[str, Any]) -> None:
        told.append(line)
        woken.set()

    async def heard(count: int) -> None:
        while len(told) < count:
            woken.clear()
            await asyncio.wait_for(woken.wait(), 20)

    events = Events(f"{short_tmp}/d", tell, states.append)
    async with asyncio.TaskGroup() as tasks:
        follow = tasks.create_task(events.follow())
        with FakeDoor(f"{short_tmp}/d") as door:
            await heard(1)
            door.event("app.done", "app/7", cursor=41)
            await heard(2)
        with FakeDoor(f"{short_tmp}/d") as door:
            await heard(3)
            assert door.requests[0]["subscribe"] == {"cursor": 42, "far": True}
            door.tell({"gap": 90})
            await heard(4)
        with FakeDoor(f"{short_tmp}/d") as door:
            await heard(5)
            assert door.requests[0]["subscribe"] == {"cursor": 90, "far": True}
        follow.cancel()
    assert True in states
    assert False in states


async def test_the_host_in_use_is_part_of_the_question(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/d") as door:
        completer = Completer(f"{short_tmp}/d", lambda: "m2")
        await completer.ask("ping ", 5)
        completer.close()
        completer.ask_now("ping ", 5)
        assert [request["complete"]["host"] for request in door.requests] == ["m2", "m2"]

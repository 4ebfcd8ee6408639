"""`top` is the resources of apps, the biggest first."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.locally import client, run
from viscript.local.screen import Screen


def test_where_nobody_watches_it_is_shown_once(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["res_usage"] = lambda caller: [{"x": 0}]
        assert run(client(short_tmp), "top", "--sort", "rss", "@back") == 0
        assert door.asked() == [["res_usage", "--sort", "rss", "@back"]]


def test_on_a_terminal_it_goes_on(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    left = [0, 0, 4]

    def answer(caller: Caller) -> Iterable[Line]:
        yield {"x": left.pop(0)}

    on = client(short_tmp)
    assert isinstance(on.screen, Screen)
    on.screen.out = True
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["res_usage"] = answer
        assert run(on, "top", "-d", "0.1") == 4
        assert door.asked() == [["res_usage", "--sort", "cpu"]] * 3


def test_what_cannot_be_sorted_by_is_a_usage_error(short_tmp: Path) -> None:
    assert run(client(short_tmp), "top", "--sort", "colour") == 2

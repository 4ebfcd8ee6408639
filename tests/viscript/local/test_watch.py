"""The same command again and again."""

from collections.abc import Iterable
from pathlib import Path

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.locally import client, run


def test_it_repeats_until_there_is_no_sense_in_it(short_tmp: Path) -> None:
    left = [0, 3, 4]

    def answer(caller: Caller) -> Iterable[Line]:
        yield {"x": left.pop(0)}

    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["log"] = answer
        assert run(client(short_tmp), "watch", "0.1", "log", "7", "-n", "5") == 4
        assert door.asked() == [["log", "7", "-n", "5"]] * 3


def test_without_a_command_it_is_a_usage_error(short_tmp: Path) -> None:
    assert run(client(short_tmp), "watch", "2") == 2
    assert run(client(short_tmp), "watch", "often", "la") == 2

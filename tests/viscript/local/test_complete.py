"""What completion scripts call."""

from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client
from viscript.local import complete


def test_candidates_stand_one_a_line_with_their_meaning(
    short_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.completions = lambda text: {"items": [{"text": "7", "meta": "web"}, {"text": "web"}], "hint": ""}
        assert complete.run(client(short_tmp), ["ping ", "99"]) == 0
        assert complete.run(client(short_tmp), []) == 0
        assert door.requests[0]["complete"] == {"text": "ping ", "cursor": 99}
        assert door.requests[1]["complete"] == {"text": "", "cursor": 0}
    assert capfd.readouterr().out == "7\tweb\nweb\t\n" * 2


def test_a_daemon_that_hangs_up_gives_none(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert complete.run(client(short_tmp), ["ping "]) == 0
    assert capfd.readouterr() == ("", "")

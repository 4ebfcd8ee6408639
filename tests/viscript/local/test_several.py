"""Several commands: what is one, and where they stop."""

import os
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client
from viscript.local import several


def test_a_script_without_client_verbs_goes_whole(short_tmp: Path) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        assert several.run_text(client(short_tmp), "la; ru 7", keep_going=True) == 0
        assert door.requests[0]["script"] == "la; ru 7"
        assert door.requests[0]["keep_going"] is True


@pytest.mark.parametrize("keep_going, asked", [(False, [["ru"]]), (True, [["ru"], ["la"]])])
def test_with_one_each_command_goes_alone(short_tmp: Path, keep_going: bool, asked: list[object]) -> None:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["ru"] = [{"x": 5}]
        assert several.run_text(client(short_tmp), "version; ru; la", keep_going=keep_going) == 5
        assert door.asked() == asked


def test_a_quote_that_is_never_closed_is_a_usage_error(
    short_tmp: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert several.run_text(client(short_tmp), "version 'x", keep_going=False) == 2
    assert "never closed" in capfd.readouterr().err


def test_an_endless_line_is_refused(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = short_tmp / "script"
    path.write_bytes(b"x" * (several.LONGEST_LINE + 2))
    stdin = os.dup(0)
    with path.open("rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        assert several.run_stdin(client(short_tmp), keep_going=False) == 2
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
    assert "line of more than" in capfd.readouterr().err

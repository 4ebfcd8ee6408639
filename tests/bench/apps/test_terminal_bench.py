"""The terminal's rows: what is timed, with programs that are here."""

import sys

import pytest

from bench.apps import terminal
from bench.apps.terminal import Keyboards, Way, seconds
from bench.mesh.faults.program import Trouble


def test_output_is_timed_from_its_first_byte() -> None:
    first, rest = seconds(["/bin/sh", "-c", "sleep 0.3; head -c 1000000 /dev/zero; sleep 0.2"], 1_000_000)
    assert first >= 0.3
    assert rest >= 0.2


@pytest.mark.parametrize("script", ["exit 3", "echo more"])
def test_output_that_is_not_as_it_should_be_is_no_figure(script: str) -> None:
    with pytest.raises(Trouble, match="of 0 bytes"):
        seconds(["/bin/sh", "-c", script], 0)


def test_a_terminal_is_asked_for_before_the_host() -> None:
    made = Way("x", ("ssh", "-F", "none", "far"), "-tt")
    assert made.at_terminal("cat") == ["ssh", "-F", "none", "-tt", "far", "cat"]
    assert made.run("cat") == ["ssh", "-F", "none", "far", "cat"]


def test_a_key_press_is_timed_to_its_echo() -> None:
    made = Way("here", (sys.executable, "print('up', flush=True); input()"), "-c")
    with Keyboards([made]) as boards:
        assert boards.press("here") > 0


def test_a_terminal_that_ends_is_told() -> None:
    made = Way("gone", (sys.executable, "pass"), "-c")
    with pytest.raises(Trouble, match="gone: it ended"), Keyboards([made]):
        pass


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "DEADLINE_S", 0.1)
    made = Way("mute", (sys.executable, "import time; time.sleep(60)"), "-c")
    with pytest.raises(Trouble, match="mute: no b'up' within"), Keyboards([made]):
        pass

import pytest

from tools import command
from tools.faults import BootError


def test_a_fault_of_the_machine_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_args: list[str]) -> int:
        raise BootError("no room")

    monkeypatch.setitem(command.COMMANDS, "up", fail)
    assert command.main(["up"]) == 1
    assert capsys.readouterr().err == "boot: no room\n"


def test_an_interrupt_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_args: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(command.COMMANDS, "test", interrupt)
    assert command.main(["test"]) == 130


def test_arguments_after_the_command_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def keep(args: list[str]) -> int:
        seen.append(args)
        return 7

    monkeypatch.setitem(command.COMMANDS, "up", keep)
    assert command.main(["up", "-c", "apps"]) == 7
    assert seen == [["-c", "apps"]]


def test_lock_takes_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lock", "now"]) == 2
    assert capsys.readouterr().err == command.USAGE

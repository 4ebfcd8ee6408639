"""Command lines of the programs."""

from pathlib import Path

import pytest

from plugins.terminal import options
from plugins.terminal.options import CopyOptions, PeerOptions, ServerOptions, ShellOptions


def test_everything_of_the_server_can_be_left_out() -> None:
    assert options.server([]) == ServerOptions("terminal", None, (2, 22), (), True, None)


def test_a_port_that_was_chosen_is_the_only_one() -> None:
    given = options.server(["mine", "", "8001", "--host-key", "k", "--no-files"])
    assert given == ServerOptions("mine", None, (8001,), (), False, Path("k"))


def test_the_command_is_what_follows_the_peer_as_ssh_has_it() -> None:
    given = options.shell(["-t", "-p", "9", "mike", "ls", "-l", "--", "a b"])
    assert given == ShellOptions("mike", "ls -l -- a b", None, 9, True)
    assert options.shell(["mike", "--", "ls", "-t"]) == ShellOptions("mike", "ls -t", None, 2, None)
    assert options.shell(["-T", "mike"]).tty is False


def test_the_last_place_is_where_things_are_copied_to() -> None:
    given = options.copy(["-r", "--visor", "./app.sock", "a", "b", "mike:c"])
    assert given == CopyOptions(("a", "b"), "mike:c", "./app.sock", 2, True)


def test_the_line_for_known_hosts_needs_a_peer_only() -> None:
    assert options.known(["mike"]) == PeerOptions("mike", None, 2)


@pytest.mark.parametrize(
    "of, words",
    [
        (options.server, ["mine", "", "0"]),
        (options.server, ["--allowed", "x"]),
        (options.shell, []),
        (options.shell, ["-t", "-T", "mike"]),
        (options.shell, ["-p", "x", "mike"]),
        (options.copy, ["a"]),
        (options.known, []),
    ],
)
def test_wrong_words_end_the_program_with_a_sentence(
    of: object, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(of)
    with pytest.raises(SystemExit) as caught:
        of(words)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err

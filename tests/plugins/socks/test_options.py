"""Command lines of both programs."""

from pathlib import Path

import pytest

from plugins.socks import options
from plugins.socks.handshake import Credentials


def test_everything_can_be_left_out() -> None:
    assert options.server([]) == options.ServerOptions("socks-server", None, 3, (), False)
    usual = options.client([])
    assert (usual.listen, usual.web) == (("127.0.0.1", 1080), ("127.0.0.1", 1081))
    assert (usual.name, usual.visor, usual.peers, usual.exit_port) == ("socks-client", None, (), 3)
    assert usual.credentials is None


def test_the_seeds_arguments_stand_first() -> None:
    given = options.client(["mine", "./app.sock", "9050", "--http", "off", "--exit-port", "8001"])
    assert (given.name, given.visor, given.listen, given.web) == (
        "mine",
        "./app.sock",
        ("127.0.0.1", 9050),
        None,
    )
    assert given.exit_port == 8001
    assert options.client(["mine", ""]).visor is None
    assert options.client(["--listen", "[::1]:9"]).listen == ("::1", 9)


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("mike:a:secret\n")
    assert options.client(["--login", str(file)]).credentials == Credentials("mike", "a:secret")


@pytest.mark.parametrize(
    "words",
    [
        ["mine", "", "0"],
        ["mine", "", "x"],
        ["--listen", "1080"],
        ["--listen", "h:99999"],
        ["--login", "/nonexistent"],
        ["--login", __file__ + "/.."],
        ["--unknown"],
    ],
)
def test_wrong_words_end_the_program_with_a_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        options.client(words)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_file_without_a_password_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "login").write_text("mike")
    with pytest.raises(SystemExit):
        options.client(["--login", str(tmp_path / "login")])
    assert "does not hold USER:PASSWORD" in capsys.readouterr().err

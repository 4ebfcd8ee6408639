"""What reach is told."""

import pytest

from plugins.reach.options import PORT, Options, parse


def test_all_has_a_default_and_words_are_read() -> None:
    assert parse([]) == Options("reach", None, PORT)
    assert parse(["r", "/visor", "51"]) == Options("r", "/visor", 51)


def test_a_wrong_port_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["r", "", "70000"])
    assert "is no port" in capsys.readouterr().err

"""What forwarding is told."""

from pathlib import Path

import pytest

from plugins.forward import options
from plugins.forward.options import PORT, Options, parse


def test_all_has_a_default() -> None:
    assert parse([], {}) == Options("forward", None, PORT, None, ())


def test_words_and_surroundings_are_read() -> None:
    environ = {"VISCRIPT_STATE": "/state/forward", "VISCRIPT_SETTINGS": '{"rules":["fwd 80 mike:80"]}'}
    assert parse(["f", "/visor", "48"], environ) == Options(
        "f", "/visor", 48, Path("/state/forward"), ("fwd 80 mike:80",)
    )
    given = parse(["--state", "/own", "--rule", "offer 80 --to all"], environ)
    assert given.state == Path("/own")
    assert given.rules == ("fwd 80 mike:80", "offer 80 --to all")


def test_a_wrong_port_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(["f", "", "70000"], {})
    assert "is no port" in capsys.readouterr().err

"""Short names for commands."""

from pathlib import Path

import pytest

from tests.support.locally import client, run


def test_an_alias_is_set_shown_and_removed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    here = client(tmp_path)
    assert run(here, "alias") == 0
    assert run(here, "alias", "up=la", "--failed") == 0
    assert run(here, "alias", "two", "ru 7") == 0
    assert capfd.readouterr().out == ""
    assert run(here, "alias") == 0
    assert run(here, "alias", "up") == 0
    assert capfd.readouterr().out == "two=ru 7\nup=la --failed\nup=la --failed\n"
    assert run(here, "alias", "up=") == 0
    assert run(here, "alias", "up") == 5


def test_at_the_prompt_it_counts_at_once(tmp_path: Path) -> None:
    here = client(tmp_path, session=True)
    assert run(here, "alias", "up=la") == 0
    assert here.session is not None
    assert here.session.aliases == {"up": "la"}


@pytest.mark.parametrize("words", [["ping=la"], ["a b=la"], ["=la"], ["x=s app --password y"]])
def test_what_cannot_be_an_alias_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(client(tmp_path), "alias", *words) == 2
    assert not (tmp_path / "aliases.json").exists()


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(client(tmp_path / "absent"), "alias", "up=la") == 1
    assert "cannot be written" in capfd.readouterr().err

"""Which configuration file, and reading it: its plugins first."""

from pathlib import Path

import pytest

from viscript.daemon.settings import Options, chosen_file, finished, read_draft, read_file
from viscript.errors import ExitCode, VerbError
from viscript.home import Home, find_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "h").mkdir()
    return find_home({"VISCRIPT_HOME": str(tmp_path / "h")})


def test_the_one_that_is_named_counts(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("apps: {}\n")
    options = Options(config="mine.yaml", cwd=str(tmp_path))
    assert chosen_file(options, {}, home) == str(tmp_path / "mine.yaml")


def test_none_may_be_wanted(home: Home, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("apps: {}\n")
    assert chosen_file(Options(no_config=True, cwd=str(tmp_path)), {}, home) == ""


def test_the_one_beside_us_is_found_and_made_absolute(home: Home, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("apps: {}\n")
    assert chosen_file(Options(cwd=str(tmp_path)), {}, home) == str(tmp_path / "config.yaml")


def test_there_may_be_none(home: Home, tmp_path: Path) -> None:
    assert chosen_file(Options(cwd=str(tmp_path / "h")), {}, home) == ""
    assert read_file("", {}, lambda plugins: ()).config.apps == {}
    assert read_draft("", {}).plugins.dirs == ()


def test_plugins_are_read_before_anything_that_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("plugins: {dirs: [mine]}\napps: {web: {command: [x], needs: [from-a-plugin]}}\n")
    assert read_draft(str(path), {}).plugins.dirs == ("mine",)
    with pytest.raises(VerbError, match="from-a-plugin"):
        read_file(str(path), {}, lambda plugins: ())
    found = finished(read_draft(str(path), {}), ("from-a-plugin",))
    assert list(found.config.apps) == ["web"]


def test_a_file_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("apps: [")
    with pytest.raises(VerbError, match=r"c\.yaml") as caught:
        read_draft(str(path), {})
    assert caught.value.code is ExitCode.BAD_CONFIG


def test_faults_are_told_all_together(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("plugins: 5\napps: {web: {comand: [x]}}\n")
    assert read_draft(str(path), {}).plugins.dirs == ()
    with pytest.raises(VerbError) as caught:
        read_file(str(path), {}, lambda plugins: ())
    told = f"{caught.value.text} {caught.value.detail}"
    assert "plugins" in told
    assert "comand" in told


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerbError) as caught:
        read_file(str(tmp_path / "no.yaml"), {}, lambda plugins: ())
    assert caught.value.code is ExitCode.BAD_CONFIG

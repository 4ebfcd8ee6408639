"""Finding plugins: what counts, what changed, what must not be loaded."""

import os
from pathlib import Path

import pytest

from viscript.pluginhost import source


def test_files_and_folders_count_and_helpers_and_tests_do_not(tmp_path: Path) -> None:
    for name in ("b.py", "_help.py", "test_b.py", "conftest.py", ".hidden.py", "note.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "__init__.py").write_text("")
    (tmp_path / "empty").mkdir()
    found = source.in_folder(tmp_path)
    assert [(one.name, one.kind, one.fault) for one in found] == [("a", "file", ""), ("b", "file", "")]


def test_a_change_changes_the_stamps(tmp_path: Path) -> None:
    assert source.stamps([tmp_path]) == {}
    path = tmp_path / "a.py"
    path.write_text("1")
    first = source.stamps([tmp_path])
    assert first == source.stamps([tmp_path])
    path.write_text("12")
    assert first != source.stamps([tmp_path])
    assert source.stamps([tmp_path / "gone"]) == {str(tmp_path / "gone"): (0, 0, 0)}


def test_what_everybody_may_write_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("")
    path.chmod(0o666)
    (one,) = source.in_folder(tmp_path)
    assert one.fault == f"{path} may be written by everybody (chmod o-w {path})"
    path.chmod(0o644)
    tmp_path.chmod(0o777)
    (one,) = source.in_folder(tmp_path)
    assert str(tmp_path) in one.fault


def test_what_another_user_owns_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("")
    other = os.geteuid() + 1
    monkeypatch.setattr(source, "TRUSTED", frozenset({other}))
    (one,) = source.in_folder(tmp_path)
    assert one.fault.endswith("belongs to another user")


def test_the_second_of_a_name_is_faulty_under_a_name_of_its_own() -> None:
    first, second = (source.Source(kind="file", name="a", target=target) for target in ("x/a.py", "y/a.py"))
    kept = source.without_doubles([first, second])
    assert kept[0] == first
    assert (kept[1].name, kept[1].fault) == ("a (y/a.py)", "the name a is taken by x/a.py")


def test_our_own_plugins_are_found_beside_the_program() -> None:
    assert {"apptracker", "helloworld"} <= {one.name for one in source.built_in()}

"""The lines a person typed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.repl.history import MOST_LINES, SafeHistory, read_lines, trim


def test_lines_are_kept_for_the_next_run_by_the_user_only(tmp_path: Path) -> None:
    path = tmp_path / "history"
    for line in ("la", "two\nlines \\n", "ru 7"):
        SafeHistory(str(path)).append_string(line)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_lines(path) == ["la", "two\nlines \\n", "ru 7"]
    assert [*SafeHistory(str(path)).load_history_strings()] == ["ru 7", "two\nlines \\n", "la"]


@pytest.mark.parametrize(
    "line",
    ["s app --password x", "s app token=abc", "rpc 7 login SECRET=1", " la", "  ", "s a https://u:p@h/"],
)
def test_secrets_and_lines_behind_a_blank_are_not_kept(tmp_path: Path, line: str) -> None:
    history = SafeHistory(str(tmp_path / "history"))
    history.append_string(line)
    assert not (tmp_path / "history").exists()
    assert history.get_strings() == []


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    history = SafeHistory(str(tmp_path / "absent" / "history"))
    history.append_string("la")
    assert history.get_strings() == ["la"]


def test_a_long_history_is_cut_and_its_mode_mended(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"ru {number}\n" for number in range(2 * MOST_LINES + 1)))
    path.chmod(0o644)
    trim(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_lines(path)[0] == f"ru {MOST_LINES + 1}"
    assert len(read_lines(path)) == MOST_LINES


@given(lines=st.lists(st.text(alphabet="la\\n\n'\" ;", min_size=1), max_size=5))
def test_any_line_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("h") / "history"
    history = SafeHistory(str(path))
    for line in lines:
        history.store_string(line)
    assert read_lines(path) == lines

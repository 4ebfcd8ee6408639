"""A look at files: what counts, what changed, and where it ends."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from viscript.filewatch import scan as scanning
from viscript.filewatch.pattern import parse_pattern
from viscript.filewatch.scan import Seen, TooMuch, changes, scan


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("src/a.py", "src/deep/er/b.py", "src/notes.txt", "src/.git/HEAD", "src/a.py~", "conf.yaml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def look(tree: Path, *patterns: str) -> Seen:
    return scan(str(tree), [parse_pattern(text) for text in patterns])


def names(tree: Path, *patterns: str) -> list[str]:
    return sorted(os.path.relpath(path, tree) for path in look(tree, *patterns))


def test_a_folder_is_all_that_people_wrote_in_it(tree: Path) -> None:
    assert names(tree, "src") == ["src/a.py", "src/deep/er/b.py", "src/notes.txt"]


def test_a_file_is_itself_whatever_its_name(tree: Path) -> None:
    assert names(tree, "conf.yaml", "src/a.py~", "src/.git/HEAD") == [
        "conf.yaml",
        "src/.git/HEAD",
        "src/a.py~",
    ]


def test_a_pattern_is_what_matches_it(tree: Path) -> None:
    assert names(tree, "src/*.py") == ["src/a.py"]
    assert names(tree, "**/*.py") == ["src/a.py", "src/deep/er/b.py"]
    assert names(tree, "*/deep/*/b.*") == ["src/deep/er/b.py"]


def test_what_two_patterns_name_is_seen_once(tree: Path) -> None:
    assert names(tree, "src/a.py", "./src/../src/*.py") == ["src/a.py"]


def test_what_is_not_there_is_not_seen(tree: Path) -> None:
    assert names(tree, "gone", "gone/*.py", "conf.yaml/x") == []


def test_an_absolute_path_is_no_matter_of_the_folder(tree: Path) -> None:
    assert names(tree / "src", str(tree / "conf.yaml")) == ["../conf.yaml"]


def test_writing_making_and_removing_are_changes(tree: Path) -> None:
    before = look(tree, "src")
    (tree / "src/a.py").write_text("something longer")
    (tree / "src/new.py").touch()
    (tree / "src/notes.txt").unlink()
    found = changes(before, look(tree, "src"))
    assert [Path(path).name for path in found] == ["a.py", "new.py", "notes.txt"]
    assert changes(before, before) == []


def test_a_file_put_in_the_place_of_another_is_a_change(tree: Path) -> None:
    file, other = tree / "conf.yaml", tree / "other"
    other.write_text(file.read_text())
    stat = file.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    before = look(tree, "conf.yaml")
    other.replace(file)
    assert changes(before, look(tree, "conf.yaml")) == [str(file)]


def test_a_link_to_a_folder_is_not_followed(tree: Path) -> None:
    (tree / "src/loop").symlink_to(tree)
    assert names(tree, "src") == ["src/a.py", "src/deep/er/b.py", "src/loop", "src/notes.txt"]


def test_a_link_that_leads_nowhere_is_not_seen(tree: Path) -> None:
    (tree / "src/dead").symlink_to(tree / "nowhere")
    assert "src/dead" not in names(tree, "src")


def test_what_cannot_be_told_to_be_a_folder_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(os.PathLike[str]):
        name, path = "odd", "/nowhere/odd"

        def __fspath__(self) -> str:
            return self.path

        def is_dir(self, *, follow_symlinks: bool) -> bool:
            raise PermissionError(13, "no")

    def odd(_folder: str) -> Iterator[Odd]:
        return iter([Odd()])

    monkeypatch.setattr(scanning, "_entries", odd)
    assert scan("/", [parse_pattern("*")]) == {}


def test_too_many_files_end_a_look(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MOST_ENTRIES", 3)
    with pytest.raises(TooMuch, match="more than 3 files and folders"):
        look(tree, "src")


def test_a_slow_disk_ends_a_look(tree: Path) -> None:
    seconds = count(0.0, 2.0)
    with pytest.raises(TooMuch, match="more than 5 s"):
        scan(str(tree), [parse_pattern("src")], lambda: next(seconds))

"""The commands of a file."""

from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.locally import client, run


def test_they_run_until_one_fails(short_tmp: Path) -> None:
    (short_tmp / "lab.vis").write_text("# a comment\nversion\nru 9; la\n")
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.answers["ru"] = [{"x": 5}]
        assert run(client(short_tmp), "source", str(short_tmp / "lab.vis")) == 5
        assert run(client(short_tmp), ".", "--keep-going", str(short_tmp / "lab.vis")) == 5
        assert door.asked() == [["ru", "9"], ["ru", "9"], ["la"]]


def test_a_file_that_sources_itself_ends(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = short_tmp / "loop.vis"
    path.write_text(f"source {path}\n")
    assert run(client(short_tmp), "source", str(path)) == 2
    assert "sources itself" in capfd.readouterr().err


@pytest.mark.parametrize("make", ["absent", "binary"])
def test_a_file_that_cannot_be_read_is_said(
    short_tmp: Path, capfd: pytest.CaptureFixture[str], make: str
) -> None:
    if make == "binary":
        (short_tmp / "x").write_bytes(b"\xff\xfe")
    assert run(client(short_tmp), "source", str(short_tmp / "x")) == 1
    assert "cannot be read" in capfd.readouterr().err

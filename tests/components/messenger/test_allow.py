from pathlib import Path

import pytest

from components.mesh import keys
from components.messenger import allow
from components.messenger.allow import AllowError, read
from tests.support.mesh import ALICE, BOB

A, B = ALICE.public_key, BOB.public_key


def test_a_list_has_commas() -> None:
    assert read(f"{A.hex()}, {keys.spoken(B)}") == {A, B}


def test_a_file_has_a_key_a_line_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# friends\n\n{A.hex()}  # Alice\n{keys.hex66(B)}\n")
    assert read(str(path)) == {A, B}
    path.write_text("# nobody\n")
    assert read(str(path)) == frozenset()


def test_every_fault_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"abc\n{A.hex()}\nxyz\n")
    with pytest.raises(AllowError) as told:
        read(str(path))
    assert [line.split(": ")[1] for line in str(told.value).splitlines()] == ["1", "3"]
    with pytest.raises(AllowError, match="--allow: 1: 'nofile'"):
        read("nofile")


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(AllowError, match="decode"):
        read(str(path))
    monkeypatch.setattr(allow, "MAX_BYTES", 1)
    with pytest.raises(AllowError, match="longer than 1 bytes"):
        read(str(path))

"""The disk trial counts every byte, and says when it cannot be tried."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.prove import PlayedStage, event
from viscript.prove import full_disk
from viscript.prove.verdict import BrokenPromise, NotTried


def played(
    tmp_path: Path, kept: int, lost: int, lines: int, longest: float = 0.001
) -> tuple[PlayedStage, Path]:
    stage = PlayedStage(tmp_path / "h")
    stage.told = [event("log.resumed", 1.0, lost=lost)]
    folder = tmp_path / "1-witness"
    folder.mkdir()
    (folder / "00.log").write_bytes(bytes(kept))
    (tmp_path / "tally").write_text(f"{lines:08d} {longest:012.6f}\n")
    return stage, folder


def test_what_is_kept_and_told_lost_adds_up(tmp_path: Path) -> None:
    stage, folder = played(tmp_path, kept=90, lost=9, lines=11)
    assert full_disk._account(stage, folder, tmp_path / "tally").figures["lost_bytes"] == 9


def test_a_byte_that_nobody_told_of_is_found_out(tmp_path: Path) -> None:
    stage, folder = played(tmp_path, kept=89, lost=9, lines=11)
    with pytest.raises(BrokenPromise, match="99 bytes were written, 89 kept, 9 told to be lost"):
        full_disk._account(stage, folder, tmp_path / "tally")


def test_an_app_held_up_by_the_disk_is_found_out(tmp_path: Path) -> None:
    stage, folder = played(tmp_path, kept=90, lost=9, lines=11, longest=3.0)
    with pytest.raises(BrokenPromise, match=r"took 3.00 s"):
        full_disk._account(stage, folder, tmp_path / "tally")


def test_without_unshare_it_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(NotTried, match="needs Linux"):
        full_disk._namespace()


@pytest.mark.parametrize("uid", [0, 1000])
def test_where_no_namespace_is_allowed_it_is_not_tried(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    tried: list[list[str]] = []

    def refused(argv: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        tried.append(argv)
        return subprocess.CompletedProcess(argv, 1)

    monkeypatch.setattr("shutil.which", lambda name: "/bin/unshare")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(subprocess, "run", refused)
    with pytest.raises(NotTried, match="needs root, or user namespaces"):
        full_disk._namespace()
    assert len(tried) == (2 if uid == 0 else 1)

"""Where programs are found, and what the keeper is told."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viscript.config.model import App, Output, Restart
from viscript.supervisor.api import AppEntry
from viscript.supervisor.instance import Managed
from viscript.supervisor.orders import (
    CannotStart,
    find_program,
    log_folder,
    logged_name,
    policy_for,
    spec_for,
    spec_to_run_on,
    stdin_kind,
)


def managed(tmp_path: Path, **fields: Any) -> Managed:
    entry = AppEntry(
        name="web", source="t", spec=App(**fields), argv=("sh", "-c", "true"), folder=str(tmp_path)
    )
    return Managed(seq=7, name="web", entry=entry, since=0.0, args=("x",), log_dir="/logs/7-web")


def test_a_program_beside_the_file_wins_over_path(tmp_path: Path) -> None:
    tool = tmp_path / "sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert find_program("sh", str(tmp_path), "/bin") == str(tool)


def test_a_bare_name_is_looked_for_on_path(tmp_path: Path) -> None:
    assert find_program("sh", str(tmp_path), "/nowhere:/bin") == "/bin/sh"


def test_a_missing_program_names_the_places_and_the_nearest(tmp_path: Path) -> None:
    tool = tmp_path / "apptracker"
    tool.write_text("")
    tool.chmod(0o755)
    with pytest.raises(CannotStart, match="did you mean apptracker") as caught:
        find_program("aptracker", "/", str(tmp_path))
    assert caught.value.cause == "path-missing"
    assert str(tmp_path) in caught.value.text


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "run-server").write_text("")
    with pytest.raises(CannotStart, match="run-server"):
        find_program("./run-servr", str(tmp_path), "/bin")


@pytest.mark.parametrize("make", ["folder", "plain", "pipe"])
def test_what_cannot_be_executed_says_so(tmp_path: Path, make: str) -> None:
    target = tmp_path / "x"
    if make == "pipe":
        os.mkfifo(tmp_path / "x", 0o755)
    elif make == "folder":
        target.mkdir()
    else:
        target.write_text("")
        target.chmod(0o644)
    with pytest.raises(CannotStart) as caught:
        find_program("./x", str(tmp_path), "/bin")
    assert caught.value.cause == "not-executable"
    assert caught.value.text.count(str(target)) == 1


def test_a_missing_cwd_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="no folder"):
        spec_for(managed(tmp_path, cwd="nowhere"), env={}, search="/bin")


def test_the_spec_has_all_the_keeper_asks_for(tmp_path: Path) -> None:
    app = managed(tmp_path, umask="027", output=Output(file="out.log", max_bytes=8192))
    spec = spec_for(app, env={"A": "1", "B": None}, search="/bin")
    assert spec["argv"] == ["/bin/sh", "-c", "true", "x"]
    assert spec["umask"] == 0o027
    assert spec["env"] == {"A": "1", "B": None}
    assert spec["log"] == {
        "dir": "/logs/7-web",
        "max_bytes": 8192,
        "backups": 5,
        "file": str(tmp_path / "out.log"),
    }


def test_a_daemon_has_no_exit_that_counts_as_success() -> None:
    assert policy_for(App(daemon=True))["success_codes"] == []
    assert policy_for(App())["success_codes"] == [0]
    assert policy_for(App(daemon=True, restart=Restart(success_codes=(3,))))["success_codes"] == [3]


def test_a_service_reads_nothing_unless_told() -> None:
    assert stdin_kind(App(daemon=True)) == "null"
    assert stdin_kind(App()) == "pipe"
    assert stdin_kind(App(daemon=True, stdin="pipe")) == "pipe"


@given(st.text())
def test_a_log_folder_is_one_folder_whatever_the_name(name: str) -> None:
    folder = log_folder("/logs", 7, name)
    assert Path(folder).parent == Path("/logs")
    assert len(folder) < 100


def test_what_runs_on_keeps_its_log_though_its_program_is_gone(tmp_path: Path) -> None:
    told = spec_to_run_on(managed(tmp_path, cwd="nowhere", output=Output(merge=False)))
    assert (told["argv"], told["merge"]) == (["sh", "-c", "true", "x"], False)
    assert told["log"]["dir"] == "/logs/7-web"


def test_the_name_of_an_id_is_that_of_its_log(tmp_path: Path) -> None:
    for name in ("4-web-2", "14-other", "4"):
        (tmp_path / name).mkdir()
    assert logged_name(str(tmp_path), 4) == "web-2"
    assert logged_name(str(tmp_path), 5) == ""
    assert logged_name(str(tmp_path / "none"), 4) == ""

"""`python -P -m viscript.daemon`: what it takes, and the one line it says when it does not run."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.home import ScratchHome
from viscript.daemon.program import _first, options_from
from viscript.errors import ExitCode


def daemon(home: ScratchHome, *argv: str) -> subprocess.CompletedProcess[str]:
    """A daemon that does not come up."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "viscript.daemon", *argv],
        env=home.environ,
        cwd=home.root,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_line_becomes_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = options_from(["--config", "c.yaml", "--guarded"])
    assert (options.config, options.guarded, options.no_config) == ("c.yaml", True, False)
    assert options.cwd == str(tmp_path)
    assert options_from(["--no-config"]).no_config
    assert options_from(["--config=a=b.yaml"]).config == "a=b.yaml"


@pytest.mark.parametrize("argv", [["--conf", "c.yaml"], ["nonsense"], ["--config"], ["--config="]])
def test_a_wrong_command_line_is_a_usage_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options_from(argv)
    assert caught.value.code == ExitCode.USAGE
    assert "viscript daemon" in capsys.readouterr().err


def test_the_fault_behind_the_groups_is_told() -> None:
    fault = RuntimeError("x")
    assert _first(BaseExceptionGroup("a", [ExceptionGroup("b", [fault]), KeyboardInterrupt()])) is fault


def test_a_bad_file_is_told_with_all_faults(scratch_home: ScratchHome) -> None:
    scratch_home.write_config("apps: {web: {comand: [x], pat: y}}\n")
    ended = daemon(scratch_home, "--config", "config.yaml")
    assert ended.returncode == ExitCode.BAD_CONFIG
    assert "comand" in ended.stderr
    assert "pat" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_missing_is_told(scratch_home: ScratchHome) -> None:
    ended = daemon(scratch_home, "--config", "no.yaml")
    assert ended.returncode == ExitCode.BAD_CONFIG
    assert "no.yaml" in ended.stderr


def test_a_second_daemon_is_refused(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon()
    ended = daemon(scratch_home)
    assert ended.returncode == ExitCode.FAILED
    assert f"pid {pid}" in ended.stderr


def last_line(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == ExitCode.FAILED, ended.stderr
    return ended.stderr.splitlines()[-1]


def test_a_store_that_cannot_be_opened_is_named(scratch_home: ScratchHome) -> None:
    (scratch_home.root / "state.db").mkdir()
    assert "state.db: unable to open database file" in last_line(daemon(scratch_home, "--no-config"))


def test_a_row_of_another_version_does_not_stop_it(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon()
    scratch_home.end_daemon()
    db = sqlite3.connect(scratch_home.root / "state.db")
    with db:
        db.execute("INSERT INTO event VALUES (99999, ?)", (b"\xc1",))
        db.execute("INSERT INTO instance VALUES (77, NULL, ?)", (b"\xc1",))
    db.close()
    scratch_home.start_daemon()
    assert scratch_home.viscript("la", "-o", "json").ok().json() == []


def test_a_key_that_is_damaged_is_named(scratch_home: ScratchHome) -> None:
    keys = scratch_home.root / "keys"
    keys.mkdir(mode=0o700)
    (keys / "identity").write_bytes(b"short")
    (keys / "identity").chmod(0o600)
    said = last_line(daemon(scratch_home, "--no-config"))
    assert said.startswith("viscript daemon: ")
    assert "identity" in said


def test_a_home_that_cannot_be_made_is_named(scratch_home: ScratchHome, short_tmp: Path) -> None:
    (short_tmp / "file").touch()
    scratch_home.environ["VISCRIPT_HOME"] = str(short_tmp / "file" / "h")
    said = last_line(daemon(scratch_home, "--no-config"))
    assert said.startswith("viscript daemon: ")
    scratch_home.environ["VISCRIPT_HOME"] = str(scratch_home.root)


def test_a_log_that_cannot_be_written_is_named(scratch_home: ScratchHome) -> None:
    (scratch_home.root / "log" / "daemon.log").mkdir(parents=True)
    said = last_line(daemon(scratch_home, "--no-config"))
    assert said == f"viscript daemon: {scratch_home.root}/log/daemon.log: Is a directory"

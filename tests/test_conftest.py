"""The shared fixtures and the rule that nothing may be skipped in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import end, processes_of
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = "from tests.conftest import no_strays, pytest_configure, pytest_sessionfinish, short_tmp\n"
SKIPS = "import pytest\ndef test_a():\n    pytest.skip('no reason')\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert False\n"
PASSES = "def test_a():\n    pass\n"
READS_HOME = "import os\ndef test_a():\n    assert 'VISCRIPT_HOME' not in os.environ\n"
LEAVES = """
import subprocess, sys
def test_a(no_strays, short_tmp):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(short_tmp)])
"""


def run_pytest(folder: Path, text: str, *options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("text", [SKIPS, EXPECTED_FAILURE])
@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_what_did_not_run_fails_in_ci(tmp_path: Path, text: str, options: tuple[str, ...]) -> None:
    answer = run_pytest(tmp_path, text, *options, ci="true")
    assert answer.returncode == 1
    assert "not allowed in CI: test_it.py::test_a" in answer.stdout


def test_a_skip_is_allowed_elsewhere(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPS).returncode == 0


def test_a_clean_run_passes_in_ci(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, PASSES, ci="true").returncode == 0


def test_the_home_of_whoever_runs_the_tests_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISCRIPT_HOME", str(tmp_path))
    assert run_pytest(tmp_path, READS_HOME).returncode == 0


def test_a_process_left_behind_fails_its_test_and_is_ended(tmp_path: Path) -> None:
    answer = run_pytest(tmp_path, LEAVES)
    assert answer.returncode == 1
    assert "left processes behind" in answer.stdout


def test_a_process_is_found_by_its_surroundings_and_by_its_arguments(short_tmp: Path) -> None:
    sleeper = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        subprocess.Popen([*sleeper, str(short_tmp)], stdin=subprocess.PIPE) as named,
        subprocess.Popen(sleeper, stdin=subprocess.PIPE, env={"MARK": str(short_tmp)}) as marked,
    ):
        assert eventually(lambda: {p.pid for p in processes_of(short_tmp)} == {named.pid, marked.pid})
        end(processes_of(short_tmp))
    assert not processes_of(short_tmp)


def test_waiting_ends_with_the_last_answer() -> None:
    with pytest.raises(AssertionError, match="the last answer was 0"):
        eventually(lambda: 0, deadline_s=0.05)


def test_a_short_folder_leaves_room_for_a_socket(short_tmp: Path) -> None:
    assert len(str(short_tmp)) < 30
    assert short_tmp.is_dir()

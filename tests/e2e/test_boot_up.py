"""`boot.py up` in a scratch home, with this test's own Python in place of .venv."""

import subprocess
from pathlib import Path

from tests.support.home import Answer, ScratchHome

ROOT = Path(__file__).resolve().parents[2]

UP = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tools import environment, up
environment.ensure = lambda *args, **options: Path(sys.executable)
sys.exit(up.run(Path({str(ROOT)!r}), sys.argv[1:], apt=False))
"""


def boot_up(home: ScratchHome, *args: str) -> Answer:
    done = subprocess.run(
        [home.python, "-c", UP, *args],
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_up_starts_a_daemon_and_answers_a_command(scratch_home: ScratchHome) -> None:
    answer = boot_up(scratch_home, "apps", "-o", "json").ok()
    assert "meshnet-socks-server" in [app["name"] for app in answer.json()]


def test_up_uses_the_daemon_that_runs_and_says_its_config(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon("apps: {}\n")
    answer = boot_up(scratch_home, "apps", "-o", "json").ok()
    assert answer.err == f"boot: a daemon already runs here, with {scratch_home.root / 'config.yaml'}\n"
    assert scratch_home.daemon_pid() == pid

"""The program as it is started."""

import os
import subprocess
import sys

from tests.support.home import FOREIGN


def run(*words: str) -> tuple[int, str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    argv = [sys.executable, "-P", "-m", "plugins.reach.server", *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_what_stops_it_from_starting_is_one_sentence() -> None:
    code, said = run("reach", "101.202.34.56:9000")
    assert code == 1
    assert "101.202.34.56:9000 is an address of another host" in said
    assert run("a", "b", "c")[0] == 2

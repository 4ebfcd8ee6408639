"""The programs as they are started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.home import FOREIGN


def run(module: str, *words: str) -> tuple[int, str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    argv = [sys.executable, "-P", "-m", f"plugins.socks.{module}", *words]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("module", ["server", "client"])
def test_what_stops_it_from_starting_is_one_sentence(module: str) -> None:
    code, said = run(module, "sockssrv0", "101.202.34.56:9000", "8001")
    assert code == 1
    assert "101.202.34.56:9000 is an address of another host" in said
    assert run(module, "--allow" if module == "server" else "--peer", "mike")[0] == 1
    assert run(module, "a", "b", "c")[0] == 2


def test_a_port_that_is_taken_is_told(short_tmp: Path) -> None:
    code, said = run("client", "a", str(short_tmp / "none"), "--listen", "192.0.2.1:1")
    assert code == 1
    assert "socks-client: cannot listen at 192.0.2.1:1" in said

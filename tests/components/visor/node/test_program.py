"""The visor by its command line."""

import gc
import signal
import socket
import subprocess
import sys
import weakref
from collections import deque
from pathlib import Path

import pytest

from components.mesh.service import StartError
from components.visor.node import program
from components.visor.node.options import parse

VISOR = [sys.executable, "-P", "-m", "components.visor"]


def test_it_says_who_it_is_and_stops_when_told(short_tmp: Path) -> None:
    words = ["--listen", "127.0.0.1:0", "--state", str(short_tmp)]
    with subprocess.Popen([*VISOR, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("visor: ")
        assert " takes links at 127.0.0.1:" in line
        assert (short_tmp / "app.sock").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not (short_tmp / "app.sock").exists()


def test_an_address_that_is_taken_is_named(short_tmp: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--listen", f"127.0.0.1:{port}", "--state", str(short_tmp)]
        done = subprocess.run([*VISOR, *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert f"visor: cannot listen at 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "identity"
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(StartError, match="identity"):
        program.identity_of(parse(["--identity", str(file)], {}))
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StartError, match="a-file"):
        program.identity_of(parse(["--identity", str(tmp_path / "a-file" / "identity")], {}))


def test_wrong_words_are_an_exit_of_2() -> None:
    with pytest.raises(SystemExit) as caught:
        program.main(["--listen", "nowhere"])
    assert caught.value.code == 2


def test_a_settled_visor_keeps_little_of_what_refers_to_itself_and_died_late() -> None:
    before = gc.get_threshold()
    try:
        program.settle()
        assert gc.get_freeze_count() > 0
        lately: deque[Circle] = deque(maxlen=10_000)  # long enough to outlive the searches among the young
        known = []
        for _ in range(60_000):
            lately.append(circle())
            known.append(weakref.ref(lately[-1]))
        assert sum(one() is not None for one in known) < 20_000
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    assert gc.isenabled()


class Circle:
    """May refer to itself."""


def circle() -> Circle:
    made = Circle()
    vars(made)["me"] = made
    return made

"""A pipe app gets 3 and 4, nothing else of ours, and an end with us."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from components.visor.pipe import child


def test_the_app_reads_3_and_writes_4() -> None:
    before = psutil.Process().num_fds()
    made = child.start([sys.executable, "-c", "import os; os.write(4, os.read(3, 10))"])
    assert min(made.read, made.write) >= child.HIGH
    os.write(made.write, b"hello")
    assert os.read(made.read, 10) == b"hello"
    assert child.exit_code(made.process) == 0
    os.close(made.read)
    os.close(made.write)
    assert psutil.Process().num_fds() == before


def test_it_has_no_other_descriptor_of_ours() -> None:
    extra = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(extra, True)
    code = "import os; os.write(4, repr(sorted(map(int, os.listdir('/proc/self/fd')))[:-1]).encode())"
    made = child.start([sys.executable, "-c", code])
    made.process.wait()
    assert os.read(made.read, 100) == b"[0, 1, 2, 3, 4]"
    for descriptor in (extra, made.read, made.write):
        os.close(descriptor)


def test_a_killed_app_tells_as_a_shell_does() -> None:
    made = child.start([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert child.exit_code(made.process) == 128 + 9
    os.close(made.read)
    os.close(made.write)


def test_a_program_that_is_not_there_leaves_nothing_open(short_tmp: Path) -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(FileNotFoundError):
        child.start([str(short_tmp / "none")])
    assert psutil.Process().num_fds() == before

"""Reading the status files of runit and s6."""

import os
import struct
from pathlib import Path

import pytest

from bench.drivers.scan import order_down, status


def service(folder: Path, fifo: str, content: bytes) -> int:
    """A supervised service, as its supervisor leaves it; the descriptor that the supervisor holds."""
    supervise = folder / "supervise"
    supervise.mkdir()
    (supervise / "status").write_bytes(content)
    os.mkfifo(supervise / fifo)
    return os.open(supervise / fifo, os.O_RDWR | os.O_NONBLOCK)


def test_the_pid_of_a_service_of_runit(tmp_path: Path) -> None:
    held = service(tmp_path, "ok", bytes(12) + struct.pack("<I", 4711) + bytes(4))
    assert status("runit")(str(tmp_path)) == 4711
    os.close(held)


def test_the_pid_of_a_service_of_s6_and_the_order_to_stop(tmp_path: Path) -> None:
    held = service(tmp_path, "control", bytes(24) + struct.pack(">Q", 4711) + bytes(3))
    assert status("s6")(str(tmp_path)) == 4711
    order_down([str(tmp_path)])
    assert os.read(held, 10) == b"d"
    os.close(held)


def test_a_service_that_nobody_supervises_is_an_error(tmp_path: Path) -> None:
    held = service(tmp_path, "ok", bytes(20))
    os.close(held)
    with pytest.raises(OSError, match="No such device"):
        status("runit")(str(tmp_path))

import os

import psutil
import pytest

from viscript.usage.portable import PortableProbe
from viscript.usage.process import Detail


def test_a_figure_that_the_system_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: psutil.Process, kind: str = "") -> None:
        raise psutil.AccessDenied(self.pid)

    for name in ("memory_full_info", "num_fds", "net_connections", "io_counters"):
        monkeypatch.setattr(psutil.Process, name, refused)
    assert PortableProbe().detail(os.getpid()) == Detail()


def test_a_system_without_storage_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil.Process, "io_counters")
    detail = PortableProbe().detail(os.getpid())
    assert (detail.read_bytes, detail.write_bytes) == (None, None)
    assert detail.fds is not None


def test_a_session_that_may_not_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "getsid", refused)
    process = PortableProbe().look(os.getpid())
    assert process is not None
    assert process.session == 0

"""Sockets for one user: their mode, their place, and what cannot be."""

import socket
import stat
from pathlib import Path

import pytest

from viscript.privatesocket import listening


def test_only_this_user_may_connect_and_what_a_dead_daemon_left_is_replaced(short_tmp: Path) -> None:
    path = short_tmp / "s"
    with listening(path, 1):
        pass  # killed: the file stays
    assert path.exists()
    with listening(path, 1) as made, socket.socket(socket.AF_UNIX) as caller:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not made.getblocking()
        caller.connect(str(path))


def test_where_none_can_be_is_an_error(short_tmp: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        listening(short_tmp / "no" / "where", 1)

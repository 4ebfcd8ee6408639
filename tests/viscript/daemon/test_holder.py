"""Who holds a home is told with whether he answers, and what to do about it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fake_door import FakeDoor
from tests.support.wait import eventually
from viscript.daemon.holder import answers, sentence


def facts(pid: int) -> dict[str, object]:
    return {"pid": pid, "config": "/etc/c.yaml", "started_at": 50.0}


def test_one_that_is_stopped_is_named_with_how_to_let_it_go_on(short_tmp: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        wanted = f"stopped: pid {holder.pid}, config /etc/c.yaml, up 10 s (kill -CONT {holder.pid}"
        eventually(lambda: wanted in sentence(facts(holder.pid), str(short_tmp / "d"), 60.0))
        holder.kill()


@pytest.mark.parametrize("pid", [1, 1 << 22, None])
def test_one_that_says_no_word_is_said_not_to_answer(short_tmp: Path, pid: int | None) -> None:
    text = sentence({**facts(1), "pid": pid, "config": ""}, str(short_tmp / "d"), 60.0)
    assert f"does not answer within 1 s: pid {pid}, config none" in text


def test_who_listens_and_stays_silent_does_not_answer(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(short_tmp / "d"))
        listener.listen()
        assert not answers(str(short_tmp / "d"), 0.05)


def test_one_that_answers_is_ended_by_the_verb(short_tmp: Path) -> None:
    with FakeDoor(str(short_tmp / "d")):
        text = sentence(facts(os.getpid()), str(short_tmp / "d"), 60.0)
    assert text.startswith(f"a daemon runs on this home already: pid {os.getpid()}")
    assert "viscript daemon stop" in text

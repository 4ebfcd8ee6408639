"""The ends of an app: pipes and terminals."""

import base64
import os
import signal
from pathlib import Path

import pytest

from tests.support.keeper import TestKeeper, gone, is_running
from tests.support.wait import eventually
from viscript.keeper.protocol import Refusal
from viscript.keeper.streams import decoded

ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"
LOOP = "import time\nn = 0\nwhile True:\n    print(n, flush=True); n += 1; time.sleep(0.001)"


def send(keeper: TestKeeper, text: bytes) -> int:
    written: int = keeper.client.request("write", seq=7, data=base64.b64encode(text).decode())["written"]
    return written


def test_input_reaches_the_app_and_output_the_log(any_keeper: TestKeeper) -> None:
    any_keeper.launch(7, ECHO, stdin="pipe")
    assert send(any_keeper, b"abc\n") == 4
    eventually(lambda: any_keeper.logged(7) == b"cba\n")


def test_input_survives_the_keeper(any_keeper: TestKeeper) -> None:
    pid = any_keeper.launch(7, ECHO, stdin="pipe")
    any_keeper.kill()
    any_keeper.start()
    send(any_keeper, b"abc\n")
    eventually(lambda: any_keeper.logged(7) == b"cba\n")
    assert is_running(pid)


def test_input_of_an_earlier_run_is_not_given_to_the_next(keeper: TestKeeper) -> None:
    code = "import sys,time; print(sys.stdin.readline(), end='', flush=True); time.sleep(1000)"
    pid = keeper.launch(7, "import time; time.sleep(1000)", stdin="pipe", policy={"delay": 0})
    send(keeper, b"old\n")
    keeper.client.request("update", seq=7, spec=keeper.python(7, code, stdin="pipe"))
    os.kill(pid, signal.SIGKILL)
    keeper.client.event("spawned", restart=True)
    send(keeper, b"new\n")
    eventually(lambda: keeper.logged(7) == b"new\n")


def test_an_app_without_input_says_so(keeper: TestKeeper) -> None:
    keeper.launch(7, "import time; time.sleep(1000)")
    with pytest.raises(Refusal, match="not connected"):
        send(keeper, b"x")


def test_an_app_that_never_reads_takes_no_more_than_a_pipe_holds(keeper: TestKeeper) -> None:
    keeper.launch(7, "import time; time.sleep(1000)", stdin="pipe")
    block = b"x" * (1 << 20)
    first = send(keeper, block)
    assert 0 < first < len(block)
    assert send(keeper, block) == 0


def test_output_and_errors_are_kept_together_or_apart(keeper: TestKeeper) -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True)"
    keeper.launch(7, code)
    keeper.client.event("exited", seq=7)
    assert keeper.logged(7) == b"out\nerr\n"
    keeper.launch(8, code, merge=False)
    keeper.client.event("exited", seq=8)
    assert (keeper.logged(8), keeper.logged(8, ".err")) == (b"out\n", b"err\n")


def test_the_last_words_are_in_the_log_when_the_end_is_told(keeper: TestKeeper) -> None:
    keeper.launch(
        7, "import os; os.write(1, b'x' * 60000 + b'last'); os._exit(1)", policy={"policy": "never"}
    )
    keeper.client.event("exited")
    assert keeper.logged(7) == b"x" * 60_000 + b"last"


def test_a_hundred_thousand_lines_come_through_five_rotations(keeper: TestKeeper) -> None:
    keeper.launch(7, "for n in range(100000): print(n)", log={"max_bytes": 110_000, "backups": 10})
    keeper.client.event("exited", timeout=30)
    data = keeper.logged(7)
    assert data == b"".join(b"%d\n" % n for n in range(100_000))
    segments = list((keeper.folder / "logs" / "7").glob("[0-9]*.log"))
    assert len(segments) == -(-len(data) // 110_000)


def test_an_app_that_floods_does_not_hold_up_another(keeper: TestKeeper) -> None:
    keeper.launch(1, "while True: print('x' * 10000)", log={"max_bytes": 1 << 20, "backups": 1})
    keeper.launch(7, ECHO, stdin="pipe")
    eventually(lambda: keeper.logged(1))
    for number in range(20):
        send(keeper, b"%d\n" % number)
    eventually(lambda: keeper.logged(7).count(b"\n") == 20)


def test_a_watched_log_is_told_of_when_it_grows(keeper: TestKeeper) -> None:
    keeper.launch(7, ECHO, stdin="pipe")
    keeper.client.request("watch", seq=7, on=True)
    send(keeper, b"ab\n")
    assert keeper.client.event("out", end=3)["stream"] == "out"
    keeper.client.request("watch", seq=7, on=False)
    send(keeper, b"ab\n")
    eventually(lambda: keeper.logged(7) == b"ba\nba\n")
    assert [event for event in keeper.client.events(0.1) if event["ev"] == "out"] == []


def test_a_busy_log_is_told_of_at_most_every_20_ms_and_at_its_end(keeper: TestKeeper) -> None:
    keeper.launch(7, LOOP)
    keeper.client.request("watch", seq=7, on=True)
    events = [event for event in keeper.client.events(0.5) if event["ev"] == "out"]
    assert 2 <= len(events) <= 27
    assert events[-1]["end"] > 0


def test_a_terminal_is_one_and_has_a_size(keeper: TestKeeper) -> None:
    code = "import os,sys; print(sys.stdin.isatty(), os.get_terminal_size(), os.ttyname(0) == os.ttyname(2))"
    keeper.launch(7, code, tty=True, cols=91, rows=33)
    keeper.client.event("exited")
    assert keeper.logged(7) == b"True os.terminal_size(columns=91, lines=33) True\r\n"


def test_a_terminal_can_be_resized_and_the_app_hears_of_it(keeper: TestKeeper) -> None:
    code = (
        "import os,signal,time\n"
        "signal.signal(signal.SIGWINCH, lambda *a: print(os.get_terminal_size()[0], flush=True))\n"
        "print('up', flush=True)\nwhile True: time.sleep(0.01)"
    )
    keeper.launch(7, code, tty=True)
    eventually(lambda: b"up" in keeper.logged(7))
    keeper.client.request("resize", seq=7, cols=123, rows=40)
    eventually(lambda: b"123" in keeper.logged(7))


def test_a_terminal_takes_input_and_its_control_keys(keeper: TestKeeper) -> None:
    keeper.launch(7, "input(); import time; time.sleep(1000)", tty=True, policy={"policy": "never"})
    send(keeper, b"hello\n")
    eventually(lambda: b"hello" in keeper.logged(7))
    send(keeper, b"\x03")
    assert keeper.client.event("exited")["code"] in (1, 130, None)


def test_a_plain_app_has_no_size(keeper: TestKeeper) -> None:
    keeper.launch(7, "import time; time.sleep(1000)")
    with pytest.raises(Refusal, match="no terminal"):
        keeper.client.request("resize", seq=7, cols=10, rows=10)


def test_a_terminal_survives_the_keeper_when_the_daemon_holds_it(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, "print(input()[::-1])\nimport time; time.sleep(1000)", tty=True)
    held = keeper.client.fds(7)
    assert list(held) == ["master"]
    keeper.kill()
    client = keeper.start()
    client.request("give", seq=7, fds=(held["master"],))
    os.close(held["master"])
    assert is_running(pid)
    send(keeper, b"abc\n")
    eventually(lambda: b"cba" in keeper.logged(7))


def test_a_terminal_that_nobody_held_ends_its_app(keeper: TestKeeper) -> None:
    pid = keeper.launch(7, "import time; time.sleep(1000)", tty=True, policy={"policy": "never"})
    keeper.kill()
    gone(pid)
    keeper.start()
    eventually(lambda: keeper.record(7)["phase"] == "ended")


def test_what_a_dead_app_had_written_is_there_while_somebody_holds_its_pipe(keeper: TestKeeper) -> None:
    """Keeper and app are gone: the daemon's descriptor alone keeps what was not drained."""
    code = "import os,sys; os.read(0, 1); os.write(1, b'last words'); os._exit(3)"
    pid = keeper.launch(7, code, stdin="pipe", policy={"policy": "never"})
    held = keeper.client.fds(7)
    os.kill(keeper.pid, signal.SIGSTOP)
    os.write(held["in"], b"x")
    eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z")
    keeper.kill()
    keeper.start()
    eventually(lambda: keeper.logged(7) == b"last words")
    for fd in held.values():
        os.close(fd)


@pytest.mark.parametrize("text", [None, 7, "not base64!", "abc"])
def test_what_is_no_base64_is_refused(text: object) -> None:
    with pytest.raises(Refusal):
        decoded(text)


def test_no_fifo_is_left_of_a_stopped_app(keeper: TestKeeper) -> None:
    keeper.launch(7, ECHO, stdin="pipe", merge=False)
    assert len(os.listdir(keeper.places.fifos)) == 3
    keeper.stop(7)
    assert os.listdir(keeper.places.fifos) == []


def test_a_full_disk_stops_the_log_and_not_the_app(keeper: TestKeeper) -> None:
    """The log folder cannot be written: a file stands where it should be."""
    blocked = keeper.folder / "logs"
    blocked.write_text("")
    code = "import sys,time\nfor n in range(100000): print(n)\nsys.stdout.flush(); time.sleep(1000)"
    pid = keeper.launch(7, code)
    assert keeper.client.event("log_paused")["errno"] > 0
    eventually(lambda: keeper.client.request("stats")["lost_bytes"] == 588_890)
    assert is_running(pid)


def test_a_log_is_written_again_when_the_disk_has_room(keeper: TestKeeper) -> None:
    blocked = keeper.folder / "logs"
    blocked.write_text("")
    keeper.launch(7, "import time\nwhile True: print(1, flush=True); time.sleep(0.05)")
    keeper.client.event("log_paused")
    blocked.unlink()
    assert keeper.client.event("log_resumed")["lost"] > 0
    eventually(lambda: keeper.logged(7))

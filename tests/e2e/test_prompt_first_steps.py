"""The first things a person does, with a real daemon and real processes."""

import sys
from pathlib import Path

from tests.support.home import ScratchHome
from tests.support.prompt import environ
from tests.support.terminal import CTRL_C, CTRL_D, CTRL_Z, ENTER, TAB, Terminal
from tests.support.wait import eventually

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
ECHO = "apps:\n  echo:\n    command: [cat]\n    tty: true\n"


def terminal(home: ScratchHome, *argv: str, cwd: Path | None = None) -> Terminal:
    return Terminal(home.command(*argv), environ(home.root), cwd=cwd or home.root)


def test_run_starts_a_daemon_and_a_program_with_no_file_at_all(
    scratch_home: ScratchHome, short_tmp: Path
) -> None:
    (short_tmp / "config.yaml").write_text("nonsense: [")  # in the caller's folder: never read
    done = scratch_home.viscript("run", "-n", "nap", "--", *SLEEP, cwd=short_tmp).ok()
    assert "[1] nap is running" in done.out
    assert "viscript sd 1" in done.out
    assert "started daemon" in done.err
    rows = scratch_home.viscript("ps", "-o", "json").ok().json()
    assert [(row["id"], row["name"], row["state"]) for row in rows] == [(1, "nap", "running")]
    assert scratch_home.viscript("sd", "1").code == 0
    scratch_home.end_daemon()


def test_viscript_on_a_terminal_starts_a_daemon_says_by_which_file_and_opens_the_prompt(
    scratch_home: ScratchHome,
) -> None:
    config = scratch_home.write_config("apps:\n  nap:\n    command: [sleep, '600']\n")
    with terminal(scratch_home) as screen:
        screen.wait_for("started daemon")
        screen.wait_for_input("viscript>")
        assert str(config).encode() in screen.raw.replace(b"\r\n", b"")
        screen.type("s nap" + ENTER)
        screen.wait_for("[1] nap is running")
        screen.wait_for_input("viscript>")
        screen.type("pin" + TAB + " 1" + TAB + ENTER)
        screen.wait_for("1 running")
        screen.wait_for("$? 0")
        screen.type(CTRL_D)
        assert screen.wait_for_exit() == 0
    assert scratch_home.viscript("la", "-o", "json").ok().json()[0]["state"] == "running"
    scratch_home.end_daemon()


def test_a_crash_is_told_above_a_half_typed_line(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps:\n  nap:\n    command: [sleep, '600']\n    restart: {delay: 30s}\n")
    pid = scratch_home.viscript("s", "nap", "-o", "json").ok().json()["pid"]
    with terminal(scratch_home) as screen:
        screen.wait_for("1 running")
        screen.type("res_usa")
        screen.wait_for_input("res_usa")
        scratch_home.viscript("signal", "1", "SEGV").ok()
        screen.wait_for("[1] nap died")
        screen.wait_for_input("viscript> res_usa")
        screen.type("ge 1" + ENTER)
        screen.wait_until(lambda: screen.line_of_cursor() == "viscript>", "the prompt again")
    assert pid
    scratch_home.end_daemon()


def test_ctrl_c_leaves_a_slow_stop_which_goes_on(scratch_home: ScratchHome) -> None:
    (scratch_home.root / "stubborn.py").write_text(STUBBORN)
    scratch_home.start_daemon(
        f"apps:\n  stubborn:\n    command: [{sys.executable}, stubborn.py]\n    stop: {{grace: 4s}}\n"
    )
    scratch_home.viscript("s", "stubborn").ok()
    eventually(lambda: "up" in scratch_home.viscript("log", "1").out)
    with terminal(scratch_home) as screen:
        screen.wait_for("1 running")
        screen.type("sd 1" + ENTER)
        eventually(lambda: scratch_home.viscript("la", "-o", "json").json()[0]["state"] == "stopping")
        screen.type(CTRL_C)
        screen.wait_for("$? 130")
        screen.type(CTRL_C)
        screen.wait_for("[1] stubborn is still stopping")
        screen.wait_for_input("viscript>")
        screen.type(CTRL_D)
        assert screen.wait_for_exit() == 0
    eventually(lambda: scratch_home.viscript("la", "-o", "json").json() == [])
    scratch_home.end_daemon()


def test_an_app_with_a_terminal_is_typed_into_and_left_running(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon(ECHO)
    with terminal(scratch_home, "s", "-a", "echo") as screen:
        screen.wait_for("Ctrl-Z detaches")
        screen.type("hello" + ENTER)
        screen.wait_for("hello", count=2)  # the terminal's echo, and cat's
        screen.type(CTRL_Z)
        screen.wait_for("detached")
        assert screen.wait_for_exit() == 0
    assert scratch_home.viscript("la", "-o", "json").ok().json()[0]["state"] == "running"
    with terminal(scratch_home, "attach", "1") as screen:
        screen.wait_for("hello")
        screen.type(CTRL_C)  # the app's, not ours
        screen.wait_for("[1] app.exited: killed by signal 2")
        screen.type(CTRL_Z)
        assert screen.wait_for_exit() == 0
    scratch_home.end_daemon()


def test_a_killed_daemon_is_told_and_its_successor_too(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon()
    with terminal(scratch_home) as screen:
        screen.wait_for("daemon ")
        screen.wait_for("0 running")
        scratch_home.kill_daemon()
        screen.wait_for("the daemon is gone")
        screen.wait_for("the daemon is back")
    scratch_home.end_daemon()


def test_piped_commands_end_with_the_code_of_the_first_that_failed(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon()
    done = scratch_home.viscript(stdin="version\nping 99\napps\n")
    assert done.code == 5
    assert "\x1b" not in done.out + done.err
    assert scratch_home.viscript("-c", "apps; ping 99; version").code == 5
    assert scratch_home.viscript("ping", "99").code == 5
    scratch_home.end_daemon()


def test_a_second_daemon_refuses_and_names_the_first(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon()
    for argv in (("daemon", "--detach"), ("daemon",)):
        second = scratch_home.viscript(*argv)
        assert second.code == 1
        assert f"pid {pid}" in second.err
    scratch_home.end_daemon()


def test_a_bad_configuration_starts_nothing_and_is_quoted(scratch_home: ScratchHome) -> None:
    config = scratch_home.write_config("apps:\n  web:\n    comand: [x]\n")
    done = scratch_home.viscript("daemon", "--config", str(config), "--detach")
    assert done.code == 6
    assert "comand" in done.err
    assert scratch_home.viscript("la").code == 4

"""The prompt as a person meets it: on a pseudo-terminal, with a fake door behind it."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.prompt import command, environ, lab, prompt
from tests.support.terminal import CTRL_C, CTRL_D, CTRL_R, ENTER, ESCAPE, F4, TAB, Terminal


@pytest.fixture
def door(short_tmp: Path) -> Iterator[FakeDoor]:
    with lab(short_tmp) as door:
        yield door


@pytest.fixture
def terminal(short_tmp: Path, door: FakeDoor) -> Iterator[Terminal]:
    with prompt(short_tmp) as terminal:
        yield terminal


def typed(door: FakeDoor) -> list[object]:
    """The commands a person gave, without what the prompt asks by itself."""
    return [
        asked
        for asked in door.asked()
        if asked not in (["daemon", "status", "-o", "json"], ["config", "show", "-o", "json"])
    ]


def test_a_line_is_run_by_the_daemon_and_answered(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("ru 7" + ENTER)
    terminal.wait_for("ru done")
    terminal.wait_for_input("viscript>")
    assert typed(door) == [["ru", "7"]]
    (asked,) = [request for request in door.requests if request.get("argv") == ["ru", "7"]]
    assert asked["mode"] == "repl"


def test_several_commands_on_a_line_stop_at_the_first_error(terminal: Terminal, door: FakeDoor) -> None:
    door.answers["ru"] = [{"e": "no such id\n"}, {"x": 5}]
    terminal.type("la; ru 9; sd 7" + ENTER)
    terminal.wait_for("no such id")
    terminal.wait_for("$? 5")
    assert typed(door) == [["la"], ["ru", "9"]]


def test_a_verb_is_completed(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("pi" + TAB)
    terminal.wait_for_input("viscript> ping")
    terminal.type(" ")
    terminal.wait_for("web running")


def test_a_live_operand_is_completed_with_its_state_beside_it(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("ping ")
    terminal.wait_for("web running")
    terminal.type(TAB)
    terminal.wait_for_input("ping 7")
    terminal.type(ENTER)
    terminal.wait_for("ping done")
    assert typed(door) == [["ping", "7"]]


def test_what_a_verb_expects_is_hinted_and_never_typed(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("ping ")
    terminal.wait_for("TARGET [-c N]")
    terminal.type("\x1b[C" + "\x05" + ENTER)  # right arrow and end of line take a suggestion, not a hint
    terminal.wait_for("ping done")
    assert typed(door) == [["ping"]]


def test_a_notice_stands_above_a_half_typed_line(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("res_usa")
    terminal.wait_for_input("res_usa")
    door.event("app.backoff", "app/7", reason="signal 11", name="web", delay=1.0)
    terminal.wait_for("[7] web died: signal 11, restarting in 1 s")
    terminal.wait_for_input("viscript> res_usa")
    terminal.type("ge 7" + ENTER)
    terminal.wait_for("res_usage done")
    assert typed(door) == [["res_usage", "7"]]


def test_a_start_of_ones_own_that_failed_is_told_once(terminal: Terminal, door: FakeDoor) -> None:
    def failing(caller: Caller) -> Iterable[Line]:
        door.event("app.fatal", "app/3", reason="exit 1", name="web")
        door.event("app.fatal", "app/4", reason="exit 2", name="db")
        yield {"e": "[3] web did not start: exit 1\n"}
        yield {"x": 1}

    door.answers["s"] = failing
    terminal.type("s web" + ENTER)
    terminal.wait_for("[3] web did not start: exit 1")
    terminal.wait_for("[4] db failed: exit 2; see: why 4")
    terminal.wait_for("$? 1")
    assert not terminal.shows("[3] web failed")


def test_the_bottom_line_tells_the_state_of_the_daemon(terminal: Terminal, door: FakeDoor) -> None:
    terminal.wait_for("daemon lab | 2 running, 1 failed")
    door.tell({"s": {"host": "lab", "running": 9, "failed": 0, "apps": 3, "peers": 4}})
    terminal.wait_for("9 running, 0 failed | 4 peers")


def test_ctrl_c_clears_the_line_and_stays(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("half a li")
    terminal.wait_for_input("half a li")
    terminal.type(CTRL_C)
    terminal.wait_for_input("viscript>")
    terminal.type("la" + ENTER)
    terminal.wait_for("la done")
    assert typed(door) == [["la"]]


def test_ctrl_c_ends_the_command_only(terminal: Terminal, door: FakeDoor) -> None:
    heard: list[Line | None] = []

    def follow(caller: Caller) -> Iterable[Line]:
        yield {"o": "following\n"}
        heard.append(caller.read_line())
        yield {"x": 130}

    door.answers["log"] = follow
    terminal.type("log 7 -f" + ENTER)
    terminal.wait_for("following")
    terminal.type(CTRL_C)
    terminal.wait_for("$? 130")
    assert heard == [{"i": 1}]
    terminal.type("la" + ENTER)
    terminal.wait_for("la done")


def test_a_second_ctrl_c_leaves_a_verb_that_does_not_end(terminal: Terminal, door: FakeDoor) -> None:
    heard, release = threading.Event(), threading.Event()

    def stuck(caller: Caller) -> Iterable[Line]:
        yield {"o": "stopping\n"}
        caller.read_line()
        heard.set()
        release.wait(20)

    door.answers["sd"] = stuck
    terminal.type("sd 7" + ENTER)
    terminal.wait_for("stopping")
    terminal.type(CTRL_C)
    assert heard.wait(5)
    terminal.type(CTRL_C)
    terminal.wait_for("$? 130")
    release.set()


def test_ctrl_c_after_an_interrupted_stop_tells_what_waits(terminal: Terminal, door: FakeDoor) -> None:
    def stop(caller: Caller) -> Iterable[Line]:
        yield {"e": "waiting\n"}
        caller.read_line()
        yield {"x": 130}

    door.answers["sd"] = stop
    door.answers["la"] = [{"o": '[{"id": 7, "name": "web", "state": "stopping"}]'}, {"x": 0}]
    terminal.type("sd 7" + ENTER)
    terminal.wait_for("waiting")
    terminal.type(CTRL_C)
    terminal.wait_for("$? 130")
    terminal.type(CTRL_C)
    terminal.wait_for("[7] web is still stopping")


def test_ctrl_d_leaves_the_prompt_and_not_the_daemon(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type(CTRL_D)
    assert terminal.wait_for_exit() == 0
    assert typed(door) == []


def test_quit_leaves_and_may_stop_everything(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("quit --stop-all" + ENTER)
    assert terminal.wait_for_exit() == 0
    assert typed(door) == [["daemon", "stop", "--stop-all"]]


def test_f4_switches_to_vi_and_back(terminal: Terminal, door: FakeDoor) -> None:
    terminal.wait_for("F4 emacs")
    terminal.type(F4)
    terminal.wait_for("F4 vi")
    terminal.type("lax" + ESCAPE)
    terminal.type("x" + ENTER)
    terminal.wait_for("la done")
    terminal.type(F4)
    terminal.wait_for("F4 emacs")


def test_pasted_lines_wait_for_enter(terminal: Terminal, door: FakeDoor) -> None:
    terminal.paste("la\nru 7\n")
    terminal.type("v")
    terminal.wait_until(lambda: terminal.line_of_cursor().endswith("v"), "the pasted text")
    assert typed(door) == []
    terminal.type("\x08" + ENTER)
    terminal.wait_for("ru done")
    assert typed(door) == [["la"], ["ru", "7"]]


MORE_THAN_A_TERMINAL_HOLDS = [f"ru {number:020}" for number in range(1000)]


@pytest.mark.parametrize(
    "lines, before, between, after",
    [
        (MORE_THAN_A_TERMINAL_HOLDS, "\x1b[200~", "\n", "\x1b[201~" + ENTER),
        (MORE_THAN_A_TERMINAL_HOLDS[:200], "", ENTER, ENTER),  # a terminal that does not mark what is pasted
    ],
    ids=["marked", "as keys"],
)
def test_a_long_paste_is_run_to_its_last_line_and_costs_little(
    terminal: Terminal, door: FakeDoor, lines: list[str], before: str, between: str, after: str
) -> None:
    process = psutil.Process(terminal.pid)
    at_first = process.memory_info().rss
    terminal.pour(before + between.join(lines) + after)
    terminal.wait_until(lambda: len(typed(door)) >= len(lines), "all lines")
    assert typed(door) == [line.split() for line in lines]
    terminal.type("version" + ENTER)
    terminal.wait_for("(Python")
    terminal.wait_for_input("viscript>")
    assert process.memory_info().rss - at_first < 8 * 1024 * 1024


def test_lines_are_remembered_without_secrets_and_found_again(short_tmp: Path, door: FakeDoor) -> None:
    with prompt(short_tmp) as terminal:
        for line in ("ru 7", "s app --password hunter2", "s app token=abcdef", "la"):
            terminal.type(line + ENTER)
            terminal.wait_for(f"{line.split()[0]} done", count=1)
            terminal.wait_for_input("viscript>")
        terminal.type(CTRL_D)
        terminal.wait_for_exit()
    history = short_tmp / "history"
    assert history.read_text() == "ru 7\nla\n"
    assert history.stat().st_mode & 0o777 == 0o600
    with prompt(short_tmp) as terminal:
        terminal.type(CTRL_R + "ru")
        terminal.wait_until(lambda: "ru 7" in terminal.line_of_cursor(), "ru 7")
        terminal.type(ENTER)
        terminal.wait_for("ru done")


def test_a_line_typed_before_is_suggested(short_tmp: Path, door: FakeDoor) -> None:
    (short_tmp / "history").write_text("restart web --rolling\n")
    with prompt(short_tmp) as terminal:
        terminal.type("rest")
        terminal.wait_for_input("restart web --rolling")
        terminal.type("\x05" + ENTER)
        terminal.wait_for("restart done")
    assert typed(door) == [["restart", "web", "--rolling"]]


def test_a_default_target_is_filled_in(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("use 7" + ENTER)
    terminal.wait_for_input("viscript(7)>")
    terminal.type("ping; ping 8" + ENTER)
    terminal.wait_for("ping done", count=2)
    assert typed(door) == [["ping", "7"], ["ping", "8"]]
    terminal.type("new_term" + ENTER)
    terminal.wait_for_input("viscript 2>")
    terminal.type("focus 1" + ENTER)
    terminal.wait_for_input("viscript 1(7)>")


def test_an_alias_is_a_command_from_then_on(terminal: Terminal, door: FakeDoor, short_tmp: Path) -> None:
    terminal.type("alias up=la --failed" + ENTER + "up -a" + ENTER)
    terminal.wait_for("la done")
    assert typed(door) == [["la", "--failed", "-a"]]


def test_a_daemon_that_goes_and_comes_back_is_told(short_tmp: Path) -> None:
    with lab(short_tmp) as first, prompt(short_tmp) as terminal:
        assert first.subscribed.wait(5)
        first.__exit__(None, None, None)
        terminal.wait_for("the daemon is gone")
        terminal.wait_for("no daemon |")
        terminal.type("la" + ENTER)
        terminal.wait_for("no daemon answers")
        with lab(short_tmp):
            terminal.wait_for("the daemon is back")
            terminal.type("ru" + ENTER)
            terminal.wait_for("ru done")


def test_a_bad_quote_is_said_with_its_place(terminal: Terminal, door: FakeDoor) -> None:
    terminal.type("send 7 'oops" + ENTER)
    terminal.wait_for("line 1, column 8")
    terminal.wait_for("$? 2")


def test_a_headless_configuration_opens_no_prompt(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["config"] = [{"o": '{"settings": {"runHeadless": true}}'}, {"x": 0}]
    with Terminal(command(), environ(short_tmp)) as terminal:
        assert terminal.wait_for_exit() == 0
        assert b"/etc/lab.yaml" in terminal.raw
        assert b"runHeadless: true" in terminal.raw.replace(b"\r\n", b"")

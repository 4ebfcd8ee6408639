"""The one-shot client, run as people run it, against a door that says what the test wants."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_door import Caller, FakeDoor, Line
from tests.support.pace import quickest
from viscript import oneshot
from viscript.local import BUILT_IN
from viscript.verbs.core import builtin

ROOT = Path(__file__).parents[2]
SENTENCE = "no daemon answers"
# What would make a one-shot command slow; each costs more than the whole client.
HEAVY = {
    "zmq", "msgspec", "argparse", "rich", "pluggy", "asyncio", "prompt_toolkit", "importlib.metadata",
    "subprocess", "typing", "dataclasses", "pathlib", "logging", "psutil", "inspect", "threading", "yaml",
}  # fmt: skip


def environ(home: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "VISCRIPT_HOME": str(home), **more}


def viscript(
    home: Path, *argv: str, stdin: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "viscript", *argv],
        env=environ(home, **env),
        input=stdin if stdin is not None else "",
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )


@pytest.fixture
def door(short_tmp: Path) -> Iterator[FakeDoor]:
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        yield door


def test_what_the_daemon_says_is_printed_and_its_code_is_ours(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["ping"] = [{"o": "7: 0.2 ms\n"}, {"e": "slow\n"}, {"o": "wörld\n"}, {"x": 3}]
    done = viscript(short_tmp, "ping", "7", "-c", "2", VISCRIPT_CONFIG="/c", VISCRIPT_TOKEN="t")
    assert (done.returncode, done.stdout, done.stderr) == (3, "7: 0.2 ms\nwörld\n", "slow\n")
    request = door.requests[0]
    assert request["v"] == 1
    assert request["argv"] == ["ping", "7", "-c", "2"]
    assert request["mode"] == "oneshot"
    assert request["cwd"] == os.getcwd()
    assert request["tty"] == {
        "out": False, "err": False, "in": False, "columns": 80, "colour": False, "ascii": False
    }  # fmt: skip
    assert request["environ"] == {
        "PATH": os.environ["PATH"],
        "VISCRIPT_HOME": str(short_tmp),
        "VISCRIPT_CONFIG": "/c",
    }


def test_without_a_daemon_it_says_so_at_once_and_how_to_start_one(short_tmp: Path) -> None:
    bound = 0.3 + interpreter_seconds()
    done, took = quickest(lambda: viscript(short_tmp, "la"), bound)
    assert took < bound
    assert done.returncode == 4
    assert done.stdout == ""
    assert SENTENCE in done.stderr
    assert "viscript daemon --detach" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "argv", [["help"], ["--help"], ["help", "ping"], ["ping", "--help"], ["h", "targets"]]
)
def test_help_needs_no_daemon_but_asks_one_that_runs(short_tmp: Path, argv: list[str]) -> None:
    alone = viscript(short_tmp, *argv)
    assert alone.returncode == 0
    assert len(alone.stdout) > 100
    assert viscript(short_tmp, "s", "app", "-h").returncode == 4
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        assert viscript(short_tmp, *argv).stdout.endswith(" done\n")
        assert door.asked() == [["help"] if argv == ["--help"] else argv]


def test_a_dead_socket_file_is_no_daemon(short_tmp: Path) -> None:
    (short_tmp / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{short_tmp}/run/verbs.sock")
    done = viscript(short_tmp, "la", "-o", "json")
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert error["code"] == 4
    assert error["text"] in done.stderr
    assert error["suggestions"] == []


@pytest.mark.parametrize("accepting", [True, False])
def test_a_listener_that_never_answers_costs_two_seconds(short_tmp: Path, accepting: bool) -> None:
    (short_tmp / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as filler:
        silent.bind(f"{short_tmp}/run/verbs.sock")
        silent.listen(0)
        if not accepting:
            filler.connect(f"{short_tmp}/run/verbs.sock")
        bound = 2.2 + 2 * interpreter_seconds()
        done, took = quickest(lambda: viscript(short_tmp, "la"), bound, tries=4)
    assert done.returncode == 8
    assert took < bound
    assert "not answered in 2 s" in done.stderr


def test_a_verb_may_take_longer_than_the_first_answer(short_tmp: Path, door: FakeDoor) -> None:
    def slowly(caller: Caller) -> Iterable[Line]:
        caller.connection.settimeout(2.3)
        try:
            caller.read_line()
        except TimeoutError:
            pass
        yield {"o": "at last\n"}
        yield {"x": 0}

    door.answers["start"] = slowly
    assert viscript(short_tmp, "start", "x").stdout == "at last\n"


def test_a_daemon_that_dies_meanwhile_is_reported(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["la"] = [{"o": "half"}]
    done = viscript(short_tmp, "la")
    assert done.returncode == 4
    assert "went away" in done.stderr


def test_ctrl_c_interrupts_the_verb_and_is_130(short_tmp: Path, door: FakeDoor) -> None:
    heard: list[Line | None] = []

    def follow(caller: Caller) -> Iterable[Line]:
        yield {"o": "line 1\n"}
        heard.append(caller.read_line())
        yield {"e": "the stop goes on\n"}
        yield {"x": 130}

    door.answers["log"] = follow
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "viscript", "log", "7", "-f"],
        env=environ(short_tmp), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "line 1\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert heard == [{"i": 1}]
    assert (out, err) == ("", "the stop goes on\n")


def test_a_reader_that_leaves_ends_it_quietly(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["log"] = lambda caller: ({"o": "x" * 60_000 + "\n"} for _ in range(100))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "viscript", "log", "7"],
        env=environ(short_tmp), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(10) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_several_commands_go_to_the_daemon_as_one_script(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["ping"] = [{"x": 5}]
    done = viscript(short_tmp, "--keep-going", "-c", "ping 7; ru 7")
    assert done.returncode == 5
    assert door.requests[0]["script"] == "ping 7; ru 7"
    assert door.requests[0]["keep_going"] is True
    assert door.requests[0]["mode"] == "script"


def test_a_script_with_a_client_verb_is_run_word_by_word(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["ru"] = [{"x": 3}]
    done = viscript(short_tmp, "-c", "la; version; ru 'a b'; sd 7")
    assert done.returncode == 3
    assert door.asked() == [["la"], ["ru", "a b"]]
    assert done.stdout.startswith("la done\nviscript ")


def test_piped_commands_stop_at_the_first_error(short_tmp: Path, door: FakeDoor) -> None:
    door.answers["ru"] = [{"e": "no such id\n"}, {"x": 5}]
    done = viscript(short_tmp, stdin="apps\n# a comment\n\nru 9\nla\n")
    assert done.returncode == 5
    assert [text for text in door.asked() if isinstance(text, str)] == ["apps\n", "ru 9\n"]
    assert done.stdout == "apps done\n"
    assert "\x1b" not in done.stdout + done.stderr
    assert door.requests[0]["mode"] == "piped"
    done = viscript(short_tmp, "--keep-going", stdin="ru 9\nla")
    assert done.returncode == 5
    assert done.stdout == "la done\n"


def test_piped_lines_run_as_they_arrive(short_tmp: Path, door: FakeDoor) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "viscript"],
        env=environ(short_tmp), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("la\n")
    process.stdin.flush()
    assert process.stdout.readline() == "la done\n"
    process.stdin.write("send 7 'two\nlines'\nping 7 \\\n -c 2\n")
    assert process.communicate(timeout=10)[0] == "send done\nping done\n"
    assert door.asked() == ["la\n", "send 7 'two\nlines'\n", "ping 7 \\\n -c 2\n"]


def test_empty_and_closed_input_do_nothing(short_tmp: Path) -> None:
    assert viscript(short_tmp, stdin="").returncode == 0
    closed = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -P -m viscript <&-', sys.executable],
        env=environ(short_tmp), capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, b"", b"")


def test_with_a_verb_standard_input_is_not_read(short_tmp: Path, door: FakeDoor) -> None:
    assert viscript(short_tmp, "la", stdin="sd all\n").returncode == 0
    assert door.asked() == [["la"]]


@pytest.mark.parametrize(
    "argv, env, colour",
    [
        (["la"], {}, False),
        (["--color", "always", "la"], {}, True),
        (["--color=always", "la"], {"NO_COLOR": "1"}, True),
        (["la", "--color", "always"], {}, True),
        (["la", "--color=never"], {}, False),
    ],
)
def test_colour_is_as_asked(
    short_tmp: Path, door: FakeDoor, argv: list[str], env: dict[str, str], colour: bool
) -> None:
    assert viscript(short_tmp, *argv, **env).returncode == 0
    assert door.requests[0]["tty"]["colour"] is colour
    assert door.asked() == [["la"]]


def test_an_apps_own_colour_option_stays_its_own(short_tmp: Path, door: FakeDoor) -> None:
    viscript(short_tmp, "s", "app", "--color", "always")
    viscript(short_tmp, "la", "--", "--color", "always")
    viscript(short_tmp, "ssh", "mike", "ls", "--color=always")
    assert door.asked() == [
        ["s", "app", "--color", "always"],
        ["la", "--", "--color", "always"],
        ["ssh", "mike", "ls", "--color=always"],
    ]


@pytest.mark.parametrize(
    "argv, word",
    [
        (["-c"], "-c"),
        (["--color"], "--color"),
        (["--color", "pink", "la"], "pink"),
        (["-c", "la", "la"], "-c"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(short_tmp: Path, argv: list[str], word: str) -> None:
    done = viscript(short_tmp, *argv)
    assert done.returncode == 2
    assert word in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "env, narrow",
    [
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "", "LC_ALL": "C"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, True),
        ({"LANG": "C", "LC_ALL": "en_US.UTF-8"}, False),
    ],
)
def test_the_locale_decides_on_ascii(
    short_tmp: Path, door: FakeDoor, env: dict[str, str], narrow: bool
) -> None:
    viscript(short_tmp, "la", **env)
    assert door.requests[0]["tty"]["ascii"] is narrow


def test_columns_may_be_given(short_tmp: Path, door: FakeDoor) -> None:
    viscript(short_tmp, "la", COLUMNS="133")
    viscript(short_tmp, "la", COLUMNS="wide")
    assert [request["tty"]["columns"] for request in door.requests] == [133, 80]


def test_words_that_are_no_text_are_refused_in_one_line(short_tmp: Path, door: FakeDoor) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "viscript", "s", b"caf\xff"], env=environ(short_tmp),
        capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    assert (done.returncode, door.asked()) == (2, [])
    assert 'the word "caf\ufffd" is not UTF-8' in done.stderr.decode()


def test_a_folder_or_a_path_that_is_no_text_is_no_obstacle(short_tmp: Path, door: FakeDoor) -> None:
    folder = os.fsencode(short_tmp) + b"/\xff"
    os.mkdir(folder)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "viscript", "la"], env={**environ(short_tmp), "PATH": "/bin:/\udcff"},
        cwd=folder, capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    request = door.requests[0]
    assert (request["cwd"], request["environ"]["PATH"]) == (f"{short_tmp}/\ufffd", "/bin:/\ufffd")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("verb", ["la", "version"])
def test_a_standard_descriptor_that_is_closed_or_full_is_no_traceback(
    short_tmp: Path, door: FakeDoor, closed: str, verb: str
) -> None:
    door.answers["la"] = [{"o": "x\n"}, {"x": 0}]
    command = f'exec "$0" -P -m viscript {verb} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], env=environ(short_tmp),
        capture_output=True, timeout=10, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == (1 if closed == ">/dev/full" else 0)
    assert "Traceback" not in done.stderr
    if closed == ">/dev/full":
        assert "No space left on device" in done.stderr
    if verb == "la":
        assert door.asked() == [["la"]]


def test_a_folder_that_is_gone_is_no_obstacle(short_tmp: Path, door: FakeDoor) -> None:
    (short_tmp / "gone").mkdir()
    command = 'cd "$1" && rmdir "$1" && exec "$0" -P -m viscript la'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, str(short_tmp / "gone")], env=environ(short_tmp),
        capture_output=True, timeout=10, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert door.requests[0]["cwd"] == "/"


def test_completion_prints_candidates_and_is_quiet_without_a_daemon(short_tmp: Path) -> None:
    quiet = viscript(short_tmp, "--complete", "ping ")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    with FakeDoor(f"{short_tmp}/run/verbs.sock") as door:
        door.completions = lambda text: {
            "items": [{"text": "7", "display": "7", "meta": "web running", "start": 5}], "hint": "TARGET"
        }  # fmt: skip
        assert viscript(short_tmp, "--complete", "ping ", "5").stdout == "7\tweb running\n"
        assert door.requests[0]["complete"] == {"text": "ping ", "cursor": 5}


@pytest.mark.parametrize("argv", [["la"], ["-c", "la; ru"], ["--complete", "p"]])
def test_a_one_shot_command_loads_nothing_heavy(short_tmp: Path, door: FakeDoor, argv: list[str]) -> None:
    code = (
        "import os, sys; leave = os._exit\n"
        "def tell(code): os.write(2, ' '.join(sys.modules).encode()); leave(code)\n"
        "os._exit = tell; from viscript.oneshot import main; sys.argv[1:] = " + repr(argv) + "; main()"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environ(short_tmp), capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "viscript.oneshot" in loaded
    assert not loaded & HEAVY


def test_the_client_verbs_are_those_of_the_table() -> None:
    expected = {
        spelling for verb in builtin() if verb.where == "client" for spelling in (verb.name, *verb.aliases)
    }
    assert set(oneshot.LOCAL) == expected


def test_verbs_marked_built_in_have_a_handler_and_the_others_a_module() -> None:
    for spelling, module in oneshot.LOCAL.items():
        verb = builtin().get(spelling)
        assert verb is not None
        if module == BUILT_IN:
            assert verb.handler is not None
        else:
            assert (ROOT / "viscript" / "local" / f"{module}.py").exists()


def test_daemon_verbs_that_begin_like_client_verbs_are_known() -> None:
    first = {spelling for spelling in oneshot.LOCAL if " " not in spelling}
    pairs = {
        spelling
        for verb in builtin()
        if verb.where == "daemon"
        for spelling in (verb.name, *verb.aliases)
        if " " in spelling and spelling.split()[0] in first
    }
    assert pairs == oneshot.REMOTE


def interpreter_seconds() -> float:
    """What starting Python alone costs on this machine, so that a busy one does not fail us."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import json, socket"], check=True)
    return max(3 * (time.monotonic() - began), 0.1)

"""Promise: one prompt for many hosts, and no host that is frozen or cut off is taken for one that answers."""

import json
import socket
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.linked_homes import LinkedHome, linked
from tests.support.programs import SLEEP
from tests.support.terminal import CTRL_C, ENTER
from tests.support.wait import eventually
from viscript.home import find_home

pytestmark = pytest.mark.timeout(180)
SLOW_S = 1.0  # that a busy machine may take beyond what is promised
LABELS = ("m1", "m2", "m3", "m4", "m5")
APPS = {
    "apps": {
        "nap": SLEEP,
        "cat": {"command": ["cat"]},
        "talk": {"command": ["sh", "-c", "echo hi; exec cat"]},
    }
}
Homes: TypeAlias = list[LinkedHome]


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with (
        tempfile.TemporaryDirectory(prefix="v", dir="/tmp") as folder,
        linked(Path(folder), APPS, *LABELS) as made,
    ):
        yield made


def statuses(home: LinkedHome, *argv: str) -> dict[str, tuple[str, int]]:
    return {row["host"]: (row["status"], row["code"]) for row in home.told("on", *argv)}


def test_one_command_starts_looks_and_stops_on_all(homes: Homes) -> None:
    first = homes[0]
    assert statuses(first, "@all", "s", "nap") == dict.fromkeys(LABELS, ("ok", 0))
    rows = first.told("la", "--host", "@all")
    assert [(row["host"], row["id"], row["name"]) for row in rows] == [(label, 1, "nap") for label in LABELS]
    shown = first.viscript("la", "--host", "@all").ok().out
    assert all(f"{label}/1" in shown for label in LABELS)
    assert first.viscript("ping", "m3/1").ok().out.startswith("[m3/1] nap is alive")
    stopped = first.told("sd", "m2/1", "m3/nap", "1")
    assert sorted(row["host"] for row in stopped) == ["m1", "m2", "m3"]
    left = first.told("la", "--host", "@all")
    assert [row["host"] for row in left] == ["m4", "m5"]
    first.viscript("on", "@all", "sd", "all").ok()


def test_what_is_done_from_elsewhere_is_on_record_there_with_the_key(homes: Homes) -> None:
    first, second = homes[:2]
    first.viscript("s", "--host", "m2", "nap", "-n", "recorded").ok()
    key = first.told("whoami")["public_key"]
    (row,) = second.told("audit", "-n", "1")
    assert (row["verb"], row["actor"], row["local"], row["state"]) == ("start", key, False, "done")
    assert {row["host"] for row in first.told("audit", "--host", "m1,m2")} == {"m1", "m2"}
    second.viscript("audit", "verify").ok()
    second.viscript("sd", "recorded").ok()


def test_lines_of_several_hosts_are_followed_until_one_has_enough(homes: Homes) -> None:
    first = homes[0]
    first.viscript("on", "m1,m2", "s", "talk").ok()
    with first.terminal("log", "m1/talk", "m2/talk", "-f") as terminal:
        terminal.wait_for("talk | hi")
        first.viscript("send", "m2/talk", "from", "afar").ok()
        terminal.wait_for("talk | from afar")
        lines = [line for line in terminal.lines() if "from afar" in line]
        assert lines[0].startswith("[m2/")
        terminal.type(CTRL_C)
        assert terminal.wait_for_exit() == 130
    first.viscript("on", "m1,m2", "sd", "talk").ok()


def test_an_app_elsewhere_is_on_this_terminal(homes: Homes) -> None:
    first = homes[0]
    seq = first.told("s", "--host", "m2", "cat")["id"]
    with first.terminal("attach", f"m2/{seq}") as terminal:
        terminal.wait_for(f"[m2/{seq}] cat: Ctrl-Z detaches")
        terminal.type(f"hello{ENTER}")
        eventually(lambda: "hello" in first.viscript("log", f"m2/{seq}").out)
        terminal.type("\x1a")
        assert terminal.wait_for_exit() == 0
    first.viscript("sd", f"m2/{seq}").ok()


def test_the_prompt_uses_a_host_completes_what_runs_there_and_hears_of_deaths(homes: Homes) -> None:
    first, second = homes[:2]
    seq = first.told("s", "--host", "m2", "nap", "-n", "sleeper")["id"]
    with first.terminal() as terminal:
        terminal.wait_for_input("viscript>")
        terminal.wait_for("hosts 5 up, 0 down")
        terminal.type(f"use m2/{ENTER}")
        terminal.wait_for_input("viscript(m2/)>")
        terminal.type(f"la{ENTER}")
        terminal.wait_for(f"m2/{seq}")
        terminal.type("ping sle\t")
        terminal.wait_for("ping sleeper")
        terminal.type(ENTER)
        terminal.wait_for(f"[m2/{seq}] sleeper is alive")
        terminal.type(f"use{ENTER}")
        terminal.wait_for_input("viscript>")
        (pid,) = [row["pid"] for row in second.told("la")]
        second.viscript("signal", "sleeper", "KILL").ok()
        terminal.wait_for(f"[m2/{seq}] sleeper died: killed by signal 9")
        eventually(lambda: [row["pid"] for row in second.told("la")] not in ([pid], [None]))
        terminal.type(f"quit{ENTER}")
        assert terminal.wait_for_exit() == 0
    second.viscript("sd", "all").ok()


def test_a_host_does_not_speak_for_another(homes: Homes) -> None:
    (row,) = homes[0].told("on", "m2", "ping", "m3/1")
    assert (row["status"], row["code"]) == ("failed", 7)
    assert "does not pass on" in row["text"]


def door_seconds(home: LinkedHome, *argv: str) -> tuple[float, str]:
    """How long the daemon takes for a command, and what it says; no process has to start for that."""
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(find_home(home.environ).verbs_socket)
        begun = time.monotonic()
        door.sendall(json.dumps({"v": 1, "argv": argv}).encode() + b"\n")
        said = b"".join(iter(lambda: door.recv(65536), b""))
    lines = [json.loads(line) for line in said.splitlines()]
    return time.monotonic() - begun, "".join(line.get("o", "") for line in lines)


def test_a_frozen_host_and_one_that_is_cut_off_are_never_taken_for_fresh(homes: Homes) -> None:
    first = homes[0]
    first.told("on", "@all", "la")
    homes[3].freeze()
    homes[4].cut()
    try:
        _is_told_the_truth(first)
    finally:
        homes[3].thaw()
        homes[4].mend()
    for label in ("m4", "m5"):
        eventually(partial(_answers, first, label))


def _answers(first: LinkedHome, label: str) -> bool:
    return statuses(first, label, "la")[label] == ("ok", 0)


def _is_told_the_truth(first: LinkedHome) -> None:
    seconds, said = door_seconds(first, "on", "--timeout", "2s", "@all", "la", "-o", "json")
    assert seconds < 2.0 + 0.5 + SLOW_S
    rows = {row["host"]: row for row in json.loads(said)}
    assert [rows[label]["status"] for label in LABELS[:3]] == ["ok", "ok", "ok"]
    for label in LABELS[3:]:
        assert rows[label]["status"] == "stale"
        assert rows[label]["age_seconds"] > 0
        assert rows[label]["code"] in (4, 8)
    answer = first.viscript("on", "--timeout", "1s", "@all", "la")
    assert answer.code == 1
    assert "m4  unreachable: did not answer within 1 s" in answer.out
    changed = statuses(first, "--timeout", "1s", "m4,m5", "s", "nap")
    assert {status for status, _ in changed.values()} == {"unreachable"}


@pytest.mark.slow
def test_a_host_that_is_down_is_told_at_once(homes: Homes) -> None:
    first = homes[0]
    homes[3].cut()
    try:
        eventually(lambda: first.sees()["m4"] == "down", deadline_s=60)
        seconds, _ = door_seconds(first, "ping", "m4/1")
        assert seconds < SLOW_S
        down = first.viscript("ping", "m4/1")
        assert (down.code, down.err.startswith("m4 is away")) == (4, True)
    finally:
        homes[3].mend()

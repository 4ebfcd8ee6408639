"""The project's first page, word for word: its block of configuration, its commands, its settings."""

import re
from pathlib import Path

import yaml

from tests.support.home import ScratchHome
from tests.support.programs import free_port, row
from tests.support.wait import eventually

ROOT = Path(__file__).resolve().parents[2]

BLOCK = """\
  meshnet-socks-server:
    daemon: true
    desc: DESCRIPTION GOES HERE
    path: bin/meshnet/meshnet-run-socks-server
    default_args: []
    help: |
        [1] Text name of app, must be unique
        [2] Node address which app will be talked with. ex 101.202.34.56:9000
        [3] Port which socks server will use for connecting with target host. ex 8000

        Full Example Command:
            start meshnet-socks-server sockssrv0 101.202.34.56:9000 8001
"""
SETTINGS = "settings:\n  verboseInput: false\n  verifyParsingByPrinting: true\n  runHeadless: false\n"
NAME = "meshnet-socks-server"


def test_the_block_and_the_settings_are_valid_as_they_are(scratch_home: ScratchHome) -> None:
    file = scratch_home.write_config("apps:\n" + BLOCK + SETTINGS)
    assert scratch_home.viscript("config", "check", str(file), "-o", "json").ok().json() == []
    scratch_home.start_daemon(file)
    listed = {one["name"]: one for one in scratch_home.viscript("apps", "-o", "json").ok().json()}
    assert listed[NAME]["daemon"] is True
    assert listed[NAME]["desc"] == "DESCRIPTION GOES HERE"
    assert listed[NAME]["running"] == 0


def test_the_repositorys_file_holds_the_block_and_the_settings() -> None:
    text = (ROOT / "config.yaml").read_text()
    assert BLOCK in text
    assert SETTINGS in text


def test_the_block_appears_after_apply_in_a_daemon_that_never_restarted(scratch_home: ScratchHome) -> None:
    pid = scratch_home.start_daemon("apps: {}\n")
    assert NAME not in scratch_home.viscript("apps").ok().out
    scratch_home.write_config("apps:\n" + BLOCK)
    scratch_home.viscript("apply").ok()
    assert NAME in scratch_home.viscript("apps").ok().out
    assert scratch_home.daemon_pid() == pid


def test_the_help_of_the_app_is_shown_as_it_was_written(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps:\n" + BLOCK)
    shown = scratch_home.viscript("help", NAME).ok().out
    for line in yaml.safe_load("apps:\n" + BLOCK)["apps"][NAME]["help"].splitlines():
        assert line.strip() in shown


def test_the_example_command_gives_the_arguments_in_their_order(
    scratch_home: ScratchHome, short_tmp: Path
) -> None:
    """With the program in place, where the block says: beside the file."""
    told = short_tmp / "told"
    program = scratch_home.root / "bin" / "meshnet" / "meshnet-run-socks-server"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\nexec sleep 1000\n')
    program.chmod(0o755)
    scratch_home.start_daemon("apps:\n" + BLOCK)
    scratch_home.viscript("start", NAME, "sockssrv0", "101.202.34.56:9000", "8001").ok()
    assert told.read_text().split() == ["sockssrv0", "101.202.34.56:9000", "8001"]


def test_without_the_program_the_example_starts_ours_which_says_what_is_wrong(
    scratch_home: ScratchHome,
) -> None:
    """The visor of the example is on another host; with one that is here it serves."""
    mesh = f"plugins: {{settings: {{mesh: {{alone: true, listen: '127.0.0.1:{free_port()}'}}}}}}\n"
    scratch_home.start_daemon("apps:\n" + BLOCK + mesh)
    answer = scratch_home.viscript("start", NAME, "sockssrv0", "101.202.34.56:9000", "8001")
    assert answer.code == 1
    assert "101.202.34.56:9000 is an address of another host" in scratch_home.viscript("logs", NAME).out
    scratch_home.viscript("stop", NAME).ok()
    visor = str(scratch_home.root / "state" / "visor" / "app.sock")
    scratch_home.viscript("start", NAME, "sockssrv0", visor, "8001").ok()
    (told,) = scratch_home.viscript("socks", "status", "-o", "json").ok().json()
    assert (told["app"], told["name"], told["port"]) == (NAME, "sockssrv0", 8001)
    (listed,) = [one for one in scratch_home.viscript("la", "-o", "json").ok().json() if one["app"] == NAME]
    assert listed["name"] == "sockssrv0"
    again = scratch_home.viscript("start", NAME, "sockssrv0", visor, "8002")
    assert again.code == 1
    assert "the name 'sockssrv0' is taken" in again.err


def test_start_ping_usage_and_shutdown_by_the_sequence_id(scratch_home: ScratchHome) -> None:
    """`s apptracker 127.0.0.1:20000`, then ping, ru and sd through its id."""
    scratch_home.start_daemon("apps:\n" + BLOCK)
    started = scratch_home.viscript("s", "apptracker", f"127.0.0.1:{free_port()}").ok()
    found = re.match(r"\[(\d+)\] apptracker", started.out)
    assert found is not None
    seq = found[1]
    assert f"[{seq}] apptracker answered" in scratch_home.viscript("ping", seq).ok().out
    assert re.search(rf"^ *{seq} +apptracker", scratch_home.viscript("ru", seq).ok().out, re.MULTILINE)
    scratch_home.viscript("sd", seq).ok()
    assert row(scratch_home, int(seq))["state"] == "stopped"
    again = scratch_home.viscript("s", "apptracker", f"127.0.0.1:{free_port()}", "-o", "json").ok().json()
    assert again["id"] == int(seq) + 1  # unique, never used again


def test_long_and_short_spellings_are_the_same(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {nap: {command: [sleep, '1000']}}\n")
    scratch_home.viscript("start", "nap", "--no-wait").ok()
    for spellings in (
        ("help", "h", "?"),
        ("apps",),
        ("list_apps -o name", "la -o name", "ps -o name", "list_tasks -o name"),
        ("res_usage 1 -o name", "ru 1 -o name"),
    ):
        said = [scratch_home.viscript(*spelling.split()).ok().out for spelling in spellings]
        assert len(set(said)) == 1
        assert said[0]
    for spelling in ("ping 1", "p 1", "why nap", "p nap"):
        scratch_home.viscript(*spelling.split()).ok()
    for spelling in ("sd 1", "shutdown 1", "stop nap"):
        scratch_home.viscript(*spelling.split()).ok()


def test_the_same_by_a_script_and_by_a_pipe(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {nap: {command: [sleep, '1000']}}\n")
    by_script = scratch_home.viscript("-c", "s nap; ping 1; ru 1; sd 1").ok()
    by_pipe = scratch_home.viscript(stdin="s nap\nping 2\nru 2\nsd 2\n").ok()
    for said in (by_script.out, by_pipe.out):
        assert "nap is running" in said
        assert "nap is alive" in said
        assert "\x1b" not in said
        assert ">" not in said  # no prompt
    eventually(lambda: scratch_home.viscript("la", "-o", "json").ok().json() == [])


def test_headless_opens_no_prompt(scratch_home: ScratchHome) -> None:
    scratch_home.start_daemon("apps: {}\n" + SETTINGS.replace("runHeadless: false", "runHeadless: true"))
    shown = scratch_home.viscript("config", "show", "-o", "json").ok().out
    assert '"runHeadless": true' in shown

"""`ssh`, `scp`, `terminal known_hosts` and `terminal status`, over a daemon that is not there."""

import re
import sys
from pathlib import Path
from typing import Any

from plugins.terminal import options, verbs, visitors
from plugins.terminal.apps import HELP
from plugins.terminal.settings import Settings
from viscript.plugin import ExitCode, VerbCall, VerbError
from viscript.pluginhost.wire import CallData


class Daemon:
    """Answers `la` with these rows; the first app is just starting."""

    def __init__(self, *apps: str) -> None:
        self.rows = [{"id": number, "app": app} for number, app in enumerate(apps, 1)]

    async def ask(self, what: str, value: object) -> Any:
        assert isinstance(value, list)
        if value == ["la"]:
            return self.rows
        if value[0] == "1":
            raise VerbError(ExitCode.NOT_HEALTHY, "it is not on the bus")
        return {"open": 3}


def call(daemon: Daemon | None = None, **args: Any) -> VerbCall:
    return VerbCall(CallData(args=args), daemon or Daemon())


async def test_ssh_is_a_program_in_the_callers_place() -> None:
    asked = call(port=9, tty=True, no_tty=None, peer="mike", command=("ls", "-l"))
    program = (await verbs.ssh(asked)).program
    assert program[:4] == (sys.executable, "-P", "-m", "plugins.terminal.client")
    assert options.shell(program[4:]) == options.ShellOptions("mike", "ls -l", None, 9, True)
    asked = call(port=None, tty=None, no_tty=None, peer="mike", command=())
    assert options.shell((await verbs.ssh(asked)).program[4:]).command == ""


async def test_scp_is_one_too() -> None:
    program = (await verbs.scp(call(port=None, recurse=True, places=("-a", "mike:b")))).program
    assert program[3] == "plugins.terminal.copying"
    assert options.copy(program[4:]) == options.CopyOptions(("-a",), "mike:b", None, 2, True)


async def test_known_hosts_is_one_too() -> None:
    program = (await verbs.known_hosts(call(port=22, peer="mike"))).program
    assert program[3] == "plugins.terminal.known"
    assert options.known(program[4:]) == options.PeerOptions("mike", None, 22)


async def test_status_asks_each_terminal_and_one_that_does_not_answer_hides_no_other() -> None:
    rows = await verbs.status(call(Daemon("terminal", "visor", "SSH")))
    assert rows == [{"id": 1, "error": "it is not on the bus"}, {"id": 3, "open": 3}]


def test_the_guide_tells_of_every_verb_option_and_setting() -> None:
    page = (Path(__file__).parents[3] / "docs" / "guide" / "terminal.md").read_text(encoding="utf-8")
    for spec, _ in verbs.VERBS:
        assert spec.name in page
        assert all(page.count(option.flags[0]) for option in spec.options if option.name != "port")
    assert all(f"{name}:" in page for name in Settings.__struct_fields__)
    assert all(option in page for option in re.findall(r"--[a-z-]+", HELP))
    for number in (visitors.MOST, visitors.MOST_OF_ONE, visitors.SESSIONS):
        assert f"{number} " in page

"""The command line of boot.py: `up`, `test`, `lock`."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.faults import BootError

ROOT = Path(__file__).resolve().parent.parent

USAGE = """\
usage: python3 boot.py up [--apt] [ARGS...]      set up .venv, start the daemon, run `viscript ARGS...`
       python3 boot.py test [PYTEST ARGS...]     set up .venv with the tools, run every check and the tests
       python3 boot.py lock                      make requirements*.lock anew (needs uv)

--apt: as root, install the Debian package that `python3 -m venv` needs, if it is missing
"""


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code."""
    command = COMMANDS.get(argv[0]) if argv else None
    if command is None:
        asked = bool(argv) and argv[0] in {"-h", "--help", "help"}
        (sys.stdout if asked else sys.stderr).write(USAGE)
        return 0 if asked else 2
    try:
        return command(list(argv[1:]))
    except BootError as exc:
        sys.stderr.write(f"boot: {exc}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _up(args: list[str]) -> int:
    from tools import up

    apt = args[:1] == ["--apt"]
    return up.run(ROOT, args[apt:], apt=apt)


def _test(args: list[str]) -> int:
    from tools import checks

    return checks.run(ROOT, args)


def _lock(args: list[str]) -> int:
    from tools import lock

    if args:
        sys.stderr.write(USAGE)
        return 2
    return lock.run(ROOT)


COMMANDS: dict[str, Callable[[list[str]], int]] = {"up": _up, "test": _test, "lock": _lock}

"""`python -P -m viscript.keeper --home-root DIR --run DIR --state DIR`: the keeper of one home."""

import os
import sys

from viscript.keeper.keeper import AlreadyRunningError, Keeper
from viscript.keeper.launch import command
from viscript.keeper.places import ALREADY_RUNNING, Places

USAGE = 2
_OPTIONS = ("--home-root", "--run", "--state")


def main(argv: list[str]) -> int:
    """Serve until told to leave; the exit code."""
    if argv[-1:] == ["--check"]:
        sys.stdout.write("ok\n")
        return 0
    given = dict(zip(argv[::2], argv[1::2], strict=False))
    if len(argv) % 2 or set(given) != set(_OPTIONS):
        sys.stderr.write(f"usage: python -P -m viscript.keeper {' DIR '.join(_OPTIONS)} DIR\n")
        return USAGE
    os.chdir("/")
    places = Places(*(os.path.abspath(given[option]) for option in _OPTIONS))
    try:
        keeper = Keeper(places, os.environ, argv=tuple(command(places)))
    except AlreadyRunningError as exc:
        sys.stderr.write(f"{exc}\n")
        return ALREADY_RUNNING
    keeper.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

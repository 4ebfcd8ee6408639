"""`python -P -m viscript.keeper [--home-root DIR --run DIR --state DIR]`: the keeper of one home.

Without options it is the home that the environment means.
"""

import os
import sys

from viscript.home import HomeError, find_home, make_home
from viscript.keeper.keeper import AlreadyRunningError, Keeper
from viscript.keeper.launch import command
from viscript.keeper.places import ALREADY_RUNNING, Places

FAILED = 1
USAGE = 2
_OPTIONS = ("--home-root", "--run", "--state")


def main(argv: list[str]) -> int:
    """Serve until told to leave; the exit code."""
    if argv[-1:] == ["--check"]:
        sys.stdout.write("ok\n")
        return 0
    try:
        places = _places(argv)
        if places is None:
            sys.stderr.write(f"usage: python -P -m viscript.keeper [{' DIR '.join(_OPTIONS)} DIR]\n")
            return USAGE
        os.chdir("/")
        keeper = Keeper(places, os.environ, argv=tuple(command(places)))
    except AlreadyRunningError as exc:
        sys.stderr.write(f"{exc}\n")
        return ALREADY_RUNNING
    except HomeError as exc:
        sys.stderr.write(f"{exc}\n")
        return FAILED
    keeper.run()
    return 0


def _places(argv: list[str]) -> Places | None:
    """Where the options say, or the environment; None for options that do not make sense."""
    if not argv:
        home = find_home(os.environ)
        make_home(home)
        return Places(home.root, home.run, home.keeper)
    given = dict(zip(argv[::2], argv[1::2], strict=False))
    if len(argv) % 2 or set(given) != set(_OPTIONS):
        return None
    return Places(*(os.path.abspath(given[option]) for option in _OPTIONS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

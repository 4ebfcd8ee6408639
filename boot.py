"""The one script of a fresh clone: `python3 boot.py up` and `python3 boot.py test`.

Written so that Python 2.7 can read it: an old Python then says what is wrong instead of raising a
SyntaxError. All that follows the check lives in `tools/`, in today's Python.
"""

import os
import sys

OLDEST = (3, 11)


def too_old(version, executable):
    """What to tell someone whose Python is too old; empty when it is not."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    return "boot: Python %d.%d or newer is needed, %s is %d.%d; try: python%d.%d boot.py up\n" % (
        OLDEST + (executable, version[0], version[1]) + OLDEST
    )


def main():
    """Check the Python, then hand over to `tools.command`."""
    complaint = too_old(sys.version_info, sys.executable)
    if complaint:
        sys.stderr.write(complaint)
        return 1
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from tools.command import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

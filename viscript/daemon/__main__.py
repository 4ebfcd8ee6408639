"""`python -P -m viscript.daemon`: the daemon itself. People start it by `viscript daemon`."""

import sys

from viscript.daemon import garbage

if __name__ == "__main__":
    garbage.hold_off()  # from before the imports on
    from viscript.daemon.program import main

    sys.exit(main(sys.argv[1:]))

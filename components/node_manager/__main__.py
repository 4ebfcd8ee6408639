"""`python -P -m components.node_manager`: see `command`."""

import sys

from components.node_manager.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

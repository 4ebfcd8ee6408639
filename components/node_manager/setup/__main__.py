"""`python -P -m components.node_manager.setup`: run a setup node."""

import sys

from components.node_manager.setup.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

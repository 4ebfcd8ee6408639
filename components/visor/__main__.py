"""`python -P -m components.visor`: run a visor."""

import sys

from components.visor.node.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

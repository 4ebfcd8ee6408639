"""`python -P -m components.messenger`: run a messenger."""

import sys

from components.messenger.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

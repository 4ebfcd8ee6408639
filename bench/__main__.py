"""`python3 -m bench`: goes over to the Python of .venv, as boot.py does, and there runs `bench.command`."""

import sys

from bench import entering

if __name__ == "__main__":
    fault = entering.enter(sys.argv[1:])
    if fault:
        sys.exit(f"bench: {fault}")
    from bench.command import main

    sys.exit(main(sys.argv[1:]))

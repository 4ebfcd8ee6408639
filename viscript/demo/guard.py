"""`python -P -m viscript.demo.guard FOLDER`: waits for the end of its input, then ends what runs there."""

import sys
from pathlib import Path

from viscript.demo.scratch import scene_at


def main(words: list[str]) -> int:
    """Exit code 0."""
    root = Path(words[0])
    sys.stdin.buffer.read()
    if root.exists():
        scene_at(root).close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

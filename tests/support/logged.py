"""What an app wrote, straight from the log folder on disk, and whether it is complete."""

from pathlib import Path


def logged(folder: Path) -> bytes:
    """Every byte the keeper kept, in order."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*[0-9].log")))


def numbers(data: bytes) -> list[int]:
    """The numbered lines; a last line that is still being written is left out."""
    return [int(line) for line in data.split(b"\n")[:-1]]


def assert_complete(data: bytes) -> int:
    """No line lost, none doubled, in order; how many there are."""
    found = numbers(data)
    wrong = [(at, n) for at, n in enumerate(found) if at != n]
    assert not wrong, f"first wrong line: position {wrong[0][0]} holds {wrong[0][1]}"
    return len(found)

"""The cgroups of a test's home: whether this machine lets us have any, and that none are left."""

from pathlib import Path

from viscript.keeper import groups
from viscript.keeper.host import home_number


def groups_of(root: Path) -> groups.Groups:
    """The groups of a home, as its keeper finds them."""
    return groups.find(home_number(str(root)))


def remove_groups(root: Path) -> None:
    """A keeper that was killed leaves its folders."""
    found = groups_of(root)
    for folder in found.known().values():
        found.remove(folder)
    found.close()

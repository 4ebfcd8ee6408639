"""A YAML text as a tree that knows where everything stands; made by `yamltext`. Pure."""

import msgspec

from viscript.config.fault import Place
from viscript.config.scalars import Value, scalar_text


class Scalar(msgspec.Struct, frozen=True):
    """One value; `text` is how it was written, without quotes."""

    place: Place
    text: str
    value: Value
    size: int = 1
    depth: int = 0


class Items(msgspec.Struct, frozen=True):
    """A list."""

    place: Place
    items: "tuple[Node, ...]"
    size: int = 1
    depth: int = 1


class Entry(msgspec.Struct, frozen=True):
    """One key of a mapping; `place` is that of the key."""

    key: str
    place: Place
    value: "Node"


class Entries(msgspec.Struct, frozen=True):
    """A mapping, in the order of the file."""

    place: Place
    entries: tuple[Entry, ...]
    size: int = 1
    depth: int = 1

    def get(self, key: str) -> Entry | None:
        """The entry with that key."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Items | Entries


def join(path: str, key: str) -> str:
    """The dotted path of a key below `path`."""
    return f"{path}.{key}" if path and key else path or key


def plain(node: Node) -> object:
    """The tree as dicts, lists and values."""
    if isinstance(node, Entries):
        return {entry.key: plain(entry.value) for entry in node.entries}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return node.value


def tree_of(data: object, place: Place) -> Node:
    """The opposite of `plain`: every node stands at `place`."""
    if isinstance(data, dict):
        return Entries(
            place, tuple(Entry(str(key), place, tree_of(item, place)) for key, item in data.items())
        )
    if isinstance(data, list | tuple):
        return Items(place, tuple(tree_of(item, place) for item in data))
    value = data if isinstance(data, str | int | float | bool) or data is None else str(data)
    return Scalar(place, scalar_text(value), value)

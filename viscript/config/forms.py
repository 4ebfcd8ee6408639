"""Short spellings of a tree turned into the long ones the types know. Pure.

ready: signal            ->  ready: {signal: true}
after: {db: ready}       ->  after: [{app: db, condition: ready}]
web: 127.0.0.1:80        ->  web: {listen: 127.0.0.1:80}
memory: 512MiB           ->  memory: {max: 512MiB}
store: etcd://a          ->  store: {url: "etcd://a"}
after: [db, {x: healthy}] -> after: [{app: db}, {app: x, condition: healthy}]
"""

from collections.abc import Callable
from typing import Final

from viscript.config.model import After, Check, CountLimit, CpuLimit, MemoryLimit, Socket, Store
from viscript.config.tree import Entries, Entry, Items, Node, Scalar

CHECK_WORDS: Final = ("signal", "notify")
_AFTER_KEYS: Final = frozenset({"app", "condition"})


def long_form(kind: type, node: Node) -> Node:
    """The node in its long spelling, where `kind` has a short one."""
    rewrite = _REWRITES.get(kind)
    return rewrite(node) if rewrite else node


def listed(kind: type, node: Node) -> Node:
    """A mapping given for a list of `After`, as that list."""
    if kind is not After or not isinstance(node, Entries) or node.get("app") is not None:
        return node
    return Items(node.place, tuple(_after_pair(entry) for entry in node.entries))


def _check(node: Node) -> Node:
    if isinstance(node, Scalar) and node.value in CHECK_WORDS:
        return Entries(node.place, (Entry(node.text, node.place, Scalar(node.place, "true", True)),))
    return node


def _after(node: Node) -> Node:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Entries(node.place, (Entry("app", node.place, node),))
    if isinstance(node, Entries) and len(node.entries) == 1 and node.entries[0].key not in _AFTER_KEYS:
        return _after_pair(node.entries[0])
    return node


def _after_pair(entry: Entry) -> Entries:
    name = Scalar(entry.place, entry.key, entry.key)
    pair = (Entry("app", entry.place, name), Entry("condition", entry.place, entry.value))
    return Entries(entry.place, pair)


def _value_of(key: str) -> Callable[[Node], Node]:
    """A value alone stands for that key of its section."""

    def rewrite(node: Node) -> Node:
        if isinstance(node, Scalar) and node.value is not None:
            return Entries(node.place, (Entry(key, node.place, node),))
        return node

    return rewrite


_REWRITES: Final[dict[type, Callable[[Node], Node]]] = {
    Check: _check,
    After: _after,
    Socket: _value_of("listen"),
    Store: _value_of("url"),
    MemoryLimit: _value_of("max"),
    CpuLimit: _value_of("max"),
    CountLimit: _value_of("max"),
}

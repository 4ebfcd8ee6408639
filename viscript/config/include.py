"""What an included file adds to the tree of the including one. Pure.

An included file holds `apps` and nothing else; an app stands in one file only.
"""

from collections.abc import Iterator

from viscript.config.fault import Fault, fault_at
from viscript.config.suggest import closest
from viscript.config.tree import Entries, Entry, Items, Node, Scalar, join


def patterns(tree: Node) -> Iterator[Scalar]:
    """The patterns of `include`; what is not text is left to the conversion to refuse."""
    entry = tree.get("include") if isinstance(tree, Entries) else None
    if entry is not None and isinstance(entry.value, Items):
        yield from (item for item in entry.value.items if isinstance(item, Scalar) and _is_pattern(item))


def _is_pattern(item: Scalar) -> bool:
    return isinstance(item.value, str) and item.text != "" and "\0" not in item.text


def joined(tree: Node, included: Node) -> tuple[Node, list[Fault]]:
    """The tree with the apps of an included one, and the faults of that one."""
    if isinstance(included, Scalar) and included.value is None:
        return tree, []
    if not isinstance(included, Entries):
        return tree, [fault_at(included.place, "", "expected a mapping with apps")]
    message = "an included file may hold apps only"
    others = [entry for entry in included.entries if entry.key != "apps"]
    faults = [fault_at(entry.place, entry.key, message, closest(entry.key, ("apps",))) for entry in others]
    entry = included.get("apps")
    if entry is None or not isinstance(tree, Entries):
        return tree, faults
    return _with_apps(tree, entry, faults), faults


def _with_apps(tree: Entries, added: Entry, faults: list[Fault]) -> Entries:
    old = tree.get("apps")
    apps = old.value if old else Entries(added.place, ())
    if isinstance(apps, Scalar) and apps.value is None:
        apps = Entries(apps.place, ())
    if isinstance(added.value, Scalar) and added.value.value is None:
        return tree
    if not isinstance(added.value, Entries) or not isinstance(apps, Entries):
        faults.append(fault_at(added.value.place, "apps", "expected a mapping"))
        return tree
    taken = {entry.key: entry.place for entry in apps.entries}
    for entry in added.value.entries:
        if entry.key in taken:
            first = taken[entry.key]
            message = f"this app is already given in {first.file}, line {first.line}"
            faults.append(fault_at(entry.place, join("apps", entry.key), message))
    fresh = tuple(entry for entry in added.value.entries if entry.key not in taken)
    whole = Entry("apps", old.place if old else added.place, Entries(apps.place, (*apps.entries, *fresh)))
    return Entries(tree.place, (*(kept for kept in tree.entries if kept.key != "apps"), whole))
